#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "announce/bgp/bgp_negotiation.hpp"
#include "core/time.hpp"

/// What a session tells people and metrics about itself: plain values.
namespace trivet::announce::bgp {

enum class SessionState : std::uint8_t {  // RFC 4271 section 8.2.2
    idle,
    connect,
    active,
    open_sent,
    open_confirm,
    established,
};

std::string_view to_string(SessionState state);  // as it is spelled above

/// Whole messages by type (RFC 4271 section 4.1, RFC 2918).
struct MessageCounters {
    std::uint64_t open = 0;
    std::uint64_t update = 0;
    std::uint64_t notification = 0;
    std::uint64_t keepalive = 0;
    std::uint64_t route_refresh = 0;
    std::uint64_t total() const { return open + update + notification + keepalive + route_refresh; }
    bool operator==(const MessageCounters&) const = default;
};

struct FamilyStatus {
    std::size_t received_prefixes = 0;  // different ones that the peer has not withdrawn
    bool end_of_rib = false;            // received in this session (RFC 4724 section 2)
    bool operator==(const FamilyStatus&) const = default;
};

/// Why the session does not try to connect at present.
enum class Waiting : std::uint8_t {
    no,         // it tries, waits for the peer to connect, or is established
    stopped,    // for start()
    idle_hold,  // until retry_at: the peer oscillates, or sent too many prefixes
    bfd,        // for BFD to come up, in strict mode
};

struct SessionStatus {
    SessionState state = SessionState::idle;
    Instant since{};  // in this state
    Waiting waiting = Waiting::stopped;
    std::optional<Instant> retry_at = {};  // of the next connection attempt or end of idle hold
    std::string last_error = {};           // in words; empty: none yet
    std::optional<Instant> last_error_at = {};
    std::uint64_t flaps = 0;                        // how often `established` was left
    std::optional<Negotiated> negotiated = {};      // from open_confirm on
    std::map<AfiSafi, FamilyStatus> families = {};  // negotiated ones, while established
    MessageCounters received = {};                  // since the session object was made, as all
    MessageCounters sent = {};                      //   counters
    std::uint64_t malformed = 0;                    // messages that closed a connection
    std::uint64_t updates_attribute_discard = 0;    // RFC 7606 section 2
    std::uint64_t updates_treated_as_withdraw = 0;
    std::string last_update_problem = {};  // in words, of the latest of these two kinds
    std::uint64_t prefixes_ignored = 0;    // multicast and such (RFC 4271 section 6.3)
    std::uint64_t refreshes_ignored = 0;   // of no use to us (RFC 2918 section 4, RFC 7313)
    std::size_t buffered_bytes = 0;        // of messages that are not whole yet
};

}  // namespace trivet::announce::bgp
