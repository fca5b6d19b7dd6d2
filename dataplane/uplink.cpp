#include "dataplane/uplink.hpp"

#include <cerrno>
#include <cstring>

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "dataplane/file_descriptor.hpp"

namespace trivet::dataplane {

Result<std::string> uplink_name(std::uint32_t ifindex) {
    const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0)
        return fail(ErrorCode::unavailable,
                    std::string("cannot ask for interfaces: ") + std::strerror(errno));
    ifreq request{};
    if (if_indextoname(ifindex, request.ifr_name) == nullptr ||
        ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0) {
        const std::string object = "interface " + std::to_string(ifindex);
        if (errno == ENXIO || errno == ENODEV)
            return fail(ErrorCode::not_found, object + " has vanished");
        return fail(ErrorCode::unavailable,
                    "cannot ask for " + object + ": " + std::strerror(errno));
    }
    const auto type = request.ifr_hwaddr.sa_family;
    if (type != ARPHRD_ETHER)
        return fail(ErrorCode::invalid_argument,
                    std::string(request.ifr_name) + " is not an Ethernet interface (type " +
                        std::to_string(type) + "), so that no VIP can be announced on it");
    return std::string(request.ifr_name);
}

}  // namespace trivet::dataplane
