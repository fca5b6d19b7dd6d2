#include "core/config_values.hpp"

#include <ostream>

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

using nlohmann::json;
using test::json_of;

struct ValueCase {
    const char* name;
    Kind kind;
    std::string fields;
    const char* field;
    const char* message;  // a part of it
};

void PrintTo(const ValueCase& c, std::ostream* out) { *out << c.name; }

class BadConfigValue : public testing::TestWithParam<ValueCase> {};

TEST_P(BadConfigValue, IsRefusedNamingTheField) {
    const auto read =
        object_from_json(GetParam().kind, json_of(R"({"name": "a", )" + GetParam().fields + "}"));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read.error().field, GetParam().field) << read.error().message;
    EXPECT_NE(read.error().message.find(GetParam().message), std::string::npos)
        << read.error().message;
}

std::string many(const std::string& field, std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i)
        list += (i == 0 ? "" : ",") + ("\"65000:" + std::to_string(i) + "\"");
    return "\"" + field + "\": [" + list + "]";
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigValue,
    testing::Values(
        ValueCase{"Med", Kind::bgp_advertisement, R"("med": 4294967296)", "med",
                  "not within 0-4294967295"},
        ValueCase{"Prepend", Kind::bgp_advertisement, R"("prepend": 33)", "prepend",
                  "not within 0-32"},
        ValueCase{"GracefulShutdown", Kind::bgp_advertisement, R"("graceful_shutdown": 1)",
                  "graceful_shutdown", "must be true or false"},
        ValueCase{"CommunityIsHalf", Kind::bgp_advertisement, R"("communities": ["65000:"])",
                  "communities[0]", "is no community"},
        ValueCase{"CommunitiesAreMany", Kind::bgp_advertisement, many("communities", 65),
                  "communities", "at most 64"},
        ValueCase{"ExtendedCommunity", Kind::bgp_advertisement,
                  R"("extended_communities": ["rt:65000:1", "rt:1"])", "extended_communities[1]",
                  "is no extended community: write rt:65000:1"},
        ValueCase{"AliasOfAWellKnownName", Kind::community,
                  R"("communities": [{"name": "NO_EXPORT", "value": "65000:1"}])",
                  "communities[0].name", "the well-known community 65535:65281"},
        ValueCase{
            "AliasTwice", Kind::community,
            R"("communities": [{"name": "x", "value": "1:1"}, {"name": "x", "value": "1:2"}])",
            "communities[1].name", "two values, 1:1 and 1:2"},
        ValueCase{"AliasWithColon", Kind::community,
                  R"("communities": [{"name": "x:y", "value": "1:1"}])", "communities[0].name",
                  "without ':'"}),
    [](const auto& row) { return row.param.name; });

TEST(ConfigValues, AWellKnownNameMayBeDefinedAsWhatItIs) {
    EXPECT_TRUE(object_from_json(Kind::community, json_of(R"({"name": "c", "communities": [
        {"name": "NO_ADVERTISE", "value": "65535:65282"}, {"name": "a", "value": "1:1"},
        {"name": "a", "value": "1:1"}]})")));
}

TEST(ConfigValues, AreKeptInOneForm) {
    const auto advertisement = std::get<ConfigObject>(
        test::object(Kind::bgp_advertisement,
                     R"({"name": "a", "extended_communities": ["0x0002FDE800000001"]})"));
    EXPECT_EQ(advertisement.fields["extended_communities"], json::array({"rt:65000:1"}));
    const auto peer = std::get<ConfigObject>(test::object(
        Kind::bgp_peer, R"({"name": "a", "my_asn": 1, "peer_asn": 2, "restart_time": "2m",
                            "peer_prefix": "2001:DB8:0::/64"})"));
    EXPECT_EQ(peer.fields["peer_prefix"], "2001:db8::/64");
    EXPECT_EQ(peer.fields["restart_time"], 120);
}

TEST(ConfigValues, NoMessageHoldsAPassword) {
    for (const char* fields :
         {R"("password": "hunter2\u0007")",
          R"("password": "hunter2", "password_secret": {"name": "s"})",
          R"("password": "hunter2", "peer_port": 0)", R"("password": ["hunter2"])",
          R"("password": "hunter2", "passwort": "hunter2")"}) {
        const auto read =
            object_from_json(Kind::bgp_peer, json_of(R"({"name": "a", "my_asn": 1, "peer_asn": 2,
                                        "peer_address": "10.0.0.1", )" +
                                                     std::string(fields) + "}"));
        ASSERT_FALSE(read) << fields;
        EXPECT_EQ(read.error().message.find("hunter2"), std::string::npos) << read.error().message;
    }
}

}  // namespace
}  // namespace trivet
