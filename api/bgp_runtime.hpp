#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/bgp_plan.hpp"

/// How BGP fares on the node that answers: plain values that daemon/ fills in and bgp_view shows.
namespace trivet::api {

struct BgpFamilyRuntime {
    std::string family;          // "ipv4", "ipv6"
    std::size_t advertised = 0;  // routes that the peer has been told
    std::size_t held_back = 0;   // routes that it should know and cannot be told
    std::string held_back_reason = {};
    std::size_t received = 0;  // prefixes of the peer: counted and dropped
    std::string next_hop = {};
};

/// How BFD watches the peer of a session.
struct BfdRuntime {
    std::string state;            // "up", "init", "down", "admin_down"
    std::string diagnostic = {};  // why it last went down, by us and by the peer; empty: it did not
    std::string remote_diagnostic = {};
    std::optional<std::chrono::milliseconds> in_state = {};
    std::chrono::microseconds transmit_interval{0};  // in use
    std::chrono::microseconds detection_time{0};     // 0: not known yet
    std::string echo = {};                           // "off", "trial", "active"; empty: not wanted
    std::string problem = {};  // why packets cannot go out or come in, and what to do about it
    std::uint64_t control_received = 0, control_sent = 0, echo_received = 0, echo_sent = 0;
    std::uint64_t up_events = 0, down_events = 0;
    std::map<std::string, std::uint64_t> discarded = {};  // received packets, by reason

    bool is_up() const { return state == "up"; }
};

/// One session, or the wish for one.
struct BgpSessionRuntime {
    std::string peer;     // the bgp-peer
    std::string session;  // the same name, or NAME@ADDRESS for a dynamic neighbour
    std::string state;    // "idle", "connect", "active", "open_sent", "open_confirm", "established"
    std::chrono::milliseconds in_state{0};
    std::string reason = {};  // why it is not established; empty: it is, or it tries
    std::string last_error = {};
    std::optional<std::chrono::milliseconds> last_error_ago = {};
    std::uint64_t flaps = 0;
    std::string local_address = {};
    std::string peer_address = {};
    std::optional<AsNumber> local_asn = {};
    std::optional<AsNumber> peer_asn = {};
    std::string peer_identifier = {};
    std::optional<std::chrono::seconds> hold_time = {};  // as negotiated
    std::optional<std::chrono::seconds> keepalive_time = {};
    std::vector<std::string> capabilities = {};  // that both sides have
    std::vector<BgpFamilyRuntime> families = {};
    std::map<std::string, std::uint64_t> received = {};  // messages by type
    std::map<std::string, std::uint64_t> sent = {};
    std::uint64_t updates_malformed = 0;  // discarded or taken for a withdrawal (RFC 7606)
    std::optional<BfdRuntime> bfd = {};   // nullopt: no BFD is wanted

    bool is_established() const { return state == "established"; }
};

/// One route of an Adj-RIB-Out.
struct BgpRouteRuntime {
    std::string session;
    Prefix prefix;
    BgpAttributes attributes = {};
};

/// Which routes are asked for.
struct BgpRouteQuery {
    std::string peer = {};                   // a bgp-peer or session; empty: all
    std::optional<IpAddress> covering = {};  // that hold this address; nullopt: all
};

}  // namespace trivet::api
