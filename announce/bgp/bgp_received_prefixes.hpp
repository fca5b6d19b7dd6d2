#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>

#include "core/ip_address.hpp"

namespace trivet::announce::bgp {

/// Which prefixes the peer has announced and not withdrawn, so that they can be counted. Nothing
/// else of them is kept, and never more than the limit of each family: memory stays bounded however
/// many UPDATEs come. A value that its session owns.
class ReceivedPrefixes {
public:
    explicit ReceivedPrefixes(std::uint32_t per_family_max) : per_family_max_(per_family_max) {}

    /// Whether there was room for it, or it was there already (RFC 4271 section 6.7).
    [[nodiscard]] bool announce(const Prefix& prefix) {
        std::set<Prefix>& known = of(prefix.family());
        if (known.size() < per_family_max_) {
            known.insert(prefix);
            return true;
        }
        return known.contains(prefix);
    }
    void withdraw(const Prefix& prefix) { of(prefix.family()).erase(prefix); }
    void clear() { by_family_ = {}; }

    std::uint32_t per_family_max() const { return per_family_max_; }
    std::size_t count(IpFamily family) const {
        return by_family_[static_cast<std::size_t>(family)].size();
    }

private:
    std::set<Prefix>& of(IpFamily family) { return by_family_[static_cast<std::size_t>(family)]; }

    std::uint32_t per_family_max_;
    std::array<std::set<Prefix>, 2> by_family_;
};

}  // namespace trivet::announce::bgp
