#include "dataplane/nft_ruleset.hpp"

#include <gtest/gtest.h>

#include "dataplane/tc_filters.hpp"

namespace trivet::dataplane::nft {
namespace {

using namespace std::chrono_literals;

struct TimeoutRow {
    const char* name;
    Duration left;
    Duration tick;
    std::optional<std::chrono::milliseconds> timeout;
};

void PrintTo(const TimeoutRow& row, std::ostream* out) { *out << row.name; }

class NftTimeout : public testing::TestWithParam<TimeoutRow> {};

TEST_P(NftTimeout, EndsBeforeTheDeadlineOrIsNotBegunAtAll) {
    const auto& row = GetParam();
    const Instant now(1'000'000'000'123ns);
    EXPECT_EQ(timeout_until(now + row.left, now, row.tick), row.timeout);
}

INSTANTIATE_TEST_SUITE_P(Rows, NftTimeout,
                         testing::Values(TimeoutRow{"lease_at_250_hz", 80ms, 4ms, 72ms},
                                         TimeoutRow{"lease_at_1000_hz", 80ms, 1ms, 78ms},
                                         TimeoutRow{"lease_at_100_hz", 80ms, 10ms, 60ms},
                                         TimeoutRow{"rounded_down", 80ms + 999us, 4ms, 72ms},
                                         TimeoutRow{"shortest", 18ms, 4ms, 10ms},
                                         TimeoutRow{"less_than_a_tick_would_never_end", 18ms - 1ns,
                                                    4ms, std::nullopt},
                                         TimeoutRow{"now", 0ms, 4ms, std::nullopt},
                                         TimeoutRow{"past", -5s, 4ms, std::nullopt}),
                         [](const auto& row) { return row.param.name; });

TEST(NftTimeout, TheClosedDeadlineIsPastAtAnyTime) {
    EXPECT_EQ(timeout_until(Instant{}, Instant(1ns), 4ms), std::nullopt);
}

TEST(NftTable, NamesCarryTheSlot) {
    EXPECT_EQ(table_slot(table_name(0)), 0U);
    EXPECT_EQ(table_slot(table_name(filter_slots_max - 1)), filter_slots_max - 1);
}

TEST(NftTable, OtherNamesAreNotOurs) {
    for (const char* name : {"filter", "trivet_gate_", "trivet_gate_16", "trivet_gate_1x",
                             "trivet_gate_-1", "trivet_gates_1", ""})
        EXPECT_EQ(table_slot(name), std::nullopt) << name;
}

TEST(NftGroup, StandsInNetworkOrder) {
    EXPECT_EQ(group_key(0x0102), (std::array<std::uint8_t, 4>{0, 0, 1, 2}));
}

}  // namespace
}  // namespace trivet::dataplane::nft
