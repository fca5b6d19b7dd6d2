#pragma once
#include <cstdint>
#include <string>

#include <sys/socket.h>

namespace trivet::bench {

/// An address and a port in the form that the kernel takes. A value type.
class SocketAddress {
public:
    /// Throws std::invalid_argument when `text` is neither an IPv4 nor an IPv6 address.
    SocketAddress(const std::string& text, std::uint16_t port);

    int family() const { return storage_.ss_family; }
    socklen_t size() const { return size_; }
    const sockaddr* get() const {
        return static_cast<const sockaddr*>(static_cast<const void*>(&storage_));
    }

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

}  // namespace trivet::bench
