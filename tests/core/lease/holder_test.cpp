#include "core/lease/holder.hpp"

#include <gtest/gtest.h>

#include "core/lease/voter.hpp"

namespace trivet::lease {
namespace {

using std::chrono::milliseconds;

const NodeId self{1}, other{2}, third{3}, dead{4};
const Instant start{std::chrono::hours{1}};

Key key(std::uint64_t epoch, std::uint64_t generation = 0) {
    return {Epoch(epoch), LogIndex(generation)};
}

/// Node 1 of the voters 1, 2 and 3.
class LeaseHolder : public testing::Test {
protected:
    LeaseHolder() {
        view.self = self;
        view.configuration = LogIndex(1);
        view.voters = {self, other, third};
        for (const NodeId id : {self, other, third, dead})
            view.nodes.push_back({id, Epoch(1), LogIndex(5), Epoch{}});
    }
    void give(std::vector<Need> needs, bool hold = false) {
        view.rights = {{.group = 1, .right = {.needs = std::move(needs), .hold = hold}}};
        holder.on_view(view, now);
    }
    void send() { ASSERT_TRUE(holder.make_renew(voter, now, renew)); }
    void answer(NodeId from, std::vector<Confirmed> confirmed = {}, std::vector<Heard> heard = {}) {
        holder.on_ack(from, {renew.sequence, Boot(7), std::move(confirmed), std::move(heard)}, now);
    }
    void refuse(NodeId from, Key floor) {
        holder.on_refuse(from, {renew.sequence, Boot(7), floor}, now);
    }
    bool is_open() const { return holder.deadline(1) > now; }
    static Need fence(NodeId node) { return {node, key(2), true}; }

    Instant now = start;
    View view;
    Voter voter{start};
    Holder holder{self, Boot(7), start};
    Renew renew;
};

TEST_F(LeaseHolder, H4OpensUntilItsRightCountedFromTheTimeOfSending) {
    give({});
    send();
    const Instant sent = now;
    now += milliseconds{3};
    answer(self);
    EXPECT_FALSE(is_open());
    answer(other);
    EXPECT_EQ(holder.deadline(1), sent + milliseconds{80});
}

TEST_F(LeaseHolder, H4TheMajoritysNewestRenewalCounts) {
    give({});
    send();
    answer(self);
    answer(other);
    now += milliseconds{20};
    send();
    answer(third);
    EXPECT_EQ(holder.deadline(1), start + milliseconds{80}) << "two voters, one of them older";
    answer(other);
    EXPECT_EQ(holder.deadline(1), start + milliseconds{100});
}

TEST_F(LeaseHolder, H4VotersOfTwoConfigurationsMakeNoMajority) {
    give({});
    send();
    answer(self);
    view.configuration = LogIndex(9);
    view.voters = {other, third, dead};
    holder.on_view(view, now);
    send();
    answer(other);
    EXPECT_FALSE(is_open());
    answer(third);
    EXPECT_TRUE(is_open());
}

TEST_F(LeaseHolder, H4TheOldConfigurationCountsUntilItRunsOut) {
    give({});
    send();
    answer(self);
    answer(other);
    view.configuration = LogIndex(9);
    view.voters = {other, third, dead};
    holder.on_view(view, now);
    EXPECT_TRUE(is_open());
    now += milliseconds{80};
    EXPECT_FALSE(is_open());
}

TEST_F(LeaseHolder, H4AChangeOfTheProfileDoesNotLengthenWhatWasPromised) {
    view.profile = ProfileId::fast;
    give({});
    send();
    view.profile = ProfileId::standard;
    holder.on_view(view, now);
    answer(self);
    answer(other);
    EXPECT_EQ(holder.deadline(1), start + milliseconds{40});
}

TEST_F(LeaseHolder, H3TheNewestAckBySequenceCountsNotTheLatest) {
    give({{other, key(1, 5), false}});
    send();
    const Renew first = renew;
    answer(self, {{other, key(1, 5)}});
    now += milliseconds{5};
    send();
    answer(other, {{other, key(1, 4)}});
    renew = first;
    answer(other, {{other, key(1, 5)}});
    EXPECT_FALSE(is_open()) << "an older answer arrived late";
}

TEST_F(LeaseHolder, H3AllNeedsMustBeMetByOneAck) {
    give({{other, key(1, 5), false}, {third, key(1, 5), false}});
    send();
    answer(self, {{other, key(1, 5)}, {third, key(1, 5)}});
    answer(other, {{other, key(1, 5)}});
    answer(third, {{third, key(1, 5)}});
    EXPECT_FALSE(is_open());
    send();
    answer(other, {{other, key(1, 9)}, {third, key(2, 0)}});
    EXPECT_TRUE(is_open());
}

TEST_F(LeaseHolder, H3WhatWasAnsweredToAnotherBootOrEpochDoesNotCount) {
    give({});
    send();
    holder.on_ack(self, {renew.sequence, Boot(6), {}, {}}, now);
    holder.on_ack(other, {renew.sequence, Boot(6), {}, {}}, now);
    EXPECT_FALSE(is_open());
    view.nodes[0].epoch = Epoch(2);
    holder.on_view(view, now);
    answer(self);
    answer(other);
    EXPECT_FALSE(is_open());
}

TEST_F(LeaseHolder, H5RightsThatMeetTheNewNeedGoOn) {
    give({});
    send();
    answer(self, {{other, key(1, 5)}});
    answer(other, {{other, key(1, 5)}});
    view.nodes[0].generation = LogIndex(6);
    give({{other, key(1, 5), false}});
    EXPECT_TRUE(is_open());
    give({{other, key(1, 6), false}});
    EXPECT_FALSE(is_open());
}

TEST_F(LeaseHolder, H6ARelasedEpochNeitherRenewsNorOpens) {
    give({});
    send();
    answer(self);
    EXPECT_EQ(holder.release(), Epoch(1));
    answer(other);
    EXPECT_FALSE(is_open());
    EXPECT_FALSE(holder.make_renew(voter, now, renew));
    EXPECT_FALSE(holder.wants_admission());
    view.nodes[0].epoch = Epoch(2);
    holder.on_view(view, now);
    EXPECT_TRUE(holder.make_renew(voter, now, renew));
}

TEST_F(LeaseHolder, H7RefusedByAMajorityItClosesReleasesAndAsks) {
    give({});
    send();
    answer(self);
    answer(other);
    now += milliseconds{5};
    send();
    refuse(other, key(2));
    EXPECT_TRUE(is_open()) << "a minority";
    EXPECT_EQ(holder.wants_admission(), Epoch(1));
    refuse(third, key(2));
    EXPECT_FALSE(is_open());
    EXPECT_EQ(holder.take_release_due(), Epoch(1));
    EXPECT_FALSE(holder.take_release_due());
    EXPECT_FALSE(holder.make_renew(voter, now, renew));
    EXPECT_EQ(holder.wants_admission(), Epoch(1));
}

TEST_F(LeaseHolder, H7RefusedForItsGenerationItOnlyWaitsForThePlan) {
    give({});
    send();
    refuse(other, key(1, 9));
    refuse(third, key(1, 9));
    EXPECT_FALSE(holder.wants_admission());
    EXPECT_TRUE(holder.make_renew(voter, now, renew));
}

TEST_F(LeaseHolder, H7FencedInThePlanItCloses) {
    give({});
    send();
    answer(self);
    answer(other);
    view.nodes[0].fence = Epoch(1);
    holder.on_view(view, now);
    EXPECT_FALSE(is_open());
    EXPECT_EQ(holder.take_release_due(), Epoch(1));
    EXPECT_EQ(holder.wants_admission(), Epoch(1));
}

TEST_F(LeaseHolder, H8WantsAFenceOnlyOfWhoIsSilent) {
    give({fence(dead)});
    send();
    EXPECT_TRUE(renew.wants.empty()) << "it has only just started";
    now += milliseconds{60};
    send();
    EXPECT_EQ(renew.wants, (std::vector<Want>{{dead, key(2), true}}));
    EXPECT_TRUE(holder.is_claiming());
    answer(other, {}, {{dead, Epoch(1)}});
    answer(third, {}, {{dead, Epoch(1)}});
    send();
    EXPECT_TRUE(renew.wants.empty()) << "a majority has heard it";
}

TEST_F(LeaseHolder, H8WhoeverHasJustBeenAdmittedHasTimeToBeHeard) {
    give({fence(dead)});
    now += milliseconds{200};
    view.nodes[3].epoch = Epoch(2);
    give({{dead, key(3), true}});
    send();
    EXPECT_TRUE(renew.wants.empty());
    now += milliseconds{60};
    send();
    EXPECT_EQ(renew.wants, (std::vector<Want>{{dead, key(3), true}}));
}

TEST_F(LeaseHolder, H8EveryNodeBeforeItMustBeSilent) {
    give({fence(dead), fence(third)});
    voter.on_view(view, start);
    now = start + milliseconds{60};
    Renew heard;
    heard.key = key(1, 5);
    heard.configuration = LogIndex(1);
    Ack unused;
    Refuse unused_too;
    voter.on_renew(third, Boot(1), heard, now, unused, unused_too);
    send();
    EXPECT_TRUE(renew.wants.empty());
}

TEST_F(LeaseHolder, H8OnceOpenTheWantStays) {
    give({fence(dead)});
    now += milliseconds{60};
    send();
    answer(self, {{dead, key(2)}});
    answer(other, {{dead, key(2)}});
    EXPECT_TRUE(is_open());
    voter.on_view(view, start);
    Renew back;
    back.key = key(1, 5);
    back.configuration = LogIndex(1);
    Ack unused;
    Refuse unused_too;
    voter.on_renew(dead, Boot(1), back, now, unused, unused_too);  // it shows up again
    send();
    EXPECT_EQ(renew.wants, (std::vector<Want>{{dead, key(2), true}}));
    std::vector<Heard> fenced;
    holder.append_fenced(now, fenced);
    EXPECT_EQ(fenced, (std::vector<Heard>{{dead, Epoch(1)}}));
}

TEST_F(LeaseHolder, H8WhoDoesNotVoteLearnsOfSilenceFromTheVoters) {
    view.voters = {other, third, dead};
    give({fence(dead)});
    now += milliseconds{60};
    send();
    EXPECT_TRUE(renew.wants.empty());
    answer(other, {}, {{dead, Epoch(1)}});
    answer(third);
    send();
    EXPECT_TRUE(renew.wants.empty()) << "one of two has heard it";
    answer(other);
    send();
    EXPECT_EQ(renew.wants, (std::vector<Want>{{dead, key(2), true}}));
}

TEST_F(LeaseHolder, AStallOfItsOwnGivesTheOthersTimeToBeHeard) {
    give({fence(dead)});
    now += milliseconds{500};
    holder.on_stall(now);
    send();
    EXPECT_TRUE(renew.wants.empty());
    now += milliseconds{40};
    send();
    EXPECT_FALSE(renew.wants.empty());
}

TEST_F(LeaseHolder, HoldKeepsWhatIsOpenWithoutAMajority) {
    give({}, true);
    send();
    EXPECT_FALSE(is_open()) << "it was never open";
    answer(self);
    answer(other);
    EXPECT_TRUE(is_open());
    for (int i = 0; i < 100; ++i) {
        now += milliseconds{20};
        send();
        EXPECT_TRUE(is_open());
    }
    refuse(other, key(2));
    refuse(third, key(2));
    EXPECT_FALSE(is_open()) << "the others have moved on";
}

TEST_F(LeaseHolder, HoldEndsWithTheThreadThatHolds) {
    give({}, true);
    send();
    answer(self);
    answer(other);
    now += milliseconds{81};
    EXPECT_FALSE(is_open());
    send();
    EXPECT_FALSE(is_open()) << "it was closed meanwhile";
}

}  // namespace
}  // namespace trivet::lease
