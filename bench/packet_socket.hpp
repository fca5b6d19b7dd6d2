#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace trivet::bench {

using Mac = std::array<std::uint8_t, 6>;
using FrameBytes = std::span<const std::uint8_t>;

/// The frames of one EtherType on one interface, those of other machines included; a raw socket.
/// Owned by a program's main loop. Throws std::runtime_error when the interface cannot be opened.
class PacketSocket {
public:
    PacketSocket(const std::string& interface, std::uint16_t ethertype);
    ~PacketSocket();
    PacketSocket(const PacketSocket&) = delete;
    PacketSocket& operator=(const PacketSocket&) = delete;

    int file() const { return socket_; }
    const Mac& mac() const { return mac_; }
    /// A frame that the kernel does not take is lost, as on any network.
    void send(FrameBytes frame) const;
    /// Calls `take(frame, received_at)` for what has come, in order, without waiting.
    void receive(const std::function<void(FrameBytes, std::int64_t)>& take) const;
    /// Frames that came faster than they were read, since the last call.
    std::uint32_t dropped() const;

private:
    int socket_ = -1;
    Mac mac_{};
};

}  // namespace trivet::bench
