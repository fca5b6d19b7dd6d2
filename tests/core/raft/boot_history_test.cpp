#include "core/raft/boot_history.hpp"

#include <gtest/gtest.h>

namespace trivet::raft {

namespace {

/// With nonces 1001, 1002, ... for starts 1, 2, ...
BootHistory history_of(std::uint64_t boots) {
    BootHistory history;
    for (std::uint64_t number = 1; number <= boots; ++number) history.append(1000 + number);
    return history;
}

TEST(BootHistory, NumbersGrowByOneFromOne) {
    BootHistory history;
    EXPECT_FALSE(history.newest());
    history.append(7);
    EXPECT_EQ(history.newest(), (Boot{1, 7}));
    history.append(9);
    EXPECT_EQ(history.newest(), (Boot{2, 9}));
    EXPECT_TRUE(history.contains({1, 7}));
    EXPECT_FALSE(history.contains({1, 9}));
    EXPECT_FALSE(history.contains({3, 9}));
    EXPECT_FALSE(history.contains({0, 0}));
}

TEST(BootHistory, KeepsTheNewestOnly) {
    const BootHistory history = history_of(BootHistory::boots_max + 10);
    EXPECT_EQ(history.oldest_number(), 11u);
    EXPECT_FALSE(history.contains({10, 1010}));
    EXPECT_TRUE(history.contains({11, 1011}));
    EXPECT_EQ(history.newest(), (Boot{266, 1266}));
}

struct Case {
    const char* name;
    std::uint64_t boots;
    Boot last_seen;
    bool descends;
};

class DescendsFromTest : public testing::TestWithParam<Case> {};

TEST_P(DescendsFromTest, OrNot) {
    const Case& row = GetParam();
    EXPECT_EQ(descends_from(history_of(row.boots), row.last_seen), row.descends);
}

INSTANTIATE_TEST_SUITE_P(
    , DescendsFromTest,
    testing::Values(Case{"the_start_before", 5, {4, 1004}, true},
                    Case{"this_start", 5, {5, 1005}, true},
                    Case{"the_first_start", 5, {1, 1001}, true},
                    Case{"an_old_copy_lacks_the_last_start", 5, {6, 1006}, false},
                    Case{"an_old_copy_was_started_as_often", 5, {4, 77}, false},
                    Case{"nobody_was_seen_yet", 5, {0, 0}, true},
                    Case{"older_than_all_that_is_kept", 300, {44, 5}, true},
                    Case{"the_oldest_that_is_kept", 300, {45, 1045}, true},
                    Case{"the_oldest_that_is_kept_of_another", 300, {45, 5}, false},
                    Case{"an_empty_history_after_a_start", 0, {1, 1001}, false},
                    Case{"an_empty_history", 0, {0, 0}, true}),
    [](const auto& row) { return row.param.name; });

TEST(BootHistory, IsReadBackAsItWasWritten) {
    for (const std::uint64_t boots : {0, 1, 2, 255, 256, 257, 1000}) {
        const auto decoded = decode_boot_history(encode(history_of(boots)));
        ASSERT_TRUE(decoded) << boots;
        EXPECT_EQ(*decoded, history_of(boots));
    }
}

TEST(BootHistory, NothingElseIsRead) {
    const std::string good = encode(history_of(3));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(decode_boot_history(good.substr(0, size))) << size;
    EXPECT_FALSE(decode_boot_history(good + "x"));
    std::string number_of_a_full_list = good;
    number_of_a_full_list[7] = 2;
    EXPECT_FALSE(decode_boot_history(number_of_a_full_list));
    std::string number_zero = encode(BootHistory{});
    number_zero[7] = 0;
    EXPECT_FALSE(decode_boot_history(number_zero));
    std::string too_many = encode(history_of(BootHistory::boots_max)) + std::string(8, 'x');
    too_many[9] = 1;  // 257
    EXPECT_FALSE(decode_boot_history(too_many));
    std::string overflow = encode(history_of(300));
    for (std::size_t i = 0; i < 8; ++i) overflow[i] = '\xff';
    EXPECT_FALSE(decode_boot_history(overflow));
}

}  // namespace

}  // namespace trivet::raft
