#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "announce/bfd/bfd_socket.hpp"
#include "announce/bfd/echo_frame.hpp"

namespace trivet::announce::bfd {

/// Echo packets that are addressed to who has sent them, as frames: the kernel's UDP takes neither
/// the neighbours' (they are for others) nor ours when they come back (they are from ourselves).
/// The BFD thread owns it.
class EchoLink {
public:
    struct Place {
        IpFamily family = IpFamily::ipv4;
        std::uint32_t device_index = 0;  // 0: all
    };
    struct Received {
        EchoFrame frame;
        std::uint32_t interface = 0;
    };

    /// Errors: not_allowed, lacks CAP_NET_RAW; unavailable, naming the reason.
    static Result<std::unique_ptr<EchoLink>> open(const Place& place, std::uint16_t port);

    int descriptor() const { return descriptor_.get(); }
    /// The next one that waits; nullopt: none does. It stays until the next call.
    std::optional<Received> receive();
    bool send(const EchoFrameBytes& frame, std::uint32_t interface);
    /// The last one received goes back, unless the kernel forwards what comes in there: once is
    /// enough.
    bool return_last(Instant now);

private:
    EchoLink(Descriptor descriptor, IpFamily family, std::uint16_t port)
        : descriptor_(std::move(descriptor)), family_(family), port_(port) {}
    bool send(std::span<const std::byte> frame, std::uint32_t interface) const;
    bool kernel_forwards(std::uint32_t interface, Instant now);

    Descriptor descriptor_;
    IpFamily family_;
    std::uint16_t port_;
    std::array<std::byte, 1536> frame_{};
    std::size_t frame_bytes_ = 0;
    std::uint32_t interface_ = 0;  // of the last one received
    std::uint32_t looked_at_interface_ = 0;
    std::optional<Instant> looked_at_;
    bool kernel_forwards_ = false;
};

}  // namespace trivet::announce::bfd
