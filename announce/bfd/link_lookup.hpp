#pragma once
#include <cstdint>
#include <optional>

#include "announce/bfd/bfd_socket.hpp"
#include "core/ip_address.hpp"
#include "core/link_address.hpp"

namespace trivet::announce::bfd {

/// Asks the kernel for MAC addresses. Each answer is there at once: it is made within the call that
/// asks. The BFD thread owns it.
class LinkLookup {
public:
    LinkLookup();

    /// nullopt: it is no Ethernet interface, or there is none.
    std::optional<MacAddress> own(std::uint32_t interface);
    /// As the neighbour table has it. nullopt: not at present.
    std::optional<MacAddress> neighbour(std::uint32_t interface, const IpAddress& address);

private:
    Descriptor route_;  // a netlink socket; -1: there is none, and nothing is found
    Descriptor any_;    // whatever takes ioctl()
    std::uint32_t sequence_ = 0;
};

}  // namespace trivet::announce::bfd
