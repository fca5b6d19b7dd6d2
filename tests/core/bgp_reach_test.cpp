// Which addresses routers are told of now, by what nodes say of their sessions.
#include <gtest/gtest.h>

#include "core/bgp_policy.hpp"
#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

class BgpReachTest : public testing::Test, public test::PlacementFixture {
protected:
    void SetUp() override {
        ASSERT_TRUE(pool("edge", R"("addresses": ["10.0.0.0/24", "fd00::/120"])"));
        join("n1", {{"rack", "a"}});
        join("n2", {{"rack", "b"}});
        peer("tor1", "10.9.0.1");
        peer("tor2", "10.9.0.2");
        ASSERT_TRUE(put(Kind::bgp_advertisement, "edge", R"("pools": ["edge"])", false));
        ASSERT_TRUE(vip("web", R"("addresses": ["10.0.0.9", "fd00::9"])"));
    }
    void peer(const std::string& name, const std::string& address) {
        ASSERT_TRUE(put(Kind::bgp_peer, name,
                        R"("my_asn": 65009, "peer_asn": 65000, "peer_address": ")" + address + "\"",
                        false));
    }
    void say(const std::string& node, BgpSessions sessions) {
        const auto applied = apply({ReportBgpSessions{node, std::move(sessions)}});
        ASSERT_TRUE(applied.result) << applied.result.error().message;
    }
    bool is_announced(const std::string& address) const {
        return BgpReach(state).is_announced(IpAddress::parse(address).value());
    }
};

TEST_F(BgpReachTest, NobodyIsToldWithoutASession) {
    EXPECT_FALSE(is_announced("10.0.0.9"));
    say("n1", {.established = {"tor9"}});
    EXPECT_FALSE(is_announced("10.0.0.9")) << "of a peer that is no more";
}

TEST_F(BgpReachTest, OneSessionOfOneNodeIsEnough) {
    say("n2", {.established = {"tor2"}});
    EXPECT_TRUE(is_announced("10.0.0.9"));
    EXPECT_TRUE(is_announced("fd00::9"));
    EXPECT_FALSE(is_announced("10.0.0.10")) << "nobody holds it";
    EXPECT_FALSE(is_announced("10.1.0.1")) << "it is in no pool";
    say("n2", {});
    EXPECT_FALSE(is_announced("10.0.0.9"));
}

TEST_F(BgpReachTest, ThePeerMustBeOneThatIsTold) {
    ASSERT_TRUE(
        put(Kind::bgp_advertisement, "edge", R"("pools": ["edge"], "peers": ["tor1"])", false));
    say("n1", {.established = {"tor2"}});
    EXPECT_FALSE(is_announced("10.0.0.9"));
    say("n1", {.established = {"tor1", "tor2"}});
    EXPECT_TRUE(is_announced("10.0.0.9"));
}

TEST_F(BgpReachTest, TheNodeMustBeOneThatAnnouncesIt) {
    say("n1", {.established = {"tor1"}});
    ASSERT_TRUE(vip("odd", R"("addresses": ["10.0.0.7"], "eligible_nodes": ["n2"])"));
    EXPECT_TRUE(is_announced("10.0.0.9"));
    EXPECT_FALSE(is_announced("10.0.0.7"));
    say("n2", {.established = {"tor1"}});
    EXPECT_TRUE(is_announced("10.0.0.7"));
}

TEST_F(BgpReachTest, SelectorsOfVipsCount) {
    ASSERT_TRUE(put(Kind::bgp_advertisement, "edge",
                    R"("pools": ["edge"], "vip_selectors": [{"match_labels": {"tier": "gold"}}])",
                    false));
    say("n1", {.established = {"tor1"}});
    EXPECT_FALSE(is_announced("10.0.0.9"));
    ASSERT_TRUE(vip("gold", R"("addresses": ["10.0.0.8"], "labels": {"tier": "gold"})"));
    EXPECT_TRUE(is_announced("10.0.0.8"));
}

TEST_F(BgpReachTest, WhoHasWithdrawnTellsNobody) {
    say("n1", {.established = {"tor1"}, .withdrawn = true});
    EXPECT_FALSE(is_announced("10.0.0.9"));
    drain("n1");
    drain("n1", false);
    EXPECT_TRUE(is_announced("10.0.0.9")) << "it is in service again, and announces again";
}

TEST_F(BgpReachTest, WhoIsRemovedIsForgotten) {
    say("n2", {.established = {"tor1"}});
    expect_restored_the_same();
    ASSERT_TRUE(apply({RemoveNode{"n2"}}).result);
    EXPECT_TRUE(state.bgp_sessions().all().empty());
    EXPECT_FALSE(apply({ReportBgpSessions{"n2", {.established = {"tor1"}}}}).result);
    EXPECT_FALSE(is_announced("10.0.0.9"));
    expect_restored_the_same();
}

TEST_F(BgpReachTest, TooManyPeersAreRefused) {
    BgpSessions sessions;
    for (std::size_t i = 0; i <= BgpSessions::peers_max; ++i)
        sessions.established.insert("tor" + std::to_string(i));
    const auto applied = apply({ReportBgpSessions{"n1", sessions}});
    ASSERT_FALSE(applied.result);
    EXPECT_EQ(applied.result.error().field, "established");
}

}  // namespace
}  // namespace trivet
