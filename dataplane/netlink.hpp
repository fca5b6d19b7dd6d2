#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <libmnl/libmnl.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace trivet::dataplane {

/// Netlink messages under construction, one behind the other, to be sent in one system call.
/// Its memory is allocated once; a value that is reused on a path that must not allocate.
class NetlinkBatch {
public:
    explicit NetlinkBatch(std::size_t bytes_max) : buffer_(bytes_max) {}

    /// Begins another message; those before it are complete.
    void add(std::uint16_t type, std::uint16_t flags);
    template <class Header>
    Header& add_header() {
        reserve(sizeof(Header));
        return *static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
    }
    void put_bytes(std::uint16_t type, const void* data, std::size_t size);
    void put_text(std::uint16_t type, const char* text);  // with its final zero
    void put_u32(std::uint16_t type, std::uint32_t value) { put_bytes(type, &value, sizeof value); }
    void put_be32(std::uint16_t type, std::uint32_t host_order);
    void put_be64(std::uint16_t type, std::uint64_t host_order);
    [[nodiscard]] nlattr* begin_nested(std::uint16_t type);
    void end_nested(nlattr* attribute) { mnl_attr_nest_end(message_, attribute); }

    /// The kernel is to say when it has taken the last message; a batch needs one such message.
    void acknowledge();

    void clear();
    std::size_t size() const;
    std::size_t room() const { return buffer_.size() - size(); }

private:
    friend class NetlinkSocket;
    void reserve(std::size_t bytes) const;

    std::vector<std::byte> buffer_;
    nlmsghdr* message_ = nullptr;  // the last one; null: there is none yet
    std::size_t acknowledgements_ = 0;
};

/// What the kernel said to a batch: 0, or an errno and sometimes a sentence (of the last failure).
struct NetlinkAnswer {
    int error = 0;
    std::string_view sentence;  // in the socket's memory, until its next use
    bool ok() const { return error == 0; }
};

/// A netlink socket whose requests the kernel answers before the sending system call returns, so
/// that nothing here waits for anybody but the kernel's own locks. After open() it does not
/// allocate. Not thread-safe.
class NetlinkSocket {
public:
    /// `protocol` is NETLINK_ROUTE or NETLINK_NETFILTER. Errors: as netlink_error.
    static Result<NetlinkSocket> open(int protocol);

    /// Sends the batch and reads the answers; good if all acknowledgements came and no error.
    NetlinkAnswer perform(NetlinkBatch& batch) noexcept;
    /// Asks with one message and calls `on_message` for each part of the answer, which is collected
    /// first: `on_message` may use the socket. Errors: as perform; a table that keeps changing.
    Result<void> dump(NetlinkBatch& request,
                      const std::function<void(const nlmsghdr&)>& on_message);

private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    enum class DumpEnd : std::uint8_t { complete, interrupted };

    explicit NetlinkSocket(mnl_socket* socket);
    int send(NetlinkBatch& batch) noexcept;  // 0 or errno
    std::ptrdiff_t receive() noexcept;       // size, or -errno; -EAGAIN: nothing is left
    Result<DumpEnd> collect(std::vector<std::byte>& parts);
    void note(const nlmsghdr& message, NetlinkAnswer& answer, std::size_t& acknowledged) noexcept;

    std::unique_ptr<mnl_socket, Close> socket_;
    std::vector<std::byte> buffer_;
    std::array<char, 256> sentence_{};
    std::uint32_t sequence_ = 0;
};

/// The error of a failed request: `what` names the attempt and its object. Its code: conflict,
/// not_found, not_allowed; invalid_argument, also when the kernel does not know such requests;
/// unavailable for all others.
Error netlink_error(const std::string& what, const NetlinkAnswer& answer);

/// The attribute of that type, directly behind a fixed header of `header_bytes`; null: absent.
const nlattr* find_attribute(const nlmsghdr& message, std::size_t header_bytes, std::uint16_t type);
const nlattr* find_nested(const nlattr& attribute, std::uint16_t type);
std::string attribute_text(const nlattr* attribute);  // "" when it is null

}  // namespace trivet::dataplane
