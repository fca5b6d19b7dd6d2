#include "core/bgp_remarks.hpp"

#include <gtest/gtest.h>

#include "tests/core/placement_fixture.hpp"

namespace trivet {
namespace {

using Lines = std::vector<std::string>;

class BgpRemarks : public testing::Test, public test::PlacementFixture {
protected:
    void SetUp() override {
        ASSERT_TRUE(pool("lan", R"("addresses": ["10.0.0.16/28", "fd00::/120"])"));
        join("n1", {{"rack", "a"}});
    }
    Lines bgp(const std::string& fields) {
        const auto result = put(Kind::bgp_advertisement, "x", fields, false);
        EXPECT_TRUE(result) << result.error().message;
        return remarks(Kind::bgp_advertisement, "x");
    }
    Lines peer(const std::string& name, const std::string& fields = "") {
        const std::string common = R"("my_asn": 1, "peer_asn": 2, "interface": ")" + name + "\"";
        const auto result =
            put(Kind::bgp_peer, name, common + (fields.empty() ? "" : ", " + fields), false);
        EXPECT_TRUE(result) << result.error().message;
        return remarks(Kind::bgp_peer, name);
    }
    Lines remarks(Kind kind, const std::string& name) const {
        return bgp_remarks(state, state.config_objects().at({kind, "", name}).object);
    }
    std::string why_not(const std::string& text = "10.0.0.16") const {
        return why_not_by_bgp(state, test::address(text));
    }
};

TEST_F(BgpRemarks, WhatIsCompleteHasNone) {
    EXPECT_EQ(peer("tor1"), Lines{});
    EXPECT_EQ(bgp(R"("pools": ["lan"], "peers": ["tor1"], "communities": ["no-export", "1:1"],
                     "aggregation_length": 28, "aggregation_length_v6": 120)"),
              Lines{});
    ASSERT_TRUE(put(Kind::community, "c", R"("communities": [])", false));
    EXPECT_EQ(remarks(Kind::community, "c"), Lines{});
}

TEST_F(BgpRemarks, WhatAnAdvertisementNamesAndDoesNotExist) {
    EXPECT_EQ(bgp(""), Lines{"there is no bgp-peer yet"});
    peer("tor1");
    ASSERT_TRUE(
        put(Kind::community, "c", R"("communities": [{"name": "blue", "value": "1:1"}])", false));
    EXPECT_EQ(bgp(R"("pools": ["lan", "lam"], "peers": ["tor2"], "communities": ["bleu", "blue"],
                     "node_selectors": [{"match_labels": {"rack": "z"}}])"),
              (Lines{"there is no pool 'lam'; did you mean 'lan'?",
                     "there is no bgp-peer 'tor2'; did you mean 'tor1'?",
                     "it announces nothing: there is no community with the alias 'bleu'; did you "
                     "mean 'blue'?",
                     "its node_selectors match no node"}));
}

TEST_F(BgpRemarks, ABlockBeyondThePool) {
    peer("tor1");
    EXPECT_EQ(bgp(R"("aggregation_length": 24)"),
              Lines{"it may announce 10.0.0.0/24 for pool 'lan', which has only a part of it"});
    EXPECT_EQ(bgp(R"("aggregation_length_v6": 64)"),
              Lines{"it may announce fd00::/64 for pool 'lan', which has only a part of it"});
    ASSERT_TRUE(pool("lan", R"("addresses": ["10.0.0.0-10.0.0.100"])"));
    EXPECT_EQ(bgp(R"("aggregation_length": 26)"),
              Lines{"it may announce 10.0.0.64/26 for pool 'lan', which has only a part of it"});
    ASSERT_TRUE(pool("lan", R"("addresses": ["10.0.0.0/25", "10.0.0.128-10.0.0.255"])"));
    EXPECT_EQ(bgp(R"("aggregation_length": 24)"), Lines{}) << "two ranges make it whole";
}

TEST_F(BgpRemarks, WhatAPeerLacks) {
    EXPECT_EQ(peer("tor1", R"("bfd_profile": "fast", "password_secret": {"name": "s"},
                              "node_selectors": [{"match_labels": {"rack": "z"}}])"),
              (Lines{"password_secret is of Kubernetes and cannot be read here: no session is "
                     "tried until the password stands in 'password' instead",
                     "BFD has the default timers: there is no bfd-profile 'fast'",
                     "its node_selectors match no node"}));
}

TEST_F(BgpRemarks, AConflictThatLabelsLedTo) {
    peer("tor1");
    ASSERT_TRUE(put(Kind::bgp_advertisement, "y",
                    R"("local_pref": 1, "node_selectors": [{"match_labels": {"x": "y"}}])", false));
    EXPECT_EQ(bgp(R"("local_pref": 2)"), Lines{});
    join("n2", {{"x", "y"}});
    const Lines found = remarks(Kind::bgp_advertisement, "x");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NE(found[0].find("the local_pref 2, bgp-advertisement 'y' 1"), std::string::npos)
        << found[0];
}

TEST_F(BgpRemarks, WhyNobodyAnnouncesAnAddress) {
    ASSERT_TRUE(vip("v", R"("labels": {"app": "web"})"));
    EXPECT_EQ(why_not("10.9.0.1"), "");
    EXPECT_EQ(why_not(), "no bgp-advertisement selects pool 'lan'");
    bgp(R"("vip_selectors": [{"match_labels": {"app": "db"}}], "peers": ["tor1"])");
    EXPECT_EQ(why_not(), "there is no bgp-peer");
    peer("tor2");
    EXPECT_EQ(why_not(), "the vip_selectors of no bgp-advertisement match its labels");
    bgp(R"("peers": ["tor1"])");
    EXPECT_EQ(why_not(),
              "bgp-advertisement 'x': there is no bgp-peer 'tor1'; did you mean 'tor2'?");
    bgp(R"("node_selectors": [{"match_labels": {"rack": "b"}}])");
    EXPECT_NE(why_not().find("no node is in service"), std::string::npos);
    bgp("");
    EXPECT_EQ(why_not(), "");
}

}  // namespace
}  // namespace trivet
