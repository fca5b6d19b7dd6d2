#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "announce/link_event.hpp"
#include "announce/log_limit.hpp"
#include "core/result.hpp"

namespace trivet::announce {

/// Sends whole Ethernet frames on one interface (packet socket), in order. What the kernel cannot
/// take at the moment waits here. Not thread-safe: everything happens on the executor's one thread.
class FrameSender : public std::enable_shared_from_this<FrameSender> {
public:
    /// Errors: not_allowed, lacks CAP_NET_RAW; unavailable.
    static Result<std::shared_ptr<FrameSender>> open(boost::asio::any_io_executor executor,
                                                     LinkIndex index, std::string interface,
                                                     Log log);
    void send(std::vector<std::byte> frame);
    /// Frames given up; each was logged or counted in a log line.
    std::uint64_t errors() const { return errors_; }
    void close();

    FrameSender(boost::asio::posix::stream_descriptor descriptor, std::string interface, Log log);

private:
    enum class Outcome { sent, full, failed };

    static boost::asio::awaitable<void> wait_for_room(std::shared_ptr<FrameSender> self);
    void send_waiting();
    Outcome try_send(const std::vector<std::byte>& frame);
    void give_up(const std::string& reason);

    boost::asio::posix::stream_descriptor descriptor_;
    std::string interface_;
    Log log_;
    std::deque<std::vector<std::byte>> waiting_;
    bool waits_for_room_ = false;
    std::uint64_t errors_ = 0;
    LogLimit log_limit_;
};

}  // namespace trivet::announce
