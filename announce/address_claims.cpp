#include "announce/address_claims.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::announce {

namespace {

// Rounds of the schedule. An address that is held and not announced is an outage, so its first
// announcement goes before everything, one frame of each before its other frames; then probes, for
// they make a new address wait; then repeats.
constexpr AnnounceSchedule::Round round_first_announcement = 0;
constexpr AnnounceSchedule::Round round_its_other_frames = 1;
constexpr AnnounceSchedule::Round round_first_probe = 2;

}  // namespace

void AddressClaims::on_link_down(Instant now) {
    link_up_ = false;
    schedule_.clear();
    for (auto& [address, claim] : claims_) {
        const auto* probing = std::get_if<Probing>(&claim.state);
        if (probing && probing->quarantined_by)
            claim.state = Quarantined{.other = *probing->quarantined_by, .retry_at = now};
        else if (probing)
            claim.state = Waiting{};
    }
}

ClaimActions AddressClaims::on_link_up(Instant now) {
    const bool was_up = std::exchange(link_up_, true);
    ClaimActions actions;
    for (auto& [address, claim] : claims_) {
        if (std::holds_alternative<Standby>(claim.state)) continue;
        if (std::holds_alternative<Waiting>(claim.state)) {
            start(address, claim, now, actions);
        } else if (auto* probing = std::get_if<Probing>(&claim.state)) {
            probing->sent = 0;
            schedule_.put(address, round_first_probe, now);
        } else if (auto* in_use = std::get_if<InUse>(&claim.state)) {
            // RFC 5227 section 2.1 would probe again. Who owns the address is decided in the
            // cluster, not by who answers first; a stranger who came meanwhile shows up as a
            // conflict, and the wait would be an outage.
            announce_anew(address, *in_use, now);
            if (!was_up) actions.emplace_back(Announced{address});
        } else {
            const Instant retry_at = std::get<Quarantined>(claim.state).retry_at;
            schedule_.put(address, round_first_probe, std::max(now, retry_at));
        }
    }
    run_due(now, actions);
    return actions;
}

void AddressClaims::arm(IpAddress address) {
    claims_.try_emplace(address, Claim{.kind = ClaimKind::planned, .state = Standby{}});
}

void AddressClaims::stand_by(IpAddress address) {
    schedule_.remove(address);
    claims_.at(address).state = Standby{};
}

ClaimActions AddressClaims::claim(IpAddress address, ClaimKind kind, Instant now) {
    ClaimActions actions;
    arm(address);
    Claim& claim = claims_.at(address);
    if (std::holds_alternative<Standby>(claim.state)) {
        claim = {.kind = kind, .state = Waiting{}};
        if (link_up_) start(address, claim, now, actions);
    } else if (kind == ClaimKind::take_over && claim.kind == ClaimKind::planned) {
        claim.kind = kind;
        // A quarantine stays: whoever caused it is not the holder that is known to be gone.
        const auto* probing = std::get_if<Probing>(&claim.state);
        if (probing && !probing->quarantined_by) start(address, claim, now, actions);
    }
    run_due(now, actions);
    return actions;
}

bool AddressClaims::release(IpAddress address) {
    schedule_.remove(address);
    return claims_.erase(address) != 0;
}

ClaimActions AddressClaims::on_stranger(IpAddress address, MacAddress other, Instant now) {
    ClaimActions actions;
    const auto it = claims_.find(address);
    if (it == claims_.end() || !link_up_) return actions;
    Claim& claim = it->second;
    if (std::holds_alternative<Standby>(claim.state)) {
        const bool is_possible = !other.is_multicast() && !other.is_zero();
        if (is_possible) actions.emplace_back(Seen{.address = address, .mac = other});
    } else if (const auto* probing = std::get_if<Probing>(&claim.state)) {
        // RFC 5227 section 2.1.1: "the host MUST treat this address as being in use by some other
        // host, and should indicate" so.
        if (probing->quarantined_by != other)
            actions.emplace_back(ConflictDetected{.address = address, .other = other});
        quarantine(address, claim, other, now);
    } else if (auto* in_use = std::get_if<InUse>(&claim.state)) {
        if (now < in_use->grace_until)
            defend_in_grace(address, *in_use, now, actions);
        else
            defend(address, claim, other, now, actions);
    } else if (const auto* quarantined = std::get_if<Quarantined>(&claim.state)) {
        quarantine(address, claim, quarantined->other, now);  // still there: wait from now on
    }
    return actions;
}

void AddressClaims::defend(IpAddress address, Claim& claim, MacAddress other, Instant now,
                           ClaimActions& actions) {
    auto& in_use = std::get<InUse>(claim.state);
    // RFC 5227 section 2.4 (b): one announcement in defence, unless there was a conflict within
    // DEFEND_INTERVAL; then "the host MUST immediately cease using this address".
    const bool defended_lately =
        in_use.last_conflict && now - *in_use.last_conflict < timing_.defend_interval;
    if (defended_lately) {
        actions.emplace_back(ConflictDetected{.address = address, .other = other});
        quarantine(address, claim, other, now);
        return;
    }
    in_use.last_conflict = now;
    schedule_.charge(1, now);
    actions.emplace_back(SendDefence{address});
}

void AddressClaims::defend_in_grace(IpAddress address, InUse& in_use, Instant now,
                                    ClaimActions& actions) {
    const auto last = in_use.last_grace_defence;
    const Instant allowed_at = last ? *last + timing_.hand_over_defence_interval : now;
    if (allowed_at <= now) {
        in_use.last_grace_defence = now;
        schedule_.charge(1, now);
        actions.emplace_back(SendDefence{address});
        return;
    }
    // The last word must be ours all the same, or caches keep what the late frame said.
    announce_anew(address, in_use, allowed_at);
}

void AddressClaims::announce_anew(IpAddress address, InUse& in_use, Instant from) {
    in_use.sent = 0;
    in_use.is_begun = false;
    schedule_.put(address, round_first_announcement, from);
}

ClaimActions AddressClaims::on_timer(Instant now) {
    ClaimActions actions;
    run_due(now, actions);
    return actions;
}

ClaimActions AddressClaims::reannounce(Instant now) {
    ClaimActions actions;
    if (!link_up_) return actions;
    for (auto& [address, claim] : claims_) {
        auto* in_use = std::get_if<InUse>(&claim.state);
        if (in_use) announce_anew(address, *in_use, now);
    }
    run_due(now, actions);
    return actions;
}

AddressClaims::Phase AddressClaims::phase(IpAddress address) const {
    const auto it = claims_.find(address);
    if (it == claims_.end()) return Phase::unknown;
    if (std::holds_alternative<Standby>(it->second.state)) return Phase::standby;
    if (const auto* probing = std::get_if<Probing>(&it->second.state))
        return probing->quarantined_by ? Phase::quarantined : Phase::probing;
    if (std::holds_alternative<InUse>(it->second.state)) return Phase::announced;
    if (std::holds_alternative<Quarantined>(it->second.state)) return Phase::quarantined;
    return Phase::waiting;
}

bool AddressClaims::is_probing(IpAddress address) const {
    const auto it = claims_.find(address);
    return it != claims_.end() && std::holds_alternative<Probing>(it->second.state);
}

void AddressClaims::start(IpAddress address, Claim& claim, Instant now, ClaimActions& actions) {
    if (claim.kind == ClaimKind::planned) {
        claim.state = Probing{};
        schedule_.put(address, round_first_probe, now);
    } else {
        // Answered at once, also when the announcement has to wait for the frame budget.
        claim.state = InUse{.grace_until = now + timing_.hand_over_grace};
        schedule_.put(address, round_first_announcement, now);
        actions.emplace_back(Announced{address});
    }
}

void AddressClaims::quarantine(IpAddress address, Claim& claim, MacAddress other, Instant now) {
    const Instant retry_at = now + jittered(timing_.quarantine, timing_.quarantine_jitter_percent);
    claim.state = Quarantined{.other = other, .retry_at = retry_at};
    schedule_.put(address, round_first_probe, retry_at);
}

void AddressClaims::run_due(Instant now, ClaimActions& actions) {
    while (const auto address = schedule_.take(std::max(announcement_frames_, 1U), now)) {
        Claim& claim = claims_.at(*address);
        TRIVET_ASSERT(link_up_);
        if (const auto* quarantined = std::get_if<Quarantined>(&claim.state))
            claim.state = Probing{.quarantined_by = quarantined->other};
        if (std::holds_alternative<Probing>(claim.state))
            probe(*address, claim, now, actions);
        else
            announce(*address, claim, now, actions);
    }
}

void AddressClaims::probe(IpAddress address, Claim& claim, Instant now, ClaimActions& actions) {
    auto& probing = std::get<Probing>(claim.state);
    if (probing.sent == timing_.probe_num) {  // and nobody has answered
        if (probing.quarantined_by)
            actions.emplace_back(ConflictEnded{address});
        else
            actions.emplace_back(Announced{address});
        claim.state = InUse{};
        announce(address, claim, now, actions);
        return;
    }
    actions.emplace_back(SendProbe{address});
    schedule_.charge(1, now);
    ++probing.sent;
    if (probing.sent < timing_.probe_num) {
        const auto round = static_cast<AnnounceSchedule::Round>(round_first_probe + probing.sent);
        schedule_.put(address, round, now + timing_.probe_interval);
    } else {
        const Duration wait = random_between(timing_.announce_wait_min, timing_.announce_wait_max);
        schedule_.put(address, round_first_announcement, now + wait);
    }
}

void AddressClaims::announce(IpAddress address, Claim& claim, Instant now, ClaimActions& actions) {
    auto& in_use = std::get<InUse>(claim.state);
    if (in_use.sent == 0 && announcement_frames_ > 1 && !std::exchange(in_use.is_begun, true)) {
        actions.emplace_back(SendAnnouncement{address, AnnouncementPart::first_frame});
        schedule_.charge(1, now);
        schedule_.put(address, round_its_other_frames, now);
        return;
    }
    const bool is_rest = std::exchange(in_use.is_begun, false);
    actions.emplace_back(SendAnnouncement{
        address, is_rest ? AnnouncementPart::other_frames : AnnouncementPart::whole});
    schedule_.charge(is_rest ? announcement_frames_ - 1 : announcement_frames_, now);
    const Duration wait = in_use.sent < timing_.repeat_after.size()
                              ? timing_.repeat_after.at(in_use.sent)
                              : jittered(timing_.refresh, timing_.refresh_jitter_percent);
    in_use.sent = std::min<unsigned>(in_use.sent + 1, ClaimTiming::repeats + 1);
    const auto round =
        static_cast<AnnounceSchedule::Round>(round_first_probe + timing_.probe_num + in_use.sent);
    schedule_.put(address, round, now + wait);
}

Duration AddressClaims::random_between(Duration least, Duration most) {
    TRIVET_ASSERT(least <= most);
    // Not std::uniform_int_distribution, whose numbers differ from one library to the next.
    const auto choices = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration{static_cast<Duration::rep>(random_() % choices)};
}

Duration AddressClaims::jittered(Duration mean, unsigned percent) {
    const Duration deviation = mean * percent / 100;
    return random_between(mean - deviation, mean + deviation);
}

}  // namespace trivet::announce
