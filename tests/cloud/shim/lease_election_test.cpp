#include "cloud/shim/lease_election.hpp"

#include <deque>
#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace trivet::cloud {
namespace {

using namespace std::chrono_literals;
using Kind = LeaseElection::Request::Kind;

Instant at(Duration since) { return Instant(1000s + since); }

LeaseElection elector(const std::string& identity, std::uint64_t seed = 1) {
    return LeaseElection({.name = "shim", .identity = identity, .random_seed = seed});
}

KubeLease lease_of(const std::string& holder, const std::string& version,
                   std::uint32_t duration_s = 15) {
    KubeLease lease;
    lease.meta.name = "shim";
    lease.meta.resource_version = version;
    lease.holder_identity = holder;
    lease.lease_duration_s = duration_s;
    return lease;
}

TEST(LeaseElection, LooksThenMakesTheLeaseAndLeads) {
    auto one = elector("one");
    const auto look = one.next(at(0s), "t0");
    ASSERT_TRUE(look);
    EXPECT_EQ(look->kind, Kind::get);
    EXPECT_FALSE(one.next(at(0s), "t0")) << "an answer is awaited";
    one.on_lease(std::nullopt, at(0s));
    const auto create = one.next(at(0s), "t1");
    ASSERT_TRUE(create);
    EXPECT_EQ(create->kind, Kind::create);
    EXPECT_EQ(create->lease.holder_identity, "one");
    EXPECT_EQ(create->lease.lease_duration_s, 15u);
    EXPECT_EQ(create->lease.acquire_time, "t1");
    EXPECT_FALSE(one.leads(at(0s))) << "not before the answer";
    one.on_lease(lease_of("one", "1"), at(3s));
    EXPECT_TRUE(one.leads(at(3s)));
    EXPECT_TRUE(one.leads(at(9s)));
    EXPECT_FALSE(one.leads(at(10s))) << "counted from when the renewal was sent";
}

TEST(LeaseElection, RenewsWithoutLooking) {
    auto one = elector("one");
    (void)one.next(at(0s), "t0");
    one.on_lease(lease_of("", "1", 1), at(0s));
    (void)one.next(at(0s), "t0");
    one.on_lease(lease_of("one", "2"), at(0s));
    EXPECT_FALSE(one.next(at(900ms), "t")) << "at least half of the retry period";
    const auto renewal = one.next(at(2s), "t2");
    ASSERT_TRUE(renewal);
    EXPECT_EQ(renewal->kind, Kind::replace);
    EXPECT_EQ(renewal->lease.meta.resource_version, "2");
    EXPECT_EQ(renewal->lease.renew_time, "t2");
    EXPECT_EQ(renewal->lease.lease_transitions, 0u) << "the same holder";
}

TEST(LeaseElection, WaitsUntilTheLeaseHasNotChangedForItsDuration) {
    auto two = elector("two");
    Instant now = at(0s);
    int looks = 0;
    for (; now < at(15s); now = std::max(now + 1ms, two.next_deadline())) {
        const auto request = two.next(now, "t");
        if (!request) continue;
        ASSERT_EQ(request->kind, Kind::get) << (now - at(0s)).count();
        ++looks;
        two.on_lease(lease_of("one", "7"), now);
        EXPECT_EQ(two.holder(), "one");
    }
    EXPECT_GE(looks, 7);
    const auto look = two.next(at(15s), "t");
    ASSERT_TRUE(look);
    EXPECT_EQ(look->kind, Kind::get) << "it may have been renewed meanwhile";
    two.on_lease(lease_of("one", "7"), at(15s));
    const auto take = two.next(at(15s), "t15");
    ASSERT_TRUE(take);
    EXPECT_EQ(take->kind, Kind::replace);
    EXPECT_EQ(take->lease.lease_transitions, 1u);
    EXPECT_EQ(take->lease.acquire_time, "t15");
}

TEST(LeaseElection, ARenewalStartsTheWaitAnew) {
    auto two = elector("two");
    (void)two.next(at(0s), "t");
    two.on_lease(lease_of("one", "7"), at(0s));
    (void)two.next(at(14s), "t");
    two.on_lease(lease_of("one", "8"), at(14s));
    (void)two.next(at(16s), "t");
    two.on_lease(lease_of("one", "8"), at(16s));
    const auto next = two.next(at(28s), "t");
    ASSERT_TRUE(next);
    EXPECT_EQ(next->kind, Kind::get);
}

TEST(LeaseElection, AHolderThatNamesNoDurationIsNotDisplacedAtOnce) {
    auto two = elector("two");
    (void)two.next(at(0s), "t");
    two.on_lease(lease_of("one", "7", 0), at(0s));
    EXPECT_FALSE(two.next(at(500ms), "t"));
    (void)two.next(at(14s), "t");
    two.on_lease(lease_of("one", "7", 0), at(14s));
    ASSERT_EQ(two.next(at(15s), "t")->kind, Kind::get);
    two.on_lease(lease_of("one", "7", 0), at(15s));
    EXPECT_EQ(two.next(at(15s), "t")->kind, Kind::replace);
}

TEST(LeaseElection, WhoLosesAConflictLooks) {
    auto two = elector("two");
    (void)two.next(at(0s), "t");
    two.on_lease(lease_of("", "1", 1), at(0s));
    ASSERT_EQ(two.next(at(0s), "t")->kind, Kind::replace);
    two.on_conflict(at(0s));
    EXPECT_EQ(two.next(at(0s), "t")->kind, Kind::get);
    two.on_lease(lease_of("one", "2"), at(0s));
    EXPECT_FALSE(two.leads(at(0s)));
}

TEST(LeaseElection, AnAnswerThatWasLostIsFoundByLooking) {
    auto one = elector("one");
    (void)one.next(at(0s), "t");
    one.on_lease(std::nullopt, at(0s));
    (void)one.next(at(0s), "t");
    one.on_failed(at(1s));
    EXPECT_FALSE(one.leads(at(1s)));
    ASSERT_EQ(one.next(at(3s), "t")->kind, Kind::get);
    one.on_lease(lease_of("one", "1"), at(3s));
    EXPECT_FALSE(one.leads(at(3s))) << "how old that renewal is, nobody knows";
    ASSERT_EQ(one.next(at(3s), "t")->kind, Kind::replace);
    one.on_lease(lease_of("one", "2"), at(3s));
    EXPECT_TRUE(one.leads(at(3s)));
}

TEST(LeaseElection, GivesTheLeaseBack) {
    auto one = elector("one");
    EXPECT_FALSE(one.resign(at(0s), "t")) << "it does not hold it";
    (void)one.next(at(0s), "t");
    one.on_lease(std::nullopt, at(0s));
    (void)one.next(at(0s), "t");
    one.on_lease(lease_of("one", "1"), at(0s));
    const auto resignation = one.resign(at(1s), "t");
    ASSERT_TRUE(resignation);
    EXPECT_EQ(resignation->kind, Kind::replace);
    EXPECT_EQ(resignation->lease.holder_identity, "");
    EXPECT_EQ(resignation->lease.meta.resource_version, "1");
    EXPECT_FALSE(one.leads(at(1s)));
}

/// A server, some electors whose answers are late, lost, or come after a pause; at no moment do two
/// lead.
TEST(LeaseElection, NeverTwoAtOnce) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<LeaseElection> electors;
        for (const char* name : {"a", "b", "c"}) electors.push_back(elector(name, random()));
        std::optional<KubeLease> lease;
        std::uint64_t version = 0;
        struct Answer {
            Instant at;
            std::size_t to;
            std::function<void(LeaseElection&, Instant)> give;
        };
        std::vector<Answer> answers;
        std::vector<Instant> paused_until(electors.size(), at(0s));
        int led = 0;
        for (Duration time = 0s; time < 300s; time += 100ms) {
            const Instant now = at(time);
            int leaders = 0;
            for (std::size_t i = 0; i < electors.size(); ++i) {
                leaders += electors[i].leads(now);
                if (random() % 600 == 0) paused_until[i] = now + random() % 25 * 1s;
                if (now < paused_until[i]) continue;
                for (std::size_t k = 0; k < answers.size();) {
                    if (answers[k].to != i || now < answers[k].at) {
                        ++k;
                        continue;
                    }
                    const auto give = answers[k].give;
                    answers.erase(answers.begin() + static_cast<std::ptrdiff_t>(k));
                    give(electors[i], now);
                }
                const auto request = electors[i].next(now, std::to_string(time.count()));
                if (!request) continue;
                const bool is_lost = random() % 20 == 0;
                Answer answer{now + random() % 15 * 100ms, i, {}};
                if (is_lost && random() % 2 == 0) {  // it never reached the server
                    answer.give = [](LeaseElection& e, Instant t) { e.on_failed(t); };
                    answers.push_back(answer);
                    continue;
                }
                const bool conflicts =
                    request->kind == Kind::create
                        ? lease.has_value()
                        : request->kind == Kind::replace &&
                              (!lease || lease->meta.resource_version !=
                                             request->lease.meta.resource_version);
                if (conflicts) {
                    answer.give = [](LeaseElection& e, Instant t) { e.on_conflict(t); };
                } else {
                    if (request->kind != Kind::get) {
                        lease = request->lease;
                        lease->meta.resource_version = std::to_string(++version);
                    }
                    answer.give = [lease](LeaseElection& e, Instant t) { e.on_lease(lease, t); };
                }
                if (is_lost) answer.give = [](LeaseElection& e, Instant t) { e.on_failed(t); };
                answers.push_back(answer);
            }
            ASSERT_LE(leaders, 1) << "seed " << seed << " at " << time.count();
            led += leaders;
        }
        EXPECT_GT(led, 1500) << "seed " << seed << ": somebody leads most of the time";
    }
}

}  // namespace
}  // namespace trivet::cloud
