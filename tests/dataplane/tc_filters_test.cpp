#include "dataplane/tc_filters.hpp"

#include <gtest/gtest.h>

namespace trivet::dataplane {
namespace {

TEST(FilterMark, SurvivesInTheHandle) {
    for (std::uint32_t slot = 0; slot < filter_slots_max; ++slot)
        for (const bool made_qdisc : {false, true}) {
            const FilterMark mark{.slot = slot, .made_qdisc = made_qdisc};
            EXPECT_EQ(filter_mark(filter_handle(mark)), mark);
        }
}

TEST(FilterMark, HandlesOfOthersAreNotOurs) {
    // What tc and libbpf give: small numbers; and ours with bits that we never set.
    for (const std::uint32_t handle :
         {0U, 1U, 2U, 0x100U, 0x74720010U, 0x74720200U, 0x74730000U, 0xffffffffU})
        EXPECT_EQ(filter_mark(handle), std::nullopt) << handle;
}

TEST(FilterMarkDeathTest, ASlotBeyondTheLastEndsTheProcess) {
    EXPECT_DEATH(static_cast<void>(filter_handle({.slot = filter_slots_max, .made_qdisc = false})),
                 "filter_slots_max");
}

}  // namespace
}  // namespace trivet::dataplane
