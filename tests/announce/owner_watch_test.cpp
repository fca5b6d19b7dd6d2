#include "announce/owner_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/announce/l2_frames.hpp"

namespace trivet::announce {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const IpAddress vip = ip("192.0.2.10");
const MacAddress owner = mac("02:00:00:00:00:02"), stranger = mac("02:00:00:00:00:66");

TEST(OwnerWatch, ReportsAChangeAtOnceAndTheSameEachTenSeconds) {
    OwnerWatch watch;
    watch.watch(vip);
    EXPECT_TRUE(watch.on_claim(vip, owner, at(0s)));
    EXPECT_FALSE(watch.on_claim(vip, owner, at(9s)));
    EXPECT_TRUE(watch.on_claim(vip, owner, at(10s)));
    EXPECT_TRUE(watch.on_claim(vip, stranger, at(11s)));
    EXPECT_FALSE(watch.on_claim(vip, stranger, at(11s)));
    EXPECT_TRUE(watch.on_claim(vip, owner, at(11s)));
}

TEST(OwnerWatch, HoldsBackAStormOfChangesAndReportsWhoIsLeft) {
    OwnerWatch watch;
    watch.watch(vip);
    int reports = 0;
    for (int i = 0; i < 1'000; ++i)
        reports += watch.on_claim(vip, i % 2 == 0 ? owner : stranger, at(i * 1ms)) ? 1 : 0;
    EXPECT_EQ(reports, 4);
    EXPECT_TRUE(watch.on_claim(vip, owner, at(1'001ms)));
}

TEST(OwnerWatch, LeavesAloneWhatIsNotWatched) {
    OwnerWatch watch;
    EXPECT_FALSE(watch.on_claim(vip, owner, at(0s)));
    watch.watch(vip);
    EXPECT_TRUE(watch.on_claim(vip, owner, at(0s)));
    watch.watch(vip);  // again: nothing is forgotten
    EXPECT_FALSE(watch.on_claim(vip, owner, at(0s)));
    watch.forget(vip);
    EXPECT_THAT(watch.take_questions(at(100s)), IsEmpty());
}

TEST(OwnerWatch, AsksAboutAnAddressOnceAMinuteWhileNothingIsHeard) {
    OwnerWatch watch;
    watch.watch(vip);
    EXPECT_THAT(watch.take_questions(at(1s)), ElementsAre(vip));
    EXPECT_THAT(watch.take_questions(at(60s)), IsEmpty());
    EXPECT_THAT(watch.take_questions(at(61s)), ElementsAre(vip));
    watch.on_claim(vip, owner, at(100s));
    EXPECT_THAT(watch.take_questions(at(121s)), IsEmpty());
    EXPECT_THAT(watch.take_questions(at(159s)), IsEmpty());
    EXPECT_THAT(watch.take_questions(at(160s)), ElementsAre(vip));
}

TEST(OwnerWatch, AsksAboutTwentyASecondAndAboutEachInTurn) {
    OwnerWatch watch;
    IpAddress address = ip("10.0.0.0");
    for (int i = 0; i < 10'000; ++i, address = address.next()) watch.watch(address);
    std::map<IpAddress, Instant> last;
    for (Duration time{}; time < 1'000s; time += 1s) {
        const auto asked = watch.take_questions(at(time));
        EXPECT_EQ(asked.size(), 20U);
        for (const IpAddress one : asked) {
            const auto [entry, is_first] = last.try_emplace(one, at(time));
            EXPECT_TRUE(is_first || at(time) - entry->second >= 60s);
            entry->second = at(time);
        }
    }
    EXPECT_EQ(last.size(), 10'000U);
}

}  // namespace
}  // namespace trivet::announce
