#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "announce/boot_timer.hpp"
#include "announce/log_limit.hpp"
#include "core/ip_address.hpp"
#include "core/result.hpp"

namespace trivet::announce::bgp {

/// An ICMPv6 Router Advertisement's part that matters here (RFC 4861 section 4.2).
struct RouterAdvertisement {
    std::uint16_t router_lifetime_s = 0;
    std::uint8_t hop_limit_received = 0;  // of the packet that carried it
};

/// nullopt: something else, or malformed by RFC 4861 section 6.1.2. `icmp` is the ICMPv6 message,
/// whose checksum the kernel has checked.
std::optional<RouterAdvertisement> decode_router_advertisement(std::span<const std::byte> icmp,
                                                               IpAddress source,
                                                               std::uint8_t hop_limit);
/// Router lifetime 0: nobody is to use this node as a default router.
std::vector<std::byte> encode_router_advertisement();
std::vector<std::byte> encode_router_solicitation();

/// Finds the router at the other end of a link for an unnumbered session, and lets it find this
/// node: both advertise themselves (as FRR's `neighbor INTERFACE interface` does). Not thread-safe:
/// everything happens on the executor's thread.
class RouterFinder : public std::enable_shared_from_this<RouterFinder> {
public:
    /// Called when another router is there than before.
    using Handler = std::function<void(IpAddress)>;

    static std::shared_ptr<RouterFinder> start(boost::asio::any_io_executor executor,
                                               std::string interface, Handler on_router, Log log);
    RouterFinder(boost::asio::any_io_executor executor, std::string interface, Handler on_router,
                 Log log);
    void close();
    const std::string& problem() const { return problem_; }

private:
    static boost::asio::awaitable<void> receive(
        std::shared_ptr<RouterFinder> self,
        std::shared_ptr<boost::asio::posix::stream_descriptor> descriptor);
    void on_timer(Instant now);
    Result<void> open();
    void take_one(int descriptor);
    void send(std::span<const std::byte> message, const char* group);

    boost::asio::any_io_executor executor_;
    std::string interface_;
    Handler on_router_;
    Log log_;
    std::shared_ptr<boost::asio::posix::stream_descriptor> descriptor_;
    std::shared_ptr<BootTimer> timer_;
    std::optional<IpAddress> router_;
    std::string problem_;
    bool is_closed_ = false;
};

}  // namespace trivet::announce::bgp
