// Sends broadcast ARP requests for addresses of a prefix at a steady rate, as a noisy network does.
// Prints {"sent", "seconds", "per_second"} at the end.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <time.h>
#include <vector>

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/ip_address.hpp"

namespace {

using trivet::IpAddress;
using trivet::Prefix;
using Clock = std::chrono::steady_clock;

constexpr std::size_t frame_bytes = 60;                       // the least that Ethernet carries
constexpr std::size_t batch_frames = 64;                      // of one system call
constexpr std::size_t target_offset = 14 + 24;                // RFC 826
constexpr unsigned rate_max = 5'000'000, seconds_max = 3600;  // bounded: it is a flood

using Frame = std::array<std::uint8_t, frame_bytes>;

struct Options {
    std::string interface;
    std::string prefix = "10.80.0.0/16";
    unsigned rate = 200'000;
    unsigned seconds = 10;
};

int fail(const std::string& what) {
    std::fprintf(stderr, "arp_storm_sender: %s\n", what.c_str());
    return 1;
}

Frame request_from(const std::array<std::uint8_t, 6>& mac, IpAddress sender) {
    Frame frame{};
    std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
    std::copy(mac.begin(), mac.end(), frame.begin() + 6);
    constexpr std::array<std::uint8_t, 10> header{0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1};
    std::copy(header.begin(), header.end(), frame.begin() + 12);
    std::copy(mac.begin(), mac.end(), frame.begin() + 22);
    std::copy(sender.bytes().end() - 4, sender.bytes().end(), frame.begin() + 28);
    return frame;
}

/// Walks through the prefix, so that no two requests in a row ask for the same address.
class Targets {
public:
    explicit Targets(Prefix prefix)
        : first_(prefix.address().v4_value()), last_(prefix.last().v4_value()), next_(first_) {}

    void put_next(Frame& frame) {
        const IpAddress target = IpAddress::v4(next_);
        std::copy(target.bytes().end() - 4, target.bytes().end(), frame.begin() + target_offset);
        next_ = next_ == last_ ? first_ : next_ + 1;
    }

private:
    std::uint32_t first_, last_, next_;
};

int open_interface(const std::string& name, std::array<std::uint8_t, 6>& mac) {
    const int socket = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (socket < 0) return -1;
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    if (address.sll_ifindex == 0 || ::ioctl(socket, SIOCGIFHWADDR, &request) != 0 ||
        ::bind(socket, generic, sizeof address) != 0) {
        ::close(socket);
        return -1;
    }
    std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
    return socket;
}

/// Sends until `end`; returns how many frames the kernel took.
std::uint64_t storm(int socket, const Options& options, const Frame& request, Targets targets) {
    std::array<Frame, batch_frames> frames;
    frames.fill(request);
    std::array<iovec, batch_frames> buffers{};
    std::array<mmsghdr, batch_frames> messages{};
    for (std::size_t i = 0; i < batch_frames; ++i) {
        buffers[i] = {.iov_base = frames[i].data(), .iov_len = frame_bytes};
        messages[i].msg_hdr.msg_iov = &buffers[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::seconds(options.seconds);
    std::uint64_t sent = 0;
    for (auto now = begin; now < end; now = Clock::now()) {
        const double due = std::chrono::duration<double>(now - begin).count() * options.rate;
        if (static_cast<double>(sent) > due) {
            const timespec pause{.tv_sec = 0, .tv_nsec = 100'000};
            ::nanosleep(&pause, nullptr);
            continue;
        }
        for (Frame& frame : frames) targets.put_next(frame);
        const int count = ::sendmmsg(socket, messages.data(), batch_frames, 0);
        if (count > 0) sent += static_cast<std::uint64_t>(count);
        if (count < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) break;
    }
    return sent;
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app("Sends broadcast ARP requests at a steady rate");
    app.add_option("--interface", options.interface, "where to send")->required();
    app.add_option("--rate", options.rate, "packets per second")->check(CLI::Range(1U, rate_max));
    app.add_option("--seconds", options.seconds, "how long")->check(CLI::Range(1U, seconds_max));
    app.add_option("--prefix", options.prefix, "the addresses that are asked for");
    CLI11_PARSE(app, count, arguments);

    const auto prefix = Prefix::parse(options.prefix);
    if (!prefix) return fail(prefix.error().message);
    if (!prefix->address().is_v4()) return fail("ARP knows IPv4 prefixes only");
    std::array<std::uint8_t, 6> mac{};
    const int socket = open_interface(options.interface, mac);
    if (socket < 0)
        return fail("cannot send on " + options.interface + ": " + std::strerror(errno));
    const auto begin = Clock::now();
    const std::uint64_t sent =
        storm(socket, options, request_from(mac, prefix->last()), Targets(*prefix));
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    ::close(socket);
    std::printf("%s\n", nlohmann::json{{"sent", sent},
                                       {"seconds", seconds},
                                       {"per_second", static_cast<double>(sent) / seconds}}
                            .dump()
                            .c_str());
    return sent == 0 ? fail("nothing could be sent") : 0;
}
