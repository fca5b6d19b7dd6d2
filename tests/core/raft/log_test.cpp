#include "core/raft/log.hpp"

#include "tests/core/raft/raft_objects.hpp"

namespace trivet {
namespace {

using raft::Log;
using raft::LogBase;
using test::configuration_entry;
using test::entries;
using test::entry;
using test::members;
using test::Number;
using test::terms;
using testing::ElementsAre;
using testing::IsEmpty;

LogBase base(Number index, Number term) {
    return {LogIndex(index), Term(term), members({1, 2, 3})};
}

TEST(RaftLog, EmptyEndsAtItsBase) {
    const Log log(base(7, 3), {});
    EXPECT_EQ(log.last_index(), LogIndex(7));
    EXPECT_EQ(log.last_term(), Term(3));
    EXPECT_TRUE(log.matches(LogIndex(7), Term(3)));
    EXPECT_EQ(log.term_at(LogIndex(6)), std::nullopt);
    EXPECT_EQ(log.term_at(LogIndex(8)), std::nullopt);
}

TEST(RaftLog, KnowsTheTermOfEachEntry) {
    const Log log(base(2, 1), entries({1, 2, 2}, 3));
    EXPECT_EQ(log.last_index(), LogIndex(5));
    EXPECT_EQ(log.last_term(), Term(2));
    EXPECT_EQ(log.term_at(LogIndex(3)), Term(1));
    EXPECT_FALSE(log.matches(LogIndex(4), Term(1)));
    EXPECT_EQ(log.at(LogIndex(5)), entry(5, 2));
}

TEST(RaftLog, SliceStopsAtBothLimitsButHasAtLeastOneEntry) {
    const Log log(base(0, 0), {entry(1, 1, "aaaa"), entry(2, 1, "bbbb"), entry(3, 1, "cccc")});
    const auto sizes = [&](Number from, std::size_t count, std::size_t bytes) {
        return log.slice(LogIndex(from), count, bytes).size();
    };
    EXPECT_EQ(sizes(1, 10, 100), 3u);
    EXPECT_EQ(sizes(1, 2, 100), 2u);
    EXPECT_EQ(sizes(1, 10, 8), 2u);
    EXPECT_EQ(sizes(1, 10, 7), 1u);
    EXPECT_EQ(sizes(1, 10, 1), 1u);
    EXPECT_EQ(sizes(3, 10, 100), 1u);
    EXPECT_EQ(sizes(4, 10, 100), 0u);
}

struct NotNewerCase {
    std::string name;
    Number index, term, expected;
};

class RaftLogNotNewer : public testing::TestWithParam<NotNewerCase> {};

// Paper 5.3, last paragraph.
TEST_P(RaftLogNotNewer, SkipsTheTermsThatConflict) {
    const Log log(base(2, 1), entries({1, 2, 2, 5, 5}, 3));  // 3 to 7
    const auto& row = GetParam();
    EXPECT_EQ(log.last_not_newer(LogIndex(row.index), Term(row.term)), LogIndex(row.expected));
}

INSTANTIATE_TEST_SUITE_P(Table, RaftLogNotNewer,
                         testing::Values(NotNewerCase{"the_entry_itself", 6, 5, 6},
                                         NotNewerCase{"older_entry_is_not_newer", 5, 5, 5},
                                         NotNewerCase{"skips_a_term", 7, 4, 5},
                                         NotNewerCase{"skips_two_terms", 7, 1, 3},
                                         NotNewerCase{"beyond_the_end", 99, 9, 7},
                                         NotNewerCase{"down_to_the_base", 7, 0, 2},
                                         NotNewerCase{"behind_the_base", 1, 1, 2}),
                         [](const auto& row) { return row.param.name; });

TEST(RaftLog, TruncatesFromAnIndexOn) {
    Log log(base(0, 0), entries({1, 1, 2, 2}));
    log.truncate_from(LogIndex(3));
    EXPECT_THAT(terms(log), ElementsAre(1, 1));
    log.append(entry(3, 3));
    EXPECT_THAT(terms(log), ElementsAre(1, 1, 3));
}

// Thesis 4.1.
TEST(RaftLog, ConfigurationCountsWhenAppendedAndGoesWhenTruncated) {
    Log log(base(0, 0), entries({1}));
    log.append(configuration_entry(2, 1, members({1, 2, 3}, {4})));
    log.append(configuration_entry(3, 1, members({1, 2, 3, 4})));
    EXPECT_EQ(log.configuration(), members({1, 2, 3, 4}));
    EXPECT_EQ(log.configuration_index(), LogIndex(3));
    EXPECT_EQ(log.configuration_at(LogIndex(2)), members({1, 2, 3}, {4}));
    EXPECT_EQ(log.configuration_at(LogIndex(1)), members({1, 2, 3}));
    log.truncate_from(LogIndex(3));
    EXPECT_EQ(log.configuration(), members({1, 2, 3}, {4}));
    log.truncate_from(LogIndex(1));
    EXPECT_EQ(log.configuration(), members({1, 2, 3}));
    EXPECT_EQ(log.configuration_index(), LogIndex(0));
}

TEST(RaftLog, CompactionKeepsWhatIsAfterAndTheConfigurationOfTheBase) {
    Log log(base(0, 0), entries({1, 1}));
    log.append(configuration_entry(3, 2, members({1})));
    log.append(entry(4, 2));
    log.append(configuration_entry(5, 2, members({1, 2})));
    log.compact(LogIndex(4));
    EXPECT_EQ(log.base().index, LogIndex(4));
    EXPECT_EQ(log.base().term, Term(2));
    EXPECT_EQ(log.base().configuration, members({1}));
    EXPECT_THAT(terms(log), ElementsAre(2));
    EXPECT_EQ(log.configuration(), members({1, 2}));
    log.truncate_from(LogIndex(5));
    EXPECT_EQ(log.configuration(), members({1}));
}

TEST(RaftLog, CompactionNeverGoesBack) {
    Log log(base(3, 1), entries({1}, 4));
    log.compact(LogIndex(2));
    log.compact(LogIndex(3));
    EXPECT_EQ(log.base().index, LogIndex(3));
    EXPECT_EQ(log.last_index(), LogIndex(4));
}

TEST(RaftLog, ResetForgetsEverything) {
    Log log(base(0, 0), entries({1, 1, 2}));
    log.append(configuration_entry(4, 2, members({1})));
    log.reset({LogIndex(9), Term(4), members({5})});
    EXPECT_THAT(terms(log), IsEmpty());
    EXPECT_EQ(log.last_index(), LogIndex(9));
    EXPECT_EQ(log.last_term(), Term(4));
    EXPECT_EQ(log.configuration(), members({5}));
    EXPECT_EQ(log.configuration_index(), LogIndex(9));
}

}  // namespace
}  // namespace trivet
