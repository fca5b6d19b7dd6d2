#include "core/cluster_state.hpp"

#include <gtest/gtest.h>

#include "tests/core/state_fixture.hpp"

namespace trivet {
namespace {

using test::object;
using test::StateFixture;

PutObject put(Kind kind, std::string_view text) {
    PutObject action;
    action.object = object(kind, text);
    return action;
}
PutObject create(Kind kind, std::string_view text) {
    PutObject action = put(kind, text);
    action.mode = PutMode::create;
    return action;
}

constexpr const char* lan = R"({"name": "lan", "addresses": ["10.0.0.0/30"]})";
constexpr const char* web = R"({"name": "web"})";

TEST(ClusterState, CreateRefusesWhatExists) {
    StateFixture f;
    for (const auto& [kind, text] :
         {std::pair{Kind::pool, lan}, std::pair{Kind::vip, web},
          std::pair{Kind::l2_advertisement, web}, std::pair{Kind::name_space, web},
          std::pair{Kind::community, web}, std::pair{Kind::bfd_profile, web}}) {
        EXPECT_TRUE(f.apply({create(kind, text)}).result);
        const Applied again = f.apply({create(kind, text)});
        ASSERT_FALSE(again.result);
        EXPECT_EQ(again.result.error().code, ErrorCode::conflict);
        EXPECT_NE(again.result.error().message.find("exists already"), std::string::npos);
        EXPECT_TRUE(again.changed.empty());
    }
}

TEST(ClusterState, RevisionMustBeTheOneSeen) {
    StateFixture f;
    ASSERT_TRUE(f.apply({put(Kind::pool, lan)}).result);
    PutObject change = put(Kind::pool, R"({"name": "lan", "addresses": ["10.0.0.0/29"]})");
    change.revision = 7;
    const Applied stale = f.apply({change});
    ASSERT_FALSE(stale.result);
    EXPECT_EQ(stale.result.error().code, ErrorCode::conflict);
    EXPECT_NE(stale.result.error().message.find("is at revision 1, not 7"), std::string::npos);
    change.revision = 1;
    EXPECT_TRUE(f.apply({change}).result);
    EXPECT_EQ(f.state.pools().at("lan").revision, 3u);
    PutObject gone = put(Kind::vip, web);
    gone.revision = 3;
    EXPECT_EQ(f.apply({gone}).result.error().code, ErrorCode::conflict);
    gone.revision = 0;  // "must not exist yet"
    EXPECT_TRUE(f.apply({gone}).result);
}

TEST(ClusterState, TheSameSpecKeepsTheRevision) {
    StateFixture f;
    for (const auto& [kind, text] :
         {std::pair{Kind::pool, lan}, std::pair{Kind::vip, web},
          std::pair{Kind::l2_advertisement, web}, std::pair{Kind::name_space, web},
          std::pair{Kind::community, web}}) {
        ASSERT_TRUE(f.apply({put(kind, text)}).result);
        const Applied again = f.apply({put(kind, text)});
        EXPECT_TRUE(again.result);
        EXPECT_TRUE(again.changed.empty());
        EXPECT_TRUE(again.events.empty());
    }
    EXPECT_EQ(f.state.pools().at("lan").revision, 1u);
    EXPECT_EQ(f.record("web").revision, 3u);
}

TEST(ClusterState, ActionsOfACommandAreAllOrNone) {
    StateFixture f;
    ASSERT_TRUE(f.apply({put(Kind::pool, lan), put(Kind::vip, R"({"name": "old"})")}).result);
    const auto before = f.rows;
    const Applied refused =
        f.apply({put(Kind::vip, web), DeleteObject{{Kind::vip, "default", "old"}, false},
                 put(Kind::name_space, R"({"name": "shop"})"), RegisterNode{"n1", {}},
                 put(Kind::vip, R"({"name": "x", "pool": "nowhere"})")});
    ASSERT_FALSE(refused.result);
    EXPECT_EQ(refused.result.error().code, ErrorCode::not_found);
    EXPECT_TRUE(refused.changed.empty());
    EXPECT_TRUE(refused.events.empty());
    EXPECT_EQ(f.rows, before);
    EXPECT_EQ(f.state.last_applied(), LogIndex(2));
    EXPECT_EQ(f.addresses("old"), "10.0.0.0");
    // Free and waiting as before, too.
    ASSERT_TRUE(f.vip("next"));
    EXPECT_EQ(f.addresses("next"), "10.0.0.1");
}

TEST(ClusterState, ARefusedCommandStillMovesTheTime) {
    StateFixture f;
    f.at(10);
    ASSERT_TRUE(f.pool("lan", R"("addresses": ["10.0.0.1"], "reuse_cooldown": 60)"));
    ASSERT_TRUE(f.vip("a"));
    ASSERT_TRUE(f.erase(Kind::vip, "a"));
    ASSERT_TRUE(f.vip("b"));
    f.at(100);
    const Applied refused = f.apply({DeleteObject{{Kind::vip, "default", "nobody"}, false}});
    EXPECT_FALSE(refused.result);
    EXPECT_EQ(f.state.time(), WallTime(std::chrono::seconds(100)));
    EXPECT_EQ(refused.changed,
              (std::vector<std::string>{"meta/time", "released/10.0.0.1", "vip/default/b"}));
    EXPECT_EQ(f.addresses("b"), "10.0.0.1");
}

TEST(ClusterState, ChangedNamesEachRowOnceInOrder) {
    StateFixture f;
    const Applied applied =
        f.apply({put(Kind::pool, lan), put(Kind::vip, web),
                 put(Kind::vip, R"({"name": "web", "ports": ["80"]})"), RegisterNode{"n1", {}}});
    ASSERT_TRUE(applied.result);
    EXPECT_EQ(applied.changed,
              (std::vector<std::string>{"meta/time", "node/n1", "pool/lan", "vip/default/web"}));
}

TEST(ClusterState, PoolsOfOneBatchServeOlderVipsFirst) {
    StateFixture f;
    ASSERT_TRUE(f.vip("old"));
    ASSERT_TRUE(f.apply({put(Kind::pool, R"({"name": "lan", "addresses": ["10.0.0.1"]})"),
                         put(Kind::vip, R"({"name": "new"})")})
                    .result);
    EXPECT_EQ(f.addresses("old"), "10.0.0.1");
    EXPECT_EQ(f.addresses("new"), "");
}

TEST(ClusterState, AClusterIsMadeOnce) {
    StateFixture f;
    EXPECT_FALSE(f.state.initialised());
    EXPECT_FALSE(f.apply({InitCluster{"", "hash"}}).result);
    ASSERT_TRUE(f.apply({InitCluster{"c1", "hash"}}).result);
    EXPECT_TRUE(f.state.initialised());
    EXPECT_EQ(f.state.cluster_id(), "c1");
    EXPECT_EQ(f.state.admin_token_hash(), "hash");
    EXPECT_EQ(f.apply({InitCluster{"c2", "other"}}).result.error().code, ErrorCode::conflict);
    EXPECT_EQ(f.state.cluster_id(), "c1");
}

TEST(ClusterState, NodesRegisterDrainAndStay) {
    StateFixture f;
    ASSERT_TRUE(
        f.apply({RegisterNode{"n1", {{"rack", "a"}, {"kubernetes.io/hostname", "lie"}}}}).result);
    const Stored<Node>& node = f.state.nodes().at("n1");
    EXPECT_EQ(node.object.labels, (Labels{{"rack", "a"}, {"kubernetes.io/hostname", "n1"}}));
    ASSERT_TRUE(f.apply({DrainNode{"n1", true}}).result);
    ASSERT_TRUE(f.apply({RegisterNode{"n1", {{"rack", "b"}}}}).result);
    EXPECT_TRUE(node.object.drained);
    EXPECT_EQ(node.object.labels.at("rack"), "b");
    EXPECT_TRUE(f.apply({RegisterNode{"n1", {{"rack", "b"}}}}).changed.empty());
    EXPECT_TRUE(f.apply({DrainNode{"n1", true}}).changed.empty());
    ASSERT_TRUE(f.apply({DrainNode{"n1", false}}).result);
    EXPECT_FALSE(node.object.drained);
    EXPECT_EQ(f.apply({DrainNode{"n9", true}}).result.error().code, ErrorCode::not_found);
    EXPECT_EQ(f.apply({RegisterNode{"N1", {}}}).result.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(f.apply({DeleteObject{{Kind::node, "", "n1"}, false}}).result.error().code,
              ErrorCode::invalid_argument);
}

TEST(ClusterState, DeletingWhatIsNotThereSuggests) {
    StateFixture f;
    ASSERT_TRUE(f.apply({put(Kind::pool, lan)}).result);
    for (const Kind kind : {Kind::pool, Kind::vip, Kind::l2_advertisement, Kind::name_space,
                            Kind::bgp_peer, Kind::community})
        EXPECT_EQ(f.apply({DeleteObject{{kind, "", "lam"}, false}}).result.error().code,
                  ErrorCode::not_found);
    EXPECT_NE(f.erase(Kind::pool, "lam").error().message.find("did you mean 'lan'?"),
              std::string::npos);
}

TEST(ClusterState, ChecksObjectsThatDidNotComeFromJson) {
    StateFixture f;
    Pool pool;
    pool.name = "lan";
    pool.addresses = {{test::address("10.0.0.9"), test::address("10.0.0.1")}};
    EXPECT_EQ(f.apply({PutObject{pool, {}, false, {}}}).result.error().code,
              ErrorCode::invalid_argument);
    Vip vip;
    vip.name = "Bad Name";
    EXPECT_FALSE(f.apply({PutObject{vip, {}, false, {}}}).result);
    ConfigObject config;
    config.name = "tor";
    config.fields = {{"my_asn", 0}};
    EXPECT_FALSE(f.apply({PutObject{config, {}, false, {}}}).result);
    config.kind = Kind::pool;
    EXPECT_FALSE(f.apply({PutObject{config, {}, false, {}}}).result);
    EXPECT_TRUE(f.state.pools().empty());
}

TEST(ClusterState, EventsTellWhatHappened) {
    StateFixture f;
    ASSERT_TRUE(f.pool("lan", R"("addresses": ["10.0.0.1"])"));
    ASSERT_TRUE(f.vip("a"));
    ASSERT_TRUE(f.vip("b"));
    ASSERT_TRUE(f.vip("a", R"("ports": ["80"])"));
    ASSERT_TRUE(f.erase(Kind::pool, "lan", true));
    ASSERT_TRUE(f.erase(Kind::vip, "a"));
    std::vector<std::string> seen;
    for (const Event& event : f.events) seen.push_back(event.type + " " + event.object);
    EXPECT_EQ(seen,
              (std::vector<std::string>{"pool_created pool/lan", "vip_created vip/default/a",
                                        "vip_assigned vip/default/a", "vip_created vip/default/b",
                                        "vip_pending vip/default/b", "vip_changed vip/default/a",
                                        "address_taken_by_force vip/default/a",
                                        "pool_deleted pool/lan", "vip_deleted vip/default/a"}));
    EXPECT_EQ(f.events[2].message, "VIP 'default/a' got 10.0.0.1 from pool 'lan'");
    EXPECT_EQ(f.events[2].index, 2u);
    EXPECT_EQ(f.events[6].message, "VIP 'default/a' lost 10.0.0.1: pool 'lan' gave it up by force");
}

TEST(ClusterState, ALongListOfVipsIsCut) {
    StateFixture f;
    ASSERT_TRUE(f.pool("lan", R"("addresses": ["10.0.0.0/24"])"));
    for (int i = 0; i < 25; ++i) ASSERT_TRUE(f.vip("v" + std::to_string(i)));
    const auto refused = f.erase(Kind::pool, "lan");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("'default/v19' (10.0.0.19) and 5 more"),
              std::string::npos);
}

TEST(ClusterState, AnEventNamesThePoolOfEachAddress) {
    StateFixture f;
    ASSERT_TRUE(f.pool("a", R"("addresses": ["10.0.0.1-10.0.0.2", "fd0a::1"])"));
    ASSERT_TRUE(f.pool("b", R"("addresses": ["fd0b::1"])"));
    ASSERT_TRUE(f.vip("x", R"("ip_family_policy": "require_dual")"));
    EXPECT_EQ(f.events.back().message, "VIP 'default/x' got 10.0.0.1, fd0a::1 from pool 'a'");
    ASSERT_TRUE(f.vip("y", R"("ip_family_policy": "require_dual")"));
    EXPECT_EQ(f.events.back().message,
              "VIP 'default/y' got 10.0.0.2 from pool 'a', fd0b::1 from pool 'b'");
}

struct CorruptCase {
    const char* name;
    const char* key;
    const char* value;
    const char* why;
};

void PrintTo(const CorruptCase& c, std::ostream* out) { *out << c.name; }

class CorruptRow : public testing::TestWithParam<CorruptCase> {};

TEST_P(CorruptRow, IsNamed) {
    StateFixture f;
    ASSERT_TRUE(f.pool("lan", R"("addresses": ["10.0.0.0/30"])"));
    ASSERT_TRUE(f.vip("a"));
    ASSERT_TRUE(f.vip("b"));
    std::vector<StateRow> rows = f.saved();
    std::erase_if(rows, [](const StateRow& row) { return row.key == GetParam().key; });
    rows.push_back({GetParam().key, GetParam().value});
    const auto restored = ClusterState::restore(rows);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, ErrorCode::corrupt);
    EXPECT_NE(restored.error().message.find("row '" + std::string(GetParam().key) + "'"),
              std::string::npos)
        << restored.error().message;
    EXPECT_NE(restored.error().message.find(GetParam().why), std::string::npos)
        << restored.error().message;
}

#define LAN_VIP(name, created, address)                                             \
    "{\"object\": {\"name\": \"" name "\"}, \"revision\": 3, \"created\": " created \
    ", \"assigned\": [\"" address "\"], \"pending_reason\": \"\"}"

INSTANTIATE_TEST_SUITE_P(
    All, CorruptRow,
    testing::Values(
        CorruptCase{"NoJson", "pool/lan", "{", "line 1"},
        CorruptCase{"NoObject", "pool/lan", R"({"revision": 1})", "'object' is missing"},
        CorruptCase{"NoRevision", "pool/lan", R"({"object": {"name": "lan"}})",
                    "'revision' is missing"},
        CorruptCase{"OtherName", "pool/x",
                    R"({"object": {"name": "y", "addresses": ["10.9.0.1"]}, "revision": 1})",
                    "does not name its object"},
        CorruptCase{"BadObject", "pool/x", R"({"object": {"name": "x"}, "revision": 1})",
                    "has no addresses"},
        CorruptCase{"UnknownField", "meta/time", R"({"at": 1, "on": 2})", "unknown field 'on'"},
        CorruptCase{"UnknownKind", "tool/x", "{}", "does not know such rows"},
        CorruptCase{"UnknownMeta", "meta/moon", "{}", "does not know such rows"},
        CorruptCase{"NoSlash", "pool", "{}", "missing"},
        CorruptCase{"BadTime", "meta/time", R"({"at": -1})", "not within"},
        CorruptCase{"EmptyCluster", "meta/cluster", R"({"cluster_id": "x"})", "empty"},
        CorruptCase{"OverlappingPools", "pool/x",
                    R"({"object": {"name": "x", "addresses": ["10.0.0.1"]}, "revision": 1})",
                    "overlaps pool 'lan'"},
        CorruptCase{"AddressTwice", "vip/default/b", LAN_VIP("b", "196608", "10.0.0.0"),
                    "another VIP holds address 10.0.0.0"},
        CorruptCase{"AddressOutside", "vip/default/b", LAN_VIP("b", "196608", "10.0.9.0"),
                    "address 10.0.9.0 is in no pool"},
        CorruptCase{"AddressNoAddress", "vip/default/b", LAN_VIP("b", "196608", "10.0.9"),
                    "10.0.9"},
        CorruptCase{"CreatedTwice", "vip/default/b", LAN_VIP("b", "131072", "10.0.0.1"),
                    "created by the same command"},
        CorruptCase{"ReleasedButHeld", "released/10.0.0.0",
                    R"({"order": 1, "at": 1, "vip": "default/x"})", "a VIP holds the address"},
        CorruptCase{"ReleasedNowhere", "released/10.0.0", R"({"order": 1, "at": 1, "vip": "x"})",
                    "is no IPv4 or IPv6 address"},
        CorruptCase{"ReleaseIncomplete", "released/10.0.0.3", R"({"order": 1, "at": 1})",
                    "'vip' is missing"},
        CorruptCase{"NodeOtherName", "node/n1",
                    R"({"object": {"name": "n2", "labels": {}, "drained": false}, "revision": 1})",
                    "does not name its object"}),
    [](const auto& row) { return row.param.name; });

TEST(Restore, ARowTwiceIsCorrupt) {
    StateFixture f;
    ASSERT_TRUE(f.vip("a"));
    std::vector<StateRow> rows = f.saved();
    rows.push_back(rows.back());
    EXPECT_EQ(ClusterState::restore(rows).error().code, ErrorCode::corrupt);
}

TEST(Restore, KeepsEverythingAndTheIndex) {
    StateFixture f;
    ASSERT_TRUE(f.apply({InitCluster{"c1", "hash"}, RegisterNode{"n1", {{"rack", "a"}}},
                         DrainNode{"n1", true}, put(Kind::pool, lan), put(Kind::vip, web),
                         put(Kind::l2_advertisement, R"({"name": "all", "interfaces": ["eth0"]})"),
                         put(Kind::name_space, R"({"name": "shop", "labels": {"a": "b"}})"),
                         put(Kind::bfd_profile, R"({"name": "fast", "receive_interval": 100})")})
                    .result);
    const auto restored = ClusterState::restore(f.saved(), LogIndex(1));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->last_applied(), LogIndex(1));
    EXPECT_EQ(restored->time(), f.state.time());
    for (const StateRow& row : f.saved()) EXPECT_EQ(restored->row(row.key), row.value);
    EXPECT_EQ(f.rows.size(), 8u);
    EXPECT_EQ(restored->row("vip/default/none"), std::nullopt);
    EXPECT_EQ(restored->row("nonsense"), std::nullopt);
    EXPECT_EQ(restored->row("released/10.0.0.3"), std::nullopt);
}

}  // namespace
}  // namespace trivet
