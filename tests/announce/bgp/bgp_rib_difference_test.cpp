#include "announce/bgp/bgp_rib_difference.hpp"

#include "tests/announce/bgp/told_peer.hpp"

namespace trivet::announce::bgp {
namespace {

using update_test::prefix;
using update_test::routes;
using Names = std::vector<std::string>;

constexpr UpdateSettings external{.local_as = AsNumber(64512)};
constexpr UpdateSettings internal{.local_as = AsNumber(64512), .is_external = false};

RouteSlice ipv4(const std::vector<BgpAttributes>& attributes,
                const std::map<std::string, std::uint32_t>& set_of_prefix) {
    return {routes(attributes, set_of_prefix), IpFamily::ipv4};
}

RouteSlice plain(const std::vector<const char*>& prefixes) {
    std::map<std::string, std::uint32_t> set_of_prefix;
    for (const char* text : prefixes) set_of_prefix.emplace(text, 0);
    return ipv4({{}}, set_of_prefix);
}

Names names(const RouteSlice& slice, std::span<const std::uint32_t> indices) {
    Names result;
    for (const std::uint32_t index : indices)
        result.push_back(slice.routes()[index].prefix.to_string());
    return result;
}

/// Announcements, a group a line.
std::vector<Names> groups(const RouteSlice& target, const RibDifference& difference) {
    std::vector<Names> result;
    std::size_t start = 0;
    for (const std::uint32_t end : difference.group_ends) {
        result.push_back(
            names(target, std::span(difference.announcements).subspan(start, end - start)));
        start = end;
    }
    EXPECT_EQ(start, difference.announcements.size());
    return result;
}

TEST(BgpRibDifference, IsEmptyBetweenEqualTables) {
    EXPECT_TRUE(rib_difference({}, {}, {}, external).empty());
    const RouteSlice told = plain({"10.0.0.0/24", "10.0.1.0/24"});
    EXPECT_TRUE(rib_difference(told, {}, told, external).empty());
    EXPECT_TRUE(rib_difference(told, {}, plain({"10.0.0.0/24", "10.0.1.0/24"}), external).empty());
}

TEST(BgpRibDifference, TellsWhatIsGoneNewAndChanged) {
    const RouteSlice told =
        ipv4({{}, {.med = 1}},
             {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 0}, {"10.0.2.0/24", 1}, {"10.0.3.0/24", 1}});
    const RouteSlice target =
        ipv4({{.med = 1}, {}},
             {{"10.0.1.0/24", 0}, {"10.0.2.0/24", 0}, {"10.0.3.0/24", 1}, {"10.0.4.0/24", 0}});
    const RibDifference difference = rib_difference(told, {}, target, external);
    EXPECT_EQ(names(told, difference.withdrawals), (Names{"10.0.0.0/24"}));
    EXPECT_EQ(groups(target, difference),
              (std::vector<Names>{{"10.0.3.0/24"}, {"10.0.1.0/24", "10.0.4.0/24"}}));
    EXPECT_EQ(difference.is_new, (std::vector<bool>{false, false, false, true}));
    EXPECT_TRUE(difference.late_withdrawals.empty());
}

TEST(BgpRibDifference, LeavesOutWhatThePeerDoesNotSee) {
    const RouteSlice told = ipv4({{.local_pref = 10, .prepend = 1}}, {{"10.0.0.0/24", 0}});
    const RouteSlice preferred = ipv4({{.local_pref = 20, .prepend = 1}}, {{"10.0.0.0/24", 0}});
    const RouteSlice longer = ipv4({{.local_pref = 10, .prepend = 2}}, {{"10.0.0.0/24", 0}});
    EXPECT_TRUE(rib_difference(told, {}, preferred, external).empty());
    EXPECT_FALSE(rib_difference(told, {}, preferred, internal).empty());
    EXPECT_FALSE(rib_difference(told, {}, longer, external).empty());
    EXPECT_TRUE(rib_difference(told, {}, longer, internal).empty());
}

TEST(BgpRibDifference, AnnouncesStaleRoutesAgain) {
    const RouteSlice told = plain({"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"});
    const RouteSlice target = plain({"10.0.0.0/24", "10.0.1.0/24"});
    const RibDifference difference = rib_difference(told, {false, true, true}, target, external);
    EXPECT_EQ(groups(target, difference), (std::vector<Names>{{"10.0.1.0/24"}}));
    EXPECT_EQ(names(told, difference.withdrawals), (Names{"10.0.2.0/24"}));
    EXPECT_EQ(difference.is_new, (std::vector<bool>{false, false}));
}

TEST(BgpRibDifference, GroupsSetsThatLookAlikeToThePeer) {
    const RouteSlice target =
        ipv4({{.local_pref = 1}, {.local_pref = 2}, {.med = 1}, {.local_pref = 3}},
             {{"10.0.0.0/24", 0}, {"10.0.1.0/24", 2}, {"10.0.2.0/24", 1}, {"10.0.3.0/24", 3}});
    EXPECT_EQ(groups(target, rib_difference({}, {}, target, external)),
              (std::vector<Names>{{"10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24"}, {"10.0.1.0/24"}}));
    EXPECT_EQ(groups(target, rib_difference({}, {}, target, internal)).size(), 4U);
}

struct LateRow {
    const char* name;
    std::vector<const char*> told;
    std::vector<const char*> target;
    std::vector<const char*> early;
    std::vector<const char*> late;
};

class BgpRibWithdrawals : public testing::TestWithParam<LateRow> {};

TEST_P(BgpRibWithdrawals, WaitForWhatTakesTheirPlace) {
    const LateRow& row = GetParam();
    const RouteSlice told = plain(row.told);
    const RibDifference difference = rib_difference(told, {}, plain(row.target), external);
    EXPECT_EQ(names(told, difference.withdrawals), Names(row.early.begin(), row.early.end()));
    EXPECT_EQ(names(told, difference.late_withdrawals), Names(row.late.begin(), row.late.end()));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BgpRibWithdrawals,
    testing::Values(LateRow{"beside", {"10.0.0.0/24"}, {"10.0.1.0/24"}, {"10.0.0.0/24"}, {}},
                    LateRow{"single_addresses_in_place_of_an_aggregate",
                            {"10.0.0.0/24"},
                            {"10.0.0.5/32", "10.0.0.9/32"},
                            {},
                            {"10.0.0.0/24"}},
                    LateRow{"an_aggregate_in_place_of_single_addresses",
                            {"10.0.0.5/32", "10.0.0.9/32"},
                            {"10.0.0.0/24"},
                            {},
                            {"10.0.0.5/32", "10.0.0.9/32"}},
                    LateRow{"the_same_address_with_another_length",
                            {"10.0.0.0/25"},
                            {"10.0.0.0/24"},
                            {},
                            {"10.0.0.0/25"}},
                    LateRow{"what_covers_it_was_there_before",
                            {"10.0.0.0/24", "10.0.0.5/32"},
                            {"10.0.0.0/24"},
                            {"10.0.0.5/32"},
                            {}},
                    LateRow{"after_the_aggregate_ends",
                            {"10.0.0.5/32", "10.0.1.5/32"},
                            {"10.0.0.0/24"},
                            {"10.0.1.5/32"},
                            {"10.0.0.5/32"}},
                    LateRow{"before_the_aggregate_begins",
                            {"10.0.0.0/30", "10.0.0.255/32"},
                            {"10.0.0.128/25"},
                            {"10.0.0.0/30"},
                            {"10.0.0.255/32"}},
                    LateRow{"nested_blocks_around",
                            {"10.0.0.0/16", "10.0.0.0/24", "10.0.0.0/25", "10.0.1.0/24"},
                            {"10.0.0.200/32"},
                            {"10.0.0.0/25", "10.0.1.0/24"},
                            {"10.0.0.0/16", "10.0.0.0/24"}},
                    LateRow{"around_two_of_which_one_is_nested",
                            {"10.0.0.0/16", "10.0.128.0/24"},
                            {"10.0.0.1/32", "10.0.128.1/32"},
                            {},
                            {"10.0.0.0/16", "10.0.128.0/24"}},
                    LateRow{"under_the_widest_of_several",
                            {"10.0.200.1/32"},
                            {"10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24"},
                            {},
                            {"10.0.200.1/32"}},
                    LateRow{"the_default_route",
                            {"0.0.0.0/0", "10.0.0.0/8"},
                            {"192.0.2.0/24"},
                            {"10.0.0.0/8"},
                            {"0.0.0.0/0"}},
                    LateRow{"odd_lengths",
                            {"10.0.0.0/23", "10.0.2.0/23"},
                            {"10.0.1.128/26"},
                            {"10.0.2.0/23"},
                            {"10.0.0.0/23"}}),
    [](const auto& row) { return row.param.name; });

TEST(BgpRibDifferenceDeathTest, EndsTheProcessWhenRoutesAreNotSorted) {
    auto table = std::make_shared<BgpRoutes>();
    table->attributes.resize(1);
    table->routes = {{.prefix = prefix("10.0.1.0/24"), .attributes = 0},
                     {.prefix = prefix("10.0.0.0/24"), .attributes = 0}};
    const RouteSlice unsorted(table);
    EXPECT_DEATH((void)rib_difference({}, {}, unsorted, external), "not true");
}

}  // namespace
}  // namespace trivet::announce::bgp
