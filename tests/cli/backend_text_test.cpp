#include "cli/backend_text.hpp"

#include <ostream>

#include <gmock/gmock.h>

namespace trivet::cli {
namespace {

using nlohmann::json;

struct Case {
    const char* name;
    const char* text;
    const char* json;  // null: refused
    const char* told;  // as it is shown, or what the refusal names
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class BackendText : public testing::TestWithParam<Case> {};

TEST_P(BackendText, IsReadOrRefused) {
    const auto read = backend_from_text(GetParam().text);
    ASSERT_EQ(read.has_value(), GetParam().json != nullptr);
    if (read) {
        EXPECT_EQ(*read, json::parse(GetParam().json));
    } else {
        EXPECT_THAT(read.error().message, testing::HasSubstr(GetParam().told));
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, BackendText,
    testing::Values(
        Case{"Whole", "80/tcp=10.1.0.1:8080@n2",
             R"({"port": 80, "protocol": "tcp", "address": "10.1.0.1", "target_port": 8080,
                 "node": "n2"})",
             ""},
        Case{"Smallest", "53=10.1.0.1", R"({"port": 53, "protocol": "tcp", "address": "10.1.0.1"})",
             ""},
        Case{"Ipv6", "53/udp=2001:db8::1",
             R"({"port": 53, "protocol": "udp", "address": "2001:db8::1"})", ""},
        Case{"Ipv6InBrackets", "53/udp=[2001:db8::1]@n1",
             R"({"port": 53, "protocol": "udp", "address": "2001:db8::1", "node": "n1"})", ""},
        Case{"Ipv6WithTarget", "53/udp=[2001:db8::1]:5353",
             R"({"port": 53, "protocol": "udp", "address": "2001:db8::1", "target_port": 5353})",
             ""},
        Case{"NoPort", "10.1.0.1:8080", nullptr, "names no port of the VIP"},
        Case{"BadPort", "0=10.1.0.1", nullptr, "'0=10.1.0.1'"},
        Case{"NoAddress", "80=", nullptr, "'80='"},
        Case{"NameForAddress", "80=web:8080", nullptr, "web"},
        Case{"NoTarget", "80=10.1.0.1:", nullptr, "no address and port"},
        Case{"TargetZero", "80=10.1.0.1:0", nullptr, "no port from 1 to 65535"},
        Case{"TargetTooLarge", "80=10.1.0.1:65536", nullptr, "no port from 1 to 65535"},
        Case{"TargetWithRest", "80=10.1.0.1:80x", nullptr, "'80x'"},
        Case{"OpenBracket", "80=[2001:db8::1", nullptr, "no address and port"},
        Case{"RestAfterBracket", "80=[2001:db8::1]80", nullptr, "no address and port"},
        Case{"NoTargetAfterBracket", "80=[2001:db8::1]:", nullptr, "no address and port"}));

struct Shown {
    const char* json;
    const char* text;
};

TEST(BackendShown, IsWrittenAsItIsRead) {
    const Shown cases[] = {
        {R"({"kind": "server", "port": 80, "protocol": "tcp", "address": "10.1.0.1",
             "target_port": 8080, "node": "n2"})",
         "80/tcp=10.1.0.1:8080@n2"},
        {R"({"kind": "server", "port": 53, "protocol": "udp", "address": "2001:db8::1",
             "target_port": 53, "node": ""})",
         "53/udp=[2001:db8::1]:53"},
        {R"({"kind": "node_port", "port": 80, "protocol": "tcp", "address": "192.0.2.1",
             "target_port": 31000, "node": "n1"})",
         "80/tcp=192.0.2.1:31000@n1 (node_port)"},
    };
    for (const auto& c : cases) EXPECT_EQ(backend_to_text(json::parse(c.json)), c.text);
}

}  // namespace
}  // namespace trivet::cli
