#include "announce/frame_sender.hpp"

#include <cerrno>
#include <cstring>

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/boot_clock.hpp"

namespace trivet::announce {

namespace asio = boost::asio;

namespace {

// The first announcements of ten thousand addresses, twice; 1.5 MB of frames.
constexpr std::size_t waiting_frames_max = 32'768;
constexpr std::chrono::seconds log_interval{10};

}  // namespace

FrameSender::FrameSender(asio::posix::stream_descriptor descriptor, std::string interface, Log log)
    : descriptor_(std::move(descriptor)),
      interface_(std::move(interface)),
      log_(std::move(log)),
      log_limit_(log_interval) {}

Result<std::shared_ptr<FrameSender>> FrameSender::open(asio::any_io_executor executor,
                                                       LinkIndex index, std::string interface,
                                                       Log log) {
    // Protocol 0: this socket receives nothing.
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(errno == EPERM ? ErrorCode::not_allowed : ErrorCode::unavailable,
                    "cannot send on " + interface + ": " + std::strerror(errno) +
                        (errno == EPERM ? "; lbd needs the capability CAP_NET_RAW" : ""));
    auto sender = std::make_shared<FrameSender>(asio::posix::stream_descriptor(executor, fd),
                                                interface, std::move(log));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(index);
    if (::bind(fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)),
               sizeof address) != 0)
        return fail(ErrorCode::unavailable,
                    "cannot send on " + interface + ": " + std::strerror(errno));
    return sender;
}

void FrameSender::close() {
    boost::system::error_code ignored;  // nothing that was handed to the kernel is lost by it
    descriptor_.close(ignored);
    waiting_.clear();
}

void FrameSender::send(std::vector<std::byte> frame) {
    if (!descriptor_.is_open()) return give_up("the interface is closed");
    if (waiting_.empty() && try_send(frame) != Outcome::full) return;
    if (waiting_.size() == waiting_frames_max)
        return give_up("the device takes no more and " + std::to_string(waiting_frames_max) +
                       " frames wait already");
    waiting_.push_back(std::move(frame));
    if (!waits_for_room_) {
        waits_for_room_ = true;
        asio::co_spawn(descriptor_.get_executor(), wait_for_room(shared_from_this()),
                       asio::detached);
    }
}

void FrameSender::send_waiting() {
    while (!waiting_.empty()) {
        if (try_send(waiting_.front()) == Outcome::full) return;
        waiting_.pop_front();
    }
}

FrameSender::Outcome FrameSender::try_send(const std::vector<std::byte>& frame) {
    for (;;) {
        if (::send(descriptor_.native_handle(), frame.data(), frame.size(), 0) >= 0)
            return Outcome::sent;
        if (errno == EINTR) continue;
        // EAGAIN: our socket's buffer is full; ENOBUFS: the device's queue is.
        if (errno == EAGAIN || errno == ENOBUFS) return Outcome::full;
        // ENETDOWN, ENXIO: the sessions announce again when the interface is back.
        give_up(std::strerror(errno));
        return Outcome::failed;
    }
}

void FrameSender::give_up(const std::string& reason) {
    ++errors_;
    if (const auto held_back = log_limit_.admit(boot_now()))
        log_("warning", "a frame could not be sent on " + interface_ + ": " + reason +
                            held_back_note(*held_back));
}

asio::awaitable<void> FrameSender::wait_for_room(std::shared_ptr<FrameSender> self) {
    // A full device queue leaves the socket writable: a pause instead of a busy loop.
    asio::steady_timer pause(self->descriptor_.get_executor());
    constexpr std::chrono::milliseconds pause_length{2};
    while (self->descriptor_.is_open() && !self->waiting_.empty()) {
        pause.expires_after(pause_length);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!self->descriptor_.is_open()) break;
        auto [error] = co_await self->descriptor_.async_wait(
            asio::posix::stream_descriptor::wait_write, asio::as_tuple(asio::use_awaitable));
        if (error || !self->descriptor_.is_open()) break;
        self->send_waiting();
    }
    self->waits_for_room_ = false;
}

}  // namespace trivet::announce
