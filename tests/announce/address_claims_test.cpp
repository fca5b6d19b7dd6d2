#include "announce/address_claims.hpp"

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

using namespace std::chrono_literals;
using Phase = AddressClaims::Phase;

// What ARP and NDP make of these rules is in their own tests; here is what neither shows.

const IpAddress vip = ip("192.0.2.10");
const MacAddress stranger = mac("02:00:00:00:00:66");

template <class Action>
std::size_t count(const ClaimActions& actions) {
    return static_cast<std::size_t>(std::ranges::count_if(
        actions, [](const ClaimAction& action) { return std::holds_alternative<Action>(action); }));
}

/// Runs until `action` comes, and says when.
template <class Action>
Instant time_of(AddressClaims& claims) {
    while (const auto deadline = claims.next_deadline())
        if (count<Action>(claims.on_timer(*deadline)) != 0) return *deadline;
    return Instant::max();
}

TEST(AddressClaims, NamesThePhaseOfAnAddress) {
    AddressClaims claims({});
    EXPECT_EQ(claims.phase(vip), Phase::unknown);
    claims.claim(vip, ClaimKind::planned, at(0s)).clear();
    EXPECT_EQ(claims.phase(vip), Phase::waiting);
    claims.on_link_up(at(0s)).clear();
    EXPECT_EQ(claims.phase(vip), Phase::probing);
    EXPECT_TRUE(claims.is_probing(vip));
    const Instant announced = time_of<Announced>(claims);
    EXPECT_EQ(claims.phase(vip), Phase::announced);
    claims.on_stranger(vip, stranger, announced).clear();
    claims.on_stranger(vip, stranger, announced).clear();
    EXPECT_EQ(claims.phase(vip), Phase::quarantined);
    time_of<SendProbe>(claims);  // and on the way to the end of its quarantine
    EXPECT_EQ(claims.phase(vip), Phase::quarantined);
    EXPECT_TRUE(claims.is_probing(vip));
    EXPECT_TRUE(claims.release(vip));
    EXPECT_FALSE(claims.release(vip));
}

TEST(AddressClaims, AnInterruptedProbingAfterAConflictIsStillAQuarantine) {
    AddressClaims claims({});
    claims.on_link_up(at(0s)).clear();
    claims.claim(vip, ClaimKind::planned, at(0s)).clear();
    claims.on_stranger(vip, stranger, at(0s)).clear();
    const Instant probed = time_of<SendProbe>(claims);
    claims.on_link_down(probed);
    EXPECT_EQ(claims.phase(vip), Phase::quarantined);
    EXPECT_EQ(claims.next_deadline(), std::nullopt);
    const auto actions = claims.on_link_up(probed + 1h);
    EXPECT_EQ(count<SendProbe>(actions), 1U);
    EXPECT_NE(time_of<ConflictEnded>(claims), Instant::max());
}

TEST(AddressClaims, TakesTheTimesOfTheRfcWhenGivenThem) {
    ClaimTiming rfc;
    rfc.probe_interval = 1s;
    rfc.announce_wait_min = rfc.announce_wait_max = 2s;
    AddressClaims claims({.timing = rfc});
    claims.on_link_up(at(0s)).clear();
    claims.claim(vip, ClaimKind::planned, at(0s)).clear();
    EXPECT_EQ(time_of<Announced>(claims), at(4s));
}

TEST(AddressClaims, WithoutProbesAPlannedClaimIsAnnouncedAtOnce) {
    ClaimTiming timing;
    timing.probe_num = 0;
    AddressClaims claims({.timing = timing});
    claims.on_link_up(at(0s)).clear();
    EXPECT_EQ(count<Announced>(claims.claim(vip, ClaimKind::planned, at(0s))), 1U);
}

TEST(AddressClaims, WaitsARandomTimeAfterTheLastProbe) {
    std::set<Instant> times;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        AddressClaims claims({.timing = {}, .random_seed = seed});
        claims.on_link_up(at(0s)).clear();
        claims.claim(vip, ClaimKind::planned, at(0s)).clear();
        const Instant time = time_of<Announced>(claims);
        EXPECT_GE(time, at(300ms));
        EXPECT_LE(time, at(400ms));
        times.insert(time);
    }
    EXPECT_GT(times.size(), 90U);
}

TEST(AddressClaims, StandsBySilentlyUntilItIsClaimed) {
    AddressClaims claims({});
    claims.arm(vip);
    EXPECT_EQ(claims.phase(vip), Phase::standby);
    EXPECT_TRUE(claims.on_link_up(at(0s)).empty());
    EXPECT_EQ(claims.next_deadline(), std::nullopt);
    EXPECT_EQ(count<Seen>(claims.on_stranger(vip, stranger, at(0s))), 1U);
    EXPECT_TRUE(claims.on_stranger(vip, MacAddress::broadcast(), at(0s)).empty());
    const auto actions = claims.claim(vip, ClaimKind::take_over, at(1s));
    EXPECT_EQ(count<SendAnnouncement>(actions), 1U);
    EXPECT_TRUE(claims.answers(vip));
    claims.arm(vip);  // known already: nothing changes
    EXPECT_TRUE(claims.answers(vip));
}

TEST(AddressClaims, ProbingEndsWithTheLease) {
    AddressClaims claims({});
    claims.on_link_up(at(0s)).clear();
    claims.claim(vip, ClaimKind::planned, at(0s)).clear();
    claims.stand_by(vip);
    EXPECT_EQ(claims.next_deadline(), std::nullopt);
    EXPECT_EQ(count<Announced>(claims.claim(vip, ClaimKind::take_over, at(1s))), 1U);
}

TEST(AddressClaims, ALateFrameOfTheOwnerBeforeDoesNotQuarantine) {
    AddressClaims claims({});
    claims.on_link_up(at(0s)).clear();
    claims.claim(vip, ClaimKind::take_over, at(0s)).clear();
    std::size_t defences = 0;
    for (Duration time{}; time < 2s; time += 1ms) {
        const auto actions = claims.on_stranger(vip, stranger, at(time));
        EXPECT_EQ(count<ConflictDetected>(actions), 0U);
        defences += count<SendDefence>(actions);
        defences += count<SendAnnouncement>(claims.on_timer(at(time)));
    }
    EXPECT_GE(defences, 19U);
    EXPECT_LE(defences, 45U);  // a host that defends itself too is not answered at its own speed
    EXPECT_EQ(count<SendDefence>(claims.on_stranger(vip, stranger, at(2s))), 1U);
    EXPECT_EQ(count<ConflictDetected>(claims.on_stranger(vip, stranger, at(3s))), 1U);
}

/// The last word is ours, or the neighbours would believe the late frame until the next refresh.
TEST(AddressClaims, ALateFrameThatIsNotDefendedAgainstIsAnnouncedOver) {
    AddressClaims claims({});
    claims.on_link_up(at(0s)).clear();
    claims.claim(vip, ClaimKind::take_over, at(0s)).clear();
    EXPECT_EQ(count<SendDefence>(claims.on_stranger(vip, stranger, at(300ms))), 1U);
    EXPECT_TRUE(claims.on_stranger(vip, stranger, at(310ms)).empty());
    EXPECT_EQ(time_of<SendAnnouncement>(claims), at(400ms));
    EXPECT_EQ(time_of<SendAnnouncement>(claims), at(500ms));  // the schedule begins anew
}

TEST(AddressClaims, AfterAProbeThereIsNoGrace) {
    AddressClaims claims({});
    claims.on_link_up(at(0s)).clear();
    claims.claim(vip, ClaimKind::planned, at(0s)).clear();
    const Instant announced = time_of<Announced>(claims);
    EXPECT_EQ(count<SendDefence>(claims.on_stranger(vip, stranger, announced)), 1U);
    EXPECT_EQ(count<ConflictDetected>(claims.on_stranger(vip, stranger, announced + 1ms)), 1U);
}

/// All ten thousand are said once in little more than half the time of both forms.
TEST(AddressClaims, TenThousandHaveTheirFirstFrameWithin120ms) {
    AddressClaims claims({.announcement_frames = 2});
    claims.on_link_up(at(0s)).clear();
    std::map<AnnouncementPart, Instant> last;
    std::size_t count = 0;
    const auto note = [&](const ClaimActions& actions, Instant now) {
        for (const ClaimAction& action : actions)
            if (const auto* one = std::get_if<SendAnnouncement>(&action)) {
                last[one->part] = now;
                ++count;
            }
    };
    IpAddress address = ip("10.0.0.0");
    for (int i = 0; i < 10'000; ++i, address = address.next())
        note(claims.claim(address, ClaimKind::take_over, at(0s)), at(0s));
    while (count < 20'000) {
        const Instant now = claims.next_deadline().value();
        note(claims.on_timer(now), now);
    }
    // A little later than (10,000 - burst) / rate: the burst goes to both forms of the first 400.
    EXPECT_LE(last[AnnouncementPart::first_frame], at(121ms));
    EXPECT_LE(last[AnnouncementPart::other_frames], at(241ms));
}

}  // namespace
}  // namespace trivet::announce
