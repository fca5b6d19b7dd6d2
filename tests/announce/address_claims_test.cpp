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

}  // namespace
}  // namespace trivet::announce
