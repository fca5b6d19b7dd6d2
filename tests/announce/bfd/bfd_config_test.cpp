#include "announce/bfd/bfd_config.hpp"

#include <gtest/gtest.h>

namespace trivet::announce::bfd {
namespace {

using namespace std::chrono_literals;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

SessionConfig ordinary() { return {.remote = ip("192.0.2.2")}; }

struct Refusal {
    const char* name;
    void (*spoil)(SessionConfig&);
    const char* field;
    const char* words;
};

class BfdConfigRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(BfdConfigRefuses, AndSaysWhy) {
    SessionConfig config = ordinary();
    GetParam().spoil(config);
    const auto checked = check({{"tor1", config}});
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(checked.error().field, GetParam().field);
    EXPECT_NE(checked.error().message.find("'tor1'"), std::string::npos) << checked.error().message;
    EXPECT_NE(checked.error().message.find(GetParam().words), std::string::npos)
        << checked.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BfdConfigRefuses,
    testing::Values(
        Refusal{"no_remote", [](SessionConfig& c) { c.remote = {}; }, "remote", "0.0.0.0"},
        Refusal{"multicast", [](SessionConfig& c) { c.remote = ip("224.0.0.1"); }, "remote",
                "224.0.0.1"},
        Refusal{"link_local_alone", [](SessionConfig& c) { c.remote = ip("fe80::1"); }, "interface",
                "link-local"},
        Refusal{"two_families", [](SessionConfig& c) { c.local = ip("fd00::1"); }, "local",
                "family"},
        Refusal{"any_local", [](SessionConfig& c) { c.local = ip("0.0.0.0"); }, "local", "0.0.0.0"},
        Refusal{"long_interface", [](SessionConfig& c) { c.interface = "abcdefghijklmnop"; },
                "interface", "longer"},
        Refusal{"fast_receiving", [](SessionConfig& c) { c.settings.receive_interval = 9ms; },
                "receive_interval", "9 ms"},
        Refusal{"slow_sending", [](SessionConfig& c) { c.settings.transmit_interval = 61s; },
                "transmit_interval", "61000 ms"},
        Refusal{"fast_echo", [](SessionConfig& c) { c.settings.echo_interval = 1ms; },
                "echo_interval", "1 ms"},
        Refusal{"no_multiplier", [](SessionConfig& c) { c.settings.detect_multiplier = 0; },
                "detect_multiplier", "is 0"},
        Refusal{"no_secret", [](SessionConfig& c) { c.authentication.emplace(); }, "authentication",
                "1 to 20 bytes"}),
    [](const auto& row) { return row.param.name; });

TEST(BfdConfig, TakesTheLimits) {
    SessionConfig config = ordinary();
    config.settings = {.receive_interval = 10ms,
                       .transmit_interval = 60s,
                       .detect_multiplier = 1,
                       .echo_interval = 10ms};
    config.interface = "abcdefghijklmno";
    EXPECT_TRUE(check({{"a", config}}));
    config.remote = ip("fe80::1");
    EXPECT_TRUE(check({{"a", config}}));
}

TEST(BfdConfig, TwoSessionsToOneNeighbourAreAConflict) {
    SessionConfigs sessions{{"a", ordinary()}, {"b", ordinary()}};
    const auto checked = check(sessions);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, ErrorCode::conflict);
    EXPECT_EQ(checked.error().message,
              "BFD sessions 'a' and 'b' are both to 192.0.2.2; one serves both");
    sessions["b"].multihop = true;
    EXPECT_TRUE(check(sessions));
    sessions["b"] = ordinary();
    sessions["b"].interface = "eth1";
    EXPECT_TRUE(check(sessions));
}

TEST(BfdConfig, HasALimit) {
    SessionConfigs sessions;
    for (std::uint32_t i = 0; i < sessions_max; ++i)
        sessions["s" + std::to_string(i)].remote = IpAddress::v4(0x0a000001 + i);
    EXPECT_TRUE(check(sessions));
    sessions["more"].remote = ip("192.0.2.2");
    EXPECT_EQ(check(sessions).error().code, ErrorCode::exhausted);
}

TEST(BfdConfig, SettingsAloneAreNoOtherSession) {
    SessionConfig other = ordinary();
    other.settings.detect_multiplier = 9;
    other.admin_down = true;
    EXPECT_TRUE(ordinary().is_same_session(other));
    other.authentication = AuthenticationKey{.secret = "x"};
    EXPECT_FALSE(ordinary().is_same_session(other));
}

}  // namespace
}  // namespace trivet::announce::bfd
