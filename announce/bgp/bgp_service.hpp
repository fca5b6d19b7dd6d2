#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "announce/bgp/bgp_peer.hpp"
#include "core/bgp_plan.hpp"

namespace trivet::announce::bgp {

/// A session came or went.
struct PeerEvent {
    std::string peer;
    bool is_up = false;
    std::string text;  // with whom and with what, or why not any more
};

/// One route of an Adj-RIB-Out.
struct AdvertisedRoute {
    std::string peer;
    Prefix prefix;
    BgpAttributes attributes = {};
};

/// Which part of the Adj-RIBs-Out is asked for.
struct RouteQuery {
    std::string peer = {};                   // empty: of every peer
    std::optional<IpAddress> covering = {};  // the routes that hold this address; nullopt: all
    std::size_t count_max = 1000;            // of each peer
};

/// BGP with all peers of this node (RFC 4271, announce-only). Owns a thread of its own, so that
/// neither the API nor the disk delays a KEEPALIVE. Public calls may come from any thread.
class BgpService {
public:
    struct Config {
        std::uint32_t router_id = 0;  // of peers that have none of their own; host order
        std::uint16_t listen_port = 179;
        std::vector<IpAddress> listen_addresses = {};  // empty: all
        /// This process replaces one that had told routes (RFC 4724): first sessions say so.
        bool is_restart = false;
        /// Whether packets for the routes went on being forwarded meanwhile.
        bool forwarding_kept = false;
    };
    struct Callbacks {  // called on the service's thread
        std::function<void(PeerEvent)> on_event;
        std::function<void(std::string level, std::string message)> on_log;
        /// BFD sessions that the peers ask for now, by peer; whenever that changes.
        std::function<void(std::map<std::string, BfdWish>)> on_bfd_wishes = {};
    };

    /// Errors: unavailable, no thread or timer.
    static Result<std::unique_ptr<BgpService>> start(Config config, Callbacks callbacks);
    virtual ~BgpService() = default;  // as stop()

    /// Replaces the plan. Peers whose settings did not change keep their sessions, and hear of
    /// changed routes alone.
    virtual void set_plan(BgpPlan plan) = 0;
    virtual void on_bfd(std::string peer, BfdState state) = 0;
    /// CEASE "administrative reset" to all sessions of a bgp-peer; they come back by themselves.
    virtual void reset(std::string peer) = 0;
    /// As of a moment ago, at most a second.
    virtual std::vector<PeerStatus> status() const = 0;
    /// `on_answer` is called on the service's thread; not at all when it was stopped before.
    virtual void routes(RouteQuery query,
                        std::function<void(std::vector<AdvertisedRoute>)> on_answer) = 0;
    /// CEASE to every peer, as a hard reset where that was agreed on: nobody keeps the routes of a
    /// node that was stopped on purpose. Ends the thread. Idempotent.
    virtual void stop() = 0;
    /// The same without waiting for the end; what is to come after it is forgotten.
    virtual void release() = 0;
};

}  // namespace trivet::announce::bgp
