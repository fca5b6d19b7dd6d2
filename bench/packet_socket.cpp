#include "bench/packet_socket.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/boot_time.hpp"

namespace trivet::bench {
namespace {

constexpr int packet_ignore_outgoing = 23;      // linux/if_packet.h, since Linux 4.20
constexpr int buffer_bytes = 64 * 1024 * 1024;  // 10,000 VIPs are announced in a burst
constexpr std::size_t batch_frames = 64, frame_bytes_max = 256;

}  // namespace

PacketSocket::PacketSocket(const std::string& interface, std::uint16_t ethertype)
    : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const int on = 1;
    ifreq request{};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ethertype);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    if (socket_ < 0 || address.sll_ifindex == 0 ||
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) !=
            0 ||
        ::setsockopt(socket_, SOL_PACKET, packet_ignore_outgoing, &on, sizeof on) != 0 ||
        !ask_for_timestamps(socket_) || ::ioctl(socket_, SIOCGIFHWADDR, &request) != 0 ||
        ::bind(socket_, generic, sizeof address) != 0) {
        const std::string reason = std::strerror(errno);
        if (socket_ >= 0) ::close(socket_);
        throw std::runtime_error("interface " + interface + ": " + reason);
    }
    std::memcpy(mac_.data(), request.ifr_hwaddr.sa_data, mac_.size());
}

PacketSocket::~PacketSocket() { ::close(socket_); }

void PacketSocket::send(FrameBytes frame) const {
    [[maybe_unused]] const ssize_t sent = ::send(socket_, frame.data(), frame.size(), MSG_DONTWAIT);
}

void PacketSocket::receive(const std::function<void(FrameBytes, std::int64_t)>& take) const {
    struct alignas(cmsghdr) Control {
        std::array<char, 128> bytes;
    };
    static_assert(CMSG_SPACE(sizeof(timespec)) <= sizeof(Control));
    std::vector<std::array<std::uint8_t, frame_bytes_max>> frames(batch_frames);
    std::vector<Control> controls(batch_frames);
    std::vector<iovec> buffers(batch_frames);
    std::vector<mmsghdr> messages(batch_frames);
    for (;;) {
        for (std::size_t i = 0; i < batch_frames; ++i) {
            buffers[i] = {.iov_base = frames[i].data(), .iov_len = frame_bytes_max};
            msghdr& header = messages[i].msg_hdr;
            header = {};
            header.msg_iov = &buffers[i];
            header.msg_iovlen = 1;
            header.msg_control = controls[i].bytes.data();
            header.msg_controllen = sizeof(Control);
        }
        const int count = ::recvmmsg(socket_, messages.data(), batch_frames, MSG_DONTWAIT, nullptr);
        for (int i = 0; i < count; ++i) {
            const auto which = static_cast<std::size_t>(i);
            take(FrameBytes(frames[which].data(), messages[which].msg_len),
                 received_at(messages[which].msg_hdr));
        }
        if (count < static_cast<int>(batch_frames)) return;
    }
}

std::uint32_t PacketSocket::dropped() const {
    tpacket_stats statistics{};
    socklen_t size = sizeof statistics;
    if (::getsockopt(socket_, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0)
        throw std::runtime_error(std::string("PACKET_STATISTICS: ") + std::strerror(errno));
    return statistics.tp_drops;
}

}  // namespace trivet::bench
