#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include "announce/bfd/bfd_table.hpp"
#include "core/ip_address.hpp"
#include "core/result.hpp"

namespace trivet::announce::bfd {

struct Ports {
    std::uint16_t control = 3784;   // RFC 5881 section 4
    std::uint16_t multihop = 4784;  // RFC 5883 section 5
    std::uint16_t echo = 3785;      // RFC 5881 section 4
    std::uint16_t of(Channel channel) const;
};

/// An open descriptor. Moves, and closes what it has.
class Descriptor {
public:
    explicit Descriptor(int descriptor = -1) : descriptor_(descriptor) {}
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

/// Datagrams of one socket, as many as one system call brings. Made once; receiving allocates
/// nothing.
class ReceiveBatch {
public:
    static constexpr std::size_t datagrams_max = 64;
    // BFD's Length field says 255 at most; of a longer datagram the rest is not looked at.
    static constexpr std::size_t datagram_bytes_max = 512;
    static constexpr std::size_t control_bytes_max = 128;  // two pieces of ancillary data

    struct Received {
        Datagram datagram = {};                  // its payload lies in the batch
        const sockaddr_storage* from = nullptr;  // with the port
        socklen_t from_size = 0;
        bool is_cut = false;
    };

    ReceiveBatch();
    ~ReceiveBatch() = default;
    ReceiveBatch(const ReceiveBatch&) = delete;
    ReceiveBatch& operator=(const ReceiveBatch&) = delete;

    /// How many came; 0: none waits, or errno says why not. Never waits.
    std::size_t receive(int descriptor);
    /// nullopt: the kernel has not told hop limit and destination.
    std::optional<Received> at(std::size_t index) const;

private:
    struct Room {
        std::array<std::byte, datagram_bytes_max> payload;
        sockaddr_storage from;
        alignas(cmsghdr) std::array<std::byte, control_bytes_max> control;
        iovec part;
    };
    std::array<Room, datagrams_max> rooms_;
    std::array<mmsghdr, datagrams_max> headers_{};
};

/// Where packets come in: one port of one family, on one device or on all. Echo packets go out here
/// too. The BFD thread owns it.
class ListeningSocket {
public:
    struct Place {
        Channel channel = Channel::control;
        IpFamily family = IpFamily::ipv4;
        std::string device = {};  // empty: all that have no socket of their own
        friend auto operator<=>(const Place&, const Place&) = default;
    };
    struct EchoWay {
        std::optional<IpAddress> from = {};
        std::uint32_t interface = 0;  // 0: as the kernel routes
        std::uint8_t hop_limit = 255;
    };

    /// Of the port, with sockets of ours on other devices, which share() it meanwhile. Otherwise it
    /// must be free, or packets would go to whoever had it last.
    enum class Sharing : std::uint8_t { alone, with_ours };
    /// Errors: unavailable, naming port and reason; not_found, there is no such device.
    static Result<std::unique_ptr<ListeningSocket>> open(const Place& place, std::uint16_t port,
                                                         Sharing sharing);

    int descriptor() const { return descriptor_.get(); }
    Channel channel() const { return channel_; }
    std::uint32_t device_index() const { return device_index_; }  // 0: all
    void share(bool is_shared);
    bool send_echo(std::span<const std::byte> payload, const sockaddr_storage& to,
                   socklen_t to_size, const EchoWay& way);

private:
    ListeningSocket(Descriptor descriptor, const Place& place, std::uint32_t device_index)
        : descriptor_(std::move(descriptor)),
          channel_(place.channel),
          family_(place.family),
          device_index_(device_index) {}

    Descriptor descriptor_;
    Channel channel_;
    IpFamily family_;
    std::uint32_t device_index_;
};

/// Where one session's control packets go out: from a port of its own (RFC 5881 section 4), with
/// the hop limit 255. Receives nothing. The BFD thread owns it.
class SendingSocket {
public:
    struct Way {
        std::optional<IpAddress> local = {};
        IpAddress remote = {};
        std::uint16_t remote_port = 0;
        std::string device = {};
        std::uint32_t device_index = 0;
    };
    /// Errors: unavailable, naming the reason.
    static Result<std::unique_ptr<SendingSocket>> open(const Way& way, std::minstd_rand& random);

    /// 0, or errno. Never waits.
    int send(std::span<const std::byte> packet);

private:
    explicit SendingSocket(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

    Descriptor descriptor_;
    sockaddr_storage to_{};
    socklen_t to_size_ = 0;
};

/// The kernel's form. `scope` is the interface of a link-local IPv6 address.
socklen_t to_socket_address(sockaddr_storage& storage, const IpAddress& address, std::uint16_t port,
                            std::uint32_t scope);

}  // namespace trivet::announce::bfd
