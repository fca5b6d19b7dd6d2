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
/// One announcement may be several frames, and among many addresses each has its first frame before
/// any has its others.
enum class AnnouncementPart : std::uint8_t { whole, first_frame, other_frames };
struct SendAnnouncement {
    IpAddress address;
    AnnouncementPart part = AnnouncementPart::whole;
};
struct SendDefence {
    IpAddress address;
};  // one announcement, in its simplest form
using ClaimAction = std::variant<SendProbe, SendAnnouncement, SendDefence, Announced,
                                 ConflictDetected, ConflictEnded, Seen>;
using ClaimActions = std::vector<ClaimAction>;

/// How the addresses of one session fare: standing by, probed, announced, defended, quarantined
/// (RFC 5227). What a probe or an announcement looks like is the protocol's business, so ARP and
/// NDP share this.
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
    enum class Phase : std::uint8_t { unknown, standby, waiting, probing, announced, quarantined };

    explicit AddressClaims(Config config)
        : timing_(config.timing),
          announcement_frames_(config.announcement_frames),
          schedule_(config.frames_per_second),
          random_(config.random_seed) {}

    void on_link_down(Instant now);
    /// The link came up, or speaks with another MAC from now on.
    [[nodiscard]] ClaimActions on_link_up(Instant now);
    /// Watches the address and keeps silent about it until claim(). Nothing when it is known.
    void arm(IpAddress address);
    [[nodiscard]] ClaimActions claim(IpAddress address, ClaimKind kind, Instant now);
    /// Back to what arm() makes, silently and at once. The address must be known.
    void stand_by(IpAddress address);
    bool release(IpAddress address);  // whether it was known
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
    struct Standby {};
    struct Waiting {};  // for the link
    struct Probing {
        unsigned sent = 0;
        std::optional<MacAddress> quarantined_by;  // this probing may end a quarantine
    };
    struct InUse {
        unsigned sent = 0;      // announcements since the address was last taken
        bool is_begun = false;  // the first announcement lacks its other frames
        std::optional<Instant> last_conflict = {};  // RFC 5227 section 2.4 (b)
        Instant grace_until{};                      // see ClaimTiming::hand_over_grace
        std::optional<Instant> last_grace_defence = {};
    };
    struct Quarantined {
        MacAddress other;
        Instant retry_at;
    };
    struct Claim {
        ClaimKind kind;
        std::variant<Standby, Waiting, Probing, InUse, Quarantined> state;
    };

    void start(IpAddress address, Claim& claim, Instant now, ClaimActions& actions);
    void announce_anew(IpAddress address, InUse& in_use, Instant from);
    void defend(IpAddress address, Claim& claim, MacAddress other, Instant now,
                ClaimActions& actions);
    void defend_in_grace(IpAddress address, InUse& in_use, Instant now, ClaimActions& actions);
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
