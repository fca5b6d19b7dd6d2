#pragma once
#include <map>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace trivet::announce {

/// The kernel settings that keep Linux itself from answering for an address on lo (delivery bind):
/// by default it answers ARP for any of its addresses on any interface.
enum class ArpSysctl : std::uint8_t {
    arp_ignore,    // answer only for addresses of the interface that was asked
    arp_announce,  // use only such an address as the sender of own requests
};
std::string_view to_string(ArpSysctl setting);

/// The value that we set: the mildest that keeps the kernel quiet.
int wanted_value(ArpSysctl setting);
/// Whether an effective value (the larger of `all` and the interface's) keeps the kernel quiet
/// about an address of scope host on lo. Values that the kernel does not define act as 0.
bool keeps_quiet(ArpSysctl setting, int effective_value);

/// What was changed, kept in a file so that it can be undone after a crash. A value type.
struct ArpSysctlMemory {
    struct Change {
        int before = 0;
        int ours = 0;
        bool operator==(const Change&) const = default;
    };
    std::string boot_id;  // of the machine's run; at the next boot there is nothing to undo
    std::map<ArpSysctl, Change> changes;
    bool operator==(const ArpSysctlMemory&) const = default;

    std::string encode() const;
    /// Errors: corrupt.
    static Result<ArpSysctlMemory> decode(std::string_view text);
};

}  // namespace trivet::announce
