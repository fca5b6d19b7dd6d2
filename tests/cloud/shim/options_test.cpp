#include "cloud/shim/options.hpp"

#include <gmock/gmock.h>

namespace trivet::cloud {
namespace {

using testing::HasSubstr;

Result<ShimOptions> parse(std::vector<std::string> arguments) {
    std::string help;
    auto options = parse_options(arguments, help);
    EXPECT_EQ(help, "");
    return options;
}

TEST(ShimOptions, HasDefaults) {
    const auto options = parse({"--cluster", "c1", "--server", "unix:/run/lbd/lbd.sock"});
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->cloud.cluster, "c1");
    EXPECT_EQ(options->cloud.load_balancer_class, "trivet.dev/lb");
    EXPECT_TRUE(options->cloud.handle_unclassed);
    EXPECT_TRUE(options->leader_elect);
    EXPECT_EQ(options->lease_name, "trivet-cloud-controller-c1");
    EXPECT_THAT(options->identity, HasSubstr("_"));
    EXPECT_EQ(options->listen_host, "127.0.0.1");
    EXPECT_EQ(options->listen_port, 7482);
    EXPECT_EQ(options->grace, std::chrono::minutes(5));
    EXPECT_FALSE(options->allow_mass_release);
    EXPECT_EQ(std::get<model::UnixServer>(options->servers.at(0)).path, "/run/lbd/lbd.sock");
}

TEST(ShimOptions, TakesSeveralServersAndTheirCa) {
    const auto options =
        parse({"--cluster", "c1", "--server", "https://10.0.0.1", "--server", "https://[fd00::1]:8",
               "--token-file", "/t", "--ca-file", "/ca", "--handle-unclassed", "false",
               "--leader-elect=false", "--listen", ":9000", "--grace", "0"});
    ASSERT_TRUE(options) << options.error().message;
    ASSERT_EQ(options->servers.size(), 2u);
    const auto& second = std::get<model::TlsServer>(options->servers[1]);
    EXPECT_EQ(second.host, "fd00::1");
    EXPECT_EQ(second.port, 8);
    EXPECT_EQ(second.ca_file, "/ca");
    EXPECT_FALSE(options->cloud.handle_unclassed);
    EXPECT_FALSE(options->leader_elect);
    EXPECT_EQ(options->listen_host, "::");
    EXPECT_EQ(options->listen_port, 9000);
}

TEST(ShimOptions, RefusesNamingTheOption) {
    const std::vector<std::string> base{"--cluster", "c1", "--server", "unix:/s"};
    struct Row {
        std::vector<std::string> arguments;
        const char* names;
    };
    const std::vector<Row> rows{
        {{"--server", "unix:/s"}, "--cluster"},
        {{"--cluster", "c1"}, "--server"},
        {{"--cluster", "a.b", "--server", "unix:/s"}, "--cluster"},
        {{"--cluster", "c1", "--server", "http://10.0.0.1"}, "--server"},
        {{"--cluster", "c1", "--server", "unix:"}, "--server"},
        {{"--cluster", "c1", "--server", "unix:lbd.sock"}, "--server"},
        {{"--cluster", "c1", "--server", "https://10.0.0.1"}, "--token-file"},
        {{"--cluster", "c1", "--server", "unix:/s", "--listen", "nonsense"}, "--listen"},
        {{"--cluster", "c1", "--server", "unix:/s", "--listen", "host:80"}, "--listen"},
        {{"--cluster", "c1", "--server", "unix:/s", "--log-level", "loud"}, "--log-level"},
        {{"--cluster", "c1", "--server", "unix:/s", "--context", "x"}, "--context"},
        {{"--cluster", "c1", "--server", "unix:/s", "--workers", "0"}, "--workers"},
        {{"--cluster", "c1", "--server", "unix:/s", "--grace", "-1"}, "--grace"},
        {{"--cluster", "c1", "--server", "unix:/s", "--what"}, "--what"},
        {{"--cluster", "c1", "--server", "unix:/s", "--ca-file", "a", "--ca-hash", "b"}, "--ca-"},
    };
    for (const Row& row : rows) {
        const auto options = parse(row.arguments);
        ASSERT_FALSE(options) << row.names;
        EXPECT_EQ(options.error().code, ErrorCode::invalid_argument);
        EXPECT_THAT(options.error().message, HasSubstr(row.names));
    }
}

TEST(ShimOptions, HelpAndVersionAreNoErrors) {
    for (const char* word : {"--help", "--version"}) {
        std::string help;
        EXPECT_TRUE(parse_options({word}, help));
        EXPECT_THAT(help, HasSubstr("lb-cloud-controller"));
    }
}

}  // namespace
}  // namespace trivet::cloud
