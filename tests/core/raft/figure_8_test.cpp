#include "tests/core/raft/cluster.hpp"

namespace trivet {
namespace {

using namespace raft;
using namespace test;
using testing::ElementsAre;

/// Paper, figure 8, server by server: why a leader must not conclude that an entry of an older term
/// is committed because it is on a majority. The no-ops of the leaders are the entries; each
/// AppendEntries carries one.
class RaftFigure8 : public testing::Test {
protected:
    static Options one_at_a_time() {
        Options options;
        options.append_entries_max = 1;
        return options;
    }

    RaftFigure8() : cluster(members({1, 2, 3, 4, 5}), one_at_a_time()) {
        for (Number id = 1; id <= 5; ++id) {
            DurableState disk;
            disk.base.configuration = members({1, 2, 3, 4, 5});
            disk.entries = entries({1});
            disk.hard_state.term = Term(1);
            cluster.add(id, disk);
        }
    }

    /// `down` is off; of entries, only those arrive that `passes` lets through.
    void only(Number down, Cluster::Filter passes) {
        cluster.drops = [down, passes](const Message& message) {
            if (message.from == RaftId(down) || message.to == RaftId(down)) return true;
            return std::holds_alternative<AppendEntries>(message.body) && !passes(message);
        };
    }
    static bool none(const Message&) { return false; }

    /// Its term is behind after its restart, and it learns that from the first try.
    void elect_at_second_try(Number id) {
        cluster.now += 300ms;
        cluster.timer(id);
        cluster.deliver();
        EXPECT_FALSE(cluster[id].is_leader());
        cluster.elect(id);
    }

    void a() {  // S1 leads term 2 and replicates index 2 to S2
        only(0, [](const Message& message) { return message.to == RaftId(2); });
        cluster.elect(1);
        ASSERT_THAT(terms(cluster[2].log()), ElementsAre(1, 2));
    }
    void b() {  // S1 is down; S5 leads term 3 with S3, S4 and itself, and writes another index 2
        only(1, none);
        cluster.elect(5);
        ASSERT_THAT(terms(cluster[5].log()), ElementsAre(1, 3));
    }
    void c() {  // S5 is down; S1 leads term 4 and replicates index 2 to S3: it is on a majority
        cluster.crash(1);
        cluster.crash(5);
        only(5, [this](const Message& message) {
            return message.to == RaftId(3) && terms(cluster[3].log()).size() == 1;
        });
        elect_at_second_try(1);
        ASSERT_EQ(cluster[1].term(), Term(4));
        AppendReply has_it;  // S2 has had it since (a)
        has_it.success = true;
        has_it.match_index = LogIndex(2);
        cluster.perform(1, cluster[1].step({RaftId(2), RaftId(1), Term(4), has_it}, cluster.now));
        cluster.deliver();
        ASSERT_THAT(terms(cluster[1].log()), ElementsAre(1, 2, 4));
        ASSERT_THAT(terms(cluster[2].log()), ElementsAre(1, 2));
        ASSERT_THAT(terms(cluster[3].log()), ElementsAre(1, 2));
        ASSERT_EQ(cluster[1].progress().at(RaftId(2)).match_index, LogIndex(2));
        ASSERT_EQ(cluster[1].progress().at(RaftId(3)).match_index, LogIndex(2));
    }

    Cluster cluster;
};

// Paper 5.4.2.
TEST_F(RaftFigure8, EntryOfAnOlderTermOnAMajorityIsNotCommitted) {
    a();
    b();
    c();
    EXPECT_EQ(cluster[1].commit_index(), LogIndex(0));
}

TEST_F(RaftFigure8, PathDTheEntryIsOverwritten) {
    a();
    b();
    c();
    cluster.crash(1);
    only(1, [](const Message&) { return true; });
    elect_at_second_try(5);
    cluster.beat(5, 2);
    for (const Number id : {2u, 3u, 4u, 5u}) {
        EXPECT_THAT(terms(cluster[id].log()), ElementsAre(1, 3, 5)) << id;
        EXPECT_EQ(cluster[id].commit_index(), LogIndex(3)) << id;
    }
}

TEST_F(RaftFigure8, PathEAnEntryOfTheOwnTermCommitsItToo) {
    a();
    b();
    c();
    only(5, [](const Message& message) { return message.to.value() <= 3; });
    cluster.beat(1, 2);
    EXPECT_EQ(cluster[1].commit_index(), LogIndex(3));
    cluster.crash(1);
    only(1, [](const Message&) { return true; });
    for (int i = 0; i < 3; ++i) {
        cluster.now += 300ms;
        cluster.timer(5);
        cluster.deliver();
        EXPECT_FALSE(cluster[5].is_leader());
    }
}

}  // namespace
}  // namespace trivet
