#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <variant>
#include <vector>

#include "announce/announce_schedule.hpp"
#include "announce/claim_timing.hpp"
#include "announce/l2_session.hpp"

namespace trivet::announce {

struct SendProbe {
    IpAddress address;
};
struct SendAnnouncement {
    IpAddress address;
};
struct SendDefence {
    IpAddress address;
};  // one announcement, in its simplest form
using ClaimAction = std::variant<SendProbe, SendAnnouncement, SendDefence, Announced,
                                 ConflictDetected, ConflictEnded>;
using ClaimActions = std::vector<ClaimAction>;

/// How the addresses of one session fare: probed, announced, defended, quarantined (RFC 5227). What
/// a probe or an announcement looks like is the protocol's business, so ARP and NDP share this.
///
/// The session feeds events in and turns the actions into frames, in order. It must call on_timer()
/// no later than next_deadline(). Not thread-safe; its session owns it.
class AddressClaims {
public:
    struct Config {
        ClaimTiming timing = {};
        std::uint64_t random_seed = 0;
        std::uint32_t frames_per_second = default_frames_per_second;
        std::uint32_t announcement_frames = 1;  // a SendAnnouncement is so many frames
    };
    enum class Phase : std::uint8_t { unknown, waiting, probing, announced, quarantined };

    explicit AddressClaims(Config config)
        : timing_(config.timing),
          announcement_frames_(config.announcement_frames),
          schedule_(config.frames_per_second),
          random_(config.random_seed) {}

    void on_link_down(Instant now);
    /// The link came up, or speaks with another MAC from now on.
    [[nodiscard]] ClaimActions on_link_up(Instant now);
    [[nodiscard]] ClaimActions claim(IpAddress address, ClaimKind kind, Instant now);
    bool release(IpAddress address);  // whether it was claimed
    /// `other` said that the address is its own.
    [[nodiscard]] ClaimActions on_stranger(IpAddress address, MacAddress other, Instant now);
    [[nodiscard]] ClaimActions on_timer(Instant now);
    [[nodiscard]] ClaimActions reannounce(Instant now);
    std::optional<Instant> next_deadline() const { return schedule_.next_deadline(); }

    /// `quarantined` covers the probing that may end the quarantine.
    Phase phase(IpAddress address) const;
    bool is_probing(IpAddress address) const;  // also the probing that may end a quarantine
    bool answers(IpAddress address) const { return link_up_ && phase(address) == Phase::announced; }

private:
    struct Waiting {};  // for the link
    struct Probing {
        unsigned sent = 0;
        std::optional<MacAddress> quarantined_by;  // this probing may end a quarantine
    };
    struct InUse {
        unsigned sent = 0;                     // announcements since the address was last taken
        std::optional<Instant> last_conflict;  // RFC 5227 section 2.4 (b)
    };
    struct Quarantined {
        MacAddress other;
        Instant retry_at;
    };
    struct Claim {
        ClaimKind kind;
        std::variant<Waiting, Probing, InUse, Quarantined> state;
    };

    void start(IpAddress address, Claim& claim, Instant now, ClaimActions& actions);
    void quarantine(IpAddress address, Claim& claim, MacAddress other, Instant now);
    void probe(IpAddress address, Claim& claim, Instant now, ClaimActions& actions);
    void announce(IpAddress address, Claim& claim, Instant now, ClaimActions& actions);
    void run_due(Instant now, ClaimActions& actions);
    Duration random_between(Duration least, Duration most);
    Duration jittered(Duration mean, unsigned percent);

    ClaimTiming timing_;
    std::uint32_t announcement_frames_;
    bool link_up_ = false;
    std::map<IpAddress, Claim> claims_;
    AnnounceSchedule schedule_;  // while the link is up, every claim has a turn in it
    std::mt19937_64 random_;
};

}  // namespace trivet::announce
