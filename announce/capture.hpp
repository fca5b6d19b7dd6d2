#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <pcap/pcap.h>

#include "announce/log_limit.hpp"
#include "core/ip_address.hpp"
#include "core/result.hpp"

namespace trivet::announce {

/// Receives the ARP and NDP frames about given addresses on one interface (libpcap); the kernel
/// drops all others. Not thread-safe: everything happens on the executor's one thread.
class Capture : public std::enable_shared_from_this<Capture> {
public:
    struct Handlers {
        std::function<void(std::span<const std::byte> ethernet_frame)> on_frame;
        std::function<void()> after_frames;               // at the end of each burst
        std::function<void(std::string reason)> on_lost;  // it is of no use any more: close it
        Log log;
    };

    /// Receives nothing before watch(). Errors: not_allowed, lacks CAP_NET_RAW; unavailable.
    static Result<std::shared_ptr<Capture>> open(boost::asio::any_io_executor executor,
                                                 const std::string& interface, Handlers handlers);

    /// From now on frames about `added` as well, and about their neighbours, which spares a new
    /// filter for every address. `all` includes them. Nothing is missed at the change.
    /// Errors: unavailable, the kernel takes no filter.
    Result<void> let_in(const std::vector<IpAddress>& added, const std::set<IpAddress>& all);
    /// Frames about `all` and as few others as the limit on filters permits. Errors: as let_in().
    Result<void> tighten(const std::set<IpAddress>& all);
    /// Frames that matched and were lost because this thread was late.
    std::uint64_t kernel_drops();
    std::uint64_t truncated() const { return truncated_; }
    /// No handler is called after this. Idempotent.
    void close();

    Capture(boost::asio::any_io_executor executor, pcap_t* handle, std::string interface,
            Handlers handlers);
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

private:
    static boost::asio::awaitable<void> run(std::shared_ptr<Capture> self);
    static void on_packet(unsigned char* self, const pcap_pkthdr* header,
                          const unsigned char* bytes);
    Result<void> attach(const std::set<Prefix>& prefixes);
    Result<void> attach(const std::string& expression);

    boost::asio::posix::stream_descriptor descriptor_;
    pcap_t* handle_;
    std::string interface_;
    Handlers handlers_;
    std::set<Prefix> prefixes_;  // what the kernel lets in
    std::string expression_;     // the same
    std::uint64_t truncated_ = 0;
};

}  // namespace trivet::announce
