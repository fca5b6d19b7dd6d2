#include "daemon/config.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace trivet::daemon {
namespace {

struct Case {
    const char* name;
    const char* text;
    std::vector<const char*> expected;  // parts of the message, in any order
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ConfigMistakes : public testing::TestWithParam<Case> {};

TEST_P(ConfigMistakes, AreNamedWithTheirPlace) {
    const auto config = parse_config(GetParam().text, "lbd.yaml");
    ASSERT_FALSE(config);
    for (const char* part : GetParam().expected)
        EXPECT_NE(config.error().message.find(part), std::string::npos)
            << "wanted: " << part << "\ngot: " << config.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigMistakes,
    testing::Values(
        Case{"UnknownKey",
             "node: n1\nclutser: {}\n",
             {"lbd.yaml:2:1", "clutser", "did you mean 'cluster'"}},
        Case{"UnknownNestedKey",
             "api:\n  lisen: x\n",
             {"lbd.yaml:2:3", "lisen", "did you mean 'listen'"}},
        Case{"TwoMistakesBothNamed", "a: 1\nb: 2\n", {"lbd.yaml:1:1", "lbd.yaml:2:1"}},
        Case{"DuplicateKey", "node: n1\nnode: n2\n", {"lbd.yaml:2:1", "node"}},
        Case{"RelativePath", "data_dir: var\n", {"lbd.yaml:1:11", "absolute"}},
        Case{"NoPort", "api: { listen: 10.0.0.1 }\n", {"api.listen", "ADDRESS:PORT"}},
        Case{"PortZero", "api: { listen: \"10.0.0.1:0\" }\n", {"ADDRESS:PORT"}},
        Case{"PortTooGreat", "api: { listen: \"10.0.0.1:65536\" }\n", {"ADDRESS:PORT"}},
        Case{"BareIpv6", "api: { listen: \"::1:7480\" }\n", {"ADDRESS:PORT"}},
        Case{"BracketedIpv4", "api: { listen: \"[10.0.0.1]:7480\" }\n", {"ADDRESS:PORT"}},
        Case{"HostNameIsNoAddress", "api: { listen: \"localhost:7480\" }\n", {"ADDRESS:PORT"}},
        Case{"InterfacesNoList", "l2: { interfaces: eth0 }\n", {"l2.interfaces", "list"}},
        Case{"LabelsNoMapping", "labels: [a]\n", {"labels", "mapping"}},
        Case{"LogLevel", "log: { level: loud }\n", {"log.level", "debug, info, warning or error"}},
        Case{"NodeName", "node: Node_1\n", {"node"}},
        Case{"TwoDocuments", "node: a\n---\nnode: b\n", {"one document"}},
        Case{"Weight", "weight: 0\n", {"lbd.yaml:1:9", "1 to 10000"}},
        Case{"WeightNoNumber", "weight: 5x\n", {"lbd.yaml:1:9", "5x"}},
        Case{"Witness", "witness: maybe\n", {"lbd.yaml:1:10", "true or false"}},
        Case{"BgpPort", "bgp: { port: 70000 }\n", {"lbd.yaml:1:14", "bgp.port", "65535"}},
        Case{"ListAtTop", "- a\n", {"mapping"}}, Case{"NoYaml", "node: [\n", {"lbd.yaml:"}}),
    [](const auto& test) { return test.param.name; });

TEST(Config, EmptyFileMeansDefaults) {
    const auto config = parse_config("", "lbd.yaml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_FALSE(config->node.empty());
    EXPECT_EQ(config->data_dir, "/var/lib/lbd");
    EXPECT_EQ(config->socket, "/run/lbd/lbd.sock");
    EXPECT_EQ(config->api_listen.port(), 7480);
    EXPECT_TRUE(config->l2_interfaces.empty());
}

TEST(Config, EveryKeyIsRead) {
    const auto config = parse_config(R"(
node: n7
data_dir: /srv/lbd
socket: /srv/lbd.sock
api:     { listen: "[::1]:8480" }
cluster: { listen: "10.0.0.1:8481" }
l2:      { interfaces: [eth0, eth1] }
labels:  { rack: a, row: "1" }
weight:  50
witness: true
bgp: { port: 1179 }
log:     { level: debug }
)",
                                     "lbd.yaml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->node, "n7");
    EXPECT_EQ(config->data_dir, "/srv/lbd");
    EXPECT_EQ(config->socket, "/srv/lbd.sock");
    EXPECT_EQ(config->api_listen.address().to_string(), "::1");
    EXPECT_EQ(config->api_listen.port(), 8480);
    EXPECT_EQ(config->cluster_listen.port(), 8481);
    EXPECT_EQ(config->l2_interfaces, (std::vector<std::string>{"eth0", "eth1"}));
    EXPECT_EQ(config->labels, (Labels{{"rack", "a"}, {"row", "1"}}));
    EXPECT_EQ(config->weight, 50u);
    EXPECT_TRUE(config->witness);
    EXPECT_EQ(config->bgp_port, 1179);
    EXPECT_EQ(config->log_level, LogLevel::debug);
}

TEST(Config, MissingFileNamesTheRemedy) {
    const auto config = load_config("/nonexistent/lbd.yaml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, ErrorCode::not_found);
    EXPECT_NE(config.error().message.find("--config"), std::string::npos) << config.error().message;
}

}  // namespace
}  // namespace trivet::daemon
