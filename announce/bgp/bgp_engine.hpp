#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "announce/bgp/bgp_listener.hpp"
#include "announce/bgp/bgp_peer.hpp"
#include "announce/bgp/bgp_service.hpp"
#include "announce/bgp/router_finder.hpp"
#include "announce/boot_timer.hpp"

namespace trivet::announce::bgp {

/// What BgpService does, on its thread: brings plan, listeners and peers in step. Not thread-safe,
/// except status(): everything happens on the executor's one thread.
class BgpEngine {
public:
    /// Dynamic neighbours of one bgp-peer at a time: a rack's worth, not whoever knocks.
    static constexpr std::size_t dynamic_peers_max = 256;

    BgpEngine(boost::asio::any_io_executor executor, BgpService::Config config,
              BgpService::Callbacks callbacks);

    /// Errors: unavailable, no timer.
    Result<void> start();
    void set_plan(BgpPlan plan);
    void on_bfd(const std::string& peer, BfdState state);
    void reset(const std::string& peer);
    std::vector<AdvertisedRoute> routes(const RouteQuery& query) const;
    /// CEASE to all; nothing has an effect after it.
    void shutdown();
    std::vector<PeerStatus> status() const;  // from any thread

private:
    using Peers = std::map<std::string, std::shared_ptr<BgpPeer>>;

    /// A bgp-peer of the plan, and those with whom it makes sessions.
    struct Entry {
        BgpPeerPlan plan;
        Peers peers;  // one, none while an unnumbered router is not found, many for a peer_prefix
        std::shared_ptr<RouterFinder> finder;
    };

    void update(const std::string& name, const BgpPeerPlan& plan);
    void end(Entry& entry, std::uint8_t cease_subcode, std::string_view text);
    void open(Entry& entry, const std::string& peer_name, Endpoint remote);
    void on_router(const std::string& name, std::optional<IpAddress> router);
    void on_accepted(boost::asio::ip::tcp::socket socket);
    /// Whom an accepted connection is for; null: nobody.
    std::shared_ptr<BgpPeer> peer_of(IpAddress remote, const std::string& interface);
    void on_down(const std::string& entry, const std::string& peer, const SessionDown& down);
    void listen();
    void set_listen_passwords(const Entry& entry, bool is_wanted);
    void tell_bfd_wishes();
    void on_tick(Instant now);
    void take_status();
    void log(std::string level, std::string message);

    boost::asio::any_io_executor executor_;
    BgpService::Config config_;
    BgpService::Callbacks callbacks_;
    std::shared_ptr<BootTimer> tick_timer_;
    Instant started_at_{};
    std::map<std::string, Entry> entries_;
    std::vector<std::shared_ptr<BgpListener>> listeners_;
    std::string listen_problem_;
    std::map<std::string, BfdWish> bfd_told_;
    bool is_shut_down_ = false;
    LogLimit stranger_log_;
    mutable std::mutex status_mutex_;
    std::vector<PeerStatus> status_;  // guarded by status_mutex_
};

}  // namespace trivet::announce::bgp
