#include "core/lease_table.hpp"

#include <gtest/gtest.h>

#include "core/placement.hpp"
#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using test::address;

constexpr NodeId a{0xa1}, b{0xb2}, c{UINT64_MAX};
const IpAddress first = address("10.0.0.1");
const IpAddress second = address("fd00::1");

WallTime at(int seconds) { return WallTime(std::chrono::seconds(1'000'000 + seconds)); }

std::map<std::string, std::string> rows_of(const LeaseTable& table) {
    std::map<std::string, std::string> rows;
    for (const std::string& key : table.row_keys()) rows[key] = table.row(key).value_or("-");
    return rows;
}

/// A table with everything in it, and the rows that its changes named.
struct Filled {
    LeaseTable table;
    std::map<std::string, std::string> rows;

    template <class Act>
    void change(Act act) {
        LeaseTable::Changed changed;
        act(changed);
        for (const std::string& key : changed.row_keys()) {
            const auto row = table.row(key);
            if (row)
                rows[key] = *row;
            else
                rows.erase(key);
        }
    }
    Filled() {
        using Changed = LeaseTable::Changed;
        change([&](Changed& to) { table.set_list(first, {a, b}, LogIndex(5), to); });
        change([&](Changed& to) { table.set_list(first, {b, c}, LogIndex(6), to); });
        change([&](Changed& to) { table.set_list(second, {c, a, b}, LogIndex(7), to); });
        change([&](Changed& to) { table.record_fence(c, Epoch(1), at(0), to); });
        change([&](Changed& to) { table.admit(c, Epoch(1), LogIndex(8), to); });
        change([&](Changed& to) { table.set_list(second, {}, LogIndex(9), to); });
        change([&](Changed& to) { table.record_fence(a, Epoch(1), at(1), to); });
        change([&](Changed& to) { EXPECT_TRUE(table.set_profile("fast", to)); });
    }
};

TEST(LeaseTable, ChangesNameEveryRowThatDiffers) {
    const Filled filled;
    EXPECT_EQ(filled.rows, rows_of(filled.table));
    EXPECT_EQ(filled.rows.size(), 5u);  // three nodes, one address, the profile
}

TEST(LeaseTable, ComesBackFromItsRows) {
    const Filled filled;
    LeaseTable restored;
    for (const auto& [key, row] : filled.rows) {
        const auto read = restored.restore(key, row);
        ASSERT_TRUE(read) << key << ": " << read.error().message;
    }
    EXPECT_TRUE(restored.check_restored());
    EXPECT_EQ(restored.plan(), filled.table.plan());
    EXPECT_EQ(restored.profile(), "fast");
    EXPECT_EQ(rows_of(restored), filled.rows);
}

TEST(LeaseTable, ItsRowsAreJsonInItsOneForm) {
    for (const auto& [key, row] : Filled().rows)
        EXPECT_EQ(nlohmann::json::parse(row).dump(), row) << key;
}

TEST(LeaseTable, ANodeNamedBeforeIsNoNews) {
    LeaseTable table;
    LeaseTable::Changed changed;
    table.set_list(first, {a}, LogIndex(5), changed);
    LeaseTable::Changed again;
    table.set_list(first, {a}, LogIndex(6), again);
    EXPECT_TRUE(again.row_keys().empty());
    EXPECT_FALSE(table.record_fence(b, Epoch(1), at(0), again).took_effect);
    EXPECT_FALSE(table.record_fence(a, Epoch(2), at(0), again).took_effect);
    EXPECT_FALSE(table.admit(a, Epoch(2), LogIndex(7), again));
    EXPECT_TRUE(again.row_keys().empty());
}

TEST(LeaseTable, RefusesAProfileThatThereIsNot) {
    LeaseTable table;
    LeaseTable::Changed changed;
    const auto set = table.set_profile("faster", changed);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(set.error().message.find("default, fast, fastest, wide"), std::string::npos);
    EXPECT_EQ(*table.set_profile("default", changed), false);
}

TEST(LeaseTable, SaysWhatARowIsAbout) {
    EXPECT_EQ(LeaseTable::address_in("lease/address/10.0.0.1"), first);
    EXPECT_EQ(LeaseTable::node_in("lease/node/00000000000000a1"), a);
    for (const char* key : {"lease/profile", "lease/node/a1", "lease/node/00000000000000A1",
                            "lease/node/0000000000000000", "lease/address/n1", "vip/default/web"}) {
        EXPECT_FALSE(LeaseTable::address_in(key)) << key;
        EXPECT_FALSE(LeaseTable::node_in(key)) << key;
    }
}

struct Damage {
    const char* what;
    const char* key;
    const char* row;
};

class LeaseTableDamage : public testing::TestWithParam<Damage> {};

TEST_P(LeaseTableDamage, IsRefused) {
    LeaseTable table;
    const auto read = table.restore(GetParam().key, GetParam().row);
    EXPECT_FALSE(read);
}

constexpr const char* node_key = "lease/node/00000000000000a1";
constexpr const char* address_key = "lease/address/10.0.0.1";

INSTANTIATE_TEST_SUITE_P(
    Rows, LeaseTableDamage,
    testing::Values(
        Damage{"NoJson", node_key, "{"}, Damage{"NoObject", node_key, "[]"},
        Damage{"NodeWithoutEpoch", node_key, R"({"generation":1,"fence":0,"past":[0,0]})"},
        Damage{"EpochZero", node_key, R"({"epoch":0,"generation":1,"fence":0,"past":[0,0]})"},
        Damage{"FenceAhead", node_key, R"({"epoch":1,"generation":1,"fence":2,"past":[0,0]})"},
        Damage{"NoPast", node_key, R"({"epoch":1,"generation":1,"fence":0})"},
        Damage{"ShortPast", node_key, R"({"epoch":1,"generation":1,"fence":0,"past":[0]})"},
        Damage{"More", node_key, R"({"epoch":1,"generation":1,"fence":0,"past":[0,0],"x":1})"},
        Damage{"PenaltyWithoutTime", node_key,
               R"({"epoch":1,"generation":1,"fence":1,"past":[0,0],"penalty":{"points":1000}})"},
        Damage{
            "PenaltyTooGreat", node_key,
            R"({"epoch":1,"generation":1,"fence":1,"past":[0,0],"penalty":{"points":12001,"at":1,"suppressed":true}})"},
        Damage{"KeyOfNobody", "lease/node/0000000000000000",
               R"({"epoch":1,"generation":1,"fence":0,"past":[0,0]})"},
        Damage{"KeyTooShort", "lease/node/a1",
               R"({"epoch":1,"generation":1,"fence":0,"past":[0,0]})"},
        Damage{"EmptyList", address_key, R"({"list":[],"past":{}})"},
        Damage{"NoPastOfAddress", address_key,
               R"({"list":[{"node":"00000000000000a1","after":{}}]})"},
        Damage{
            "Twice", address_key,
            R"({"list":[{"node":"00000000000000a1","after":{}},{"node":"00000000000000a1","after":{}}],"past":{}})"},
        Damage{
            "WaitsForItself", address_key,
            R"({"list":[{"node":"00000000000000a1","after":{"00000000000000a1":[1,1]}}],"past":{}})"},
        Damage{"NotCanonical", "lease/address/fd00:0::1",
               R"({"list":[{"node":"00000000000000a1","after":{}}],"past":{}})"},
        Damage{"NoAddress", "lease/address/web",
               R"({"list":[{"node":"00000000000000a1","after":{}}],"past":{}})"},
        Damage{"UnknownProfile", "lease/profile", R"({"name":"faster"})"},
        Damage{"DefaultProfile", "lease/profile", R"({"name":"default"})"},
        Damage{"UnknownRow", "lease/other", R"({"name":"fast"})"}),
    [](const auto& row) { return row.param.what; });

TEST(LeaseTable, AListOfAnUnknownNodeIsDamage) {
    LeaseTable table;
    ASSERT_TRUE(table.restore(address_key,
                              R"({"list":[{"node":"00000000000000a1","after":{}}],"past":{}})"));
    const auto checked = table.check_restored();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::corrupt);
    EXPECT_NE(checked.error().message.find(address_key), std::string::npos);
}

}  // namespace
}  // namespace trivet
