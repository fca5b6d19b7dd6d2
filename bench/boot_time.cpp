#include "bench/boot_time.hpp"

#include <cstring>
#include <time.h>

namespace trivet::bench {
namespace {

std::int64_t read_clock(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t boot_now() { return read_clock(CLOCK_BOOTTIME); }

bool ask_for_timestamps(int socket) {
    const int on = 1;
    return ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
}

std::int64_t received_at(const msghdr& message) {
    const std::int64_t now = boot_now();
    auto* header = const_cast<msghdr*>(&message);  // CMSG_NXTHDR takes no const one
    for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
        // The kernel stamps in wall time, which may be set: only the age of the packet is used.
        const std::int64_t age =
            read_clock(CLOCK_REALTIME) - (stamp.tv_sec * 1'000'000'000 + stamp.tv_nsec);
        return age > 0 ? now - age : now;
    }
    return now;
}

}  // namespace trivet::bench
