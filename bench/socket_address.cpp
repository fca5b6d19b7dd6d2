#include "bench/socket_address.hpp"

#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace trivet::bench {

SocketAddress::SocketAddress(const std::string& text, std::uint16_t port) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        size_ = sizeof v4;
        std::memcpy(&storage_, &v4, size_);
    } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        size_ = sizeof v6;
        std::memcpy(&storage_, &v6, size_);
    } else {
        throw std::invalid_argument("'" + text + "' is no address");
    }
}

}  // namespace trivet::bench
