#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <libmnl/libmnl.h>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/result.hpp"

namespace trivet::announce {

/// One rtnetlink message under construction. A value type.
class NetlinkRequest {
public:
    NetlinkRequest(std::uint16_t type, std::uint16_t flags);
    NetlinkRequest(const NetlinkRequest&) = delete;
    NetlinkRequest& operator=(const NetlinkRequest&) = delete;
    ~NetlinkRequest() = default;

    nlmsghdr& message() { return *message_; }
    template <class Header>
    Header& add_header() {
        return *static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
    }

private:
    static constexpr std::size_t bytes_max = 512;  // our requests carry a handful of attributes
    alignas(nlmsghdr) std::array<std::byte, bytes_max> buffer_{};
    nlmsghdr* message_;
};

/// An rtnetlink socket for requests that are answered at once. The kernel answers within the
/// sending system call, so nothing here waits for anybody but the kernel's own lock.
/// Not thread-safe.
class NetlinkSocket {
public:
    /// Errors: unavailable.
    static Result<NetlinkSocket> open();

    /// Errors, from the kernel's acknowledgement: conflict (EEXIST), not_found (ENODEV,
    /// EADDRNOTAVAIL), not_allowed, unavailable for all others.
    Result<void> perform(NetlinkRequest& request);
    /// All in one system call, in order; one that fails does not keep the others back. Returns the
    /// failures by index. Errors: as above.
    std::map<std::size_t, Error> perform(std::deque<NetlinkRequest>& requests);
    /// For a question with one answer. Errors: as above.
    Result<void> ask(NetlinkRequest& request,
                     const std::function<void(const nlmsghdr&)>& on_answer);
    /// Calls `on_message` for each part of the answer; starts over when the kernel says that it
    /// changed meanwhile, after `on_restart`.
    struct DumpHandlers {
        std::function<void()> on_restart;
        std::function<void(std::span<const std::byte>)> on_message;
    };
    Result<void> dump(NetlinkRequest& request, const DumpHandlers& handlers);

private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    enum class DumpEnd { complete, interrupted };

    explicit NetlinkSocket(mnl_socket* socket);
    Result<void> send(NetlinkRequest& request);
    Result<DumpEnd> receive_dump(const DumpHandlers& handlers);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::vector<std::byte> buffer_;
    unsigned sequence_ = 0;
};

/// What an errno of the kernel's acknowledgement means.
Error netlink_error(int errno_value);

/// Calls `on_message` with each message of a datagram.
void for_each_message(
    std::span<const std::byte> datagram,
    const std::function<void(const nlmsghdr&, std::span<const std::byte>)>& on_message);

/// The errno of an NLMSG_ERROR message; 0 is an acknowledgement.
int acknowledged_errno(const nlmsghdr& message);

}  // namespace trivet::announce
