#pragma once
#include <map>
#include <optional>
#include <vector>

#include "core/ip_address.hpp"

namespace trivet {

/// A set of addresses of both families, kept as disjoint ranges that do not touch: adding,
/// removing, looking up and finding the lowest member all take O(log n) of the number of ranges,
/// however many addresses these hold. A value type.
class IntervalSet {
public:
    void add(const AddressRange& range);
    void remove(const AddressRange& range);
    void add(IpAddress address) { add(AddressRange{address, address}); }
    void remove(IpAddress address) { remove(AddressRange{address, address}); }

    bool contains(IpAddress address) const;
    bool empty() const { return last_of_.empty(); }
    std::optional<IpAddress> lowest(IpFamily family) const;
    /// The lowest address of `range` that is not in the set.
    std::optional<IpAddress> first_gap(const AddressRange& range) const;
    /// Of one family, saturating at 2^64-1.
    std::uint64_t size(IpFamily family) const;
    std::vector<AddressRange> ranges() const;

    bool operator==(const IntervalSet&) const = default;

private:
    std::map<IpAddress, IpAddress> last_of_;  // first to last address of each range
};

}  // namespace trivet
