// apply, status, events, health, metrics, OpenAPI and the reference page.
#include <fstream>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "api/openapi.hpp"
#include "api/routes.hpp"
#include "core/config_fields.hpp"
#include "core/object_json.hpp"
#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;

namespace {

class RestCluster : public testing::Test, public RestFixture {
protected:
    Outcome apply(const std::string& items, const std::string& options = {}) {
        return post("/v1/apply", R"({"items": [)" + items + "]" + options + "}");
    }
    std::string results(const Outcome& outcome) {
        std::string text;
        for (const auto& item : outcome.body["items"])
            text += item["name"].get<std::string>() + ":" + item["result"].get<std::string>() + " ";
        return text;
    }
};

const std::string pool =
    R"({"kind": "pool", "name": "lan", "addresses": ["192.0.2.10-192.0.2.12"]})";
const std::string vip = R"({"kind": "vip", "name": "web", "pool": "lan"})";

}  // namespace

// ---- apply --------------------------------------------------------------------------------------

TEST_F(RestCluster, AppliesManyObjectsAsOneCommand) {
    const int before = control.knobs().proposals;
    const auto created = apply(vip + "," + pool);
    ASSERT_EQ(created.status, 200u) << created.body;
    EXPECT_EQ(results(created), "web:created lan:created ") << "in the order of the request";
    EXPECT_EQ(created.body["items"][0]["kind"], "vip");
    EXPECT_EQ(created.body["items"][0]["namespace"], "default");
    EXPECT_EQ(control.knobs().proposals, before + 1);
    EXPECT_EQ(get("/v1/vips/default/web").body["status"]["addresses"], json::array({"192.0.2.10"}))
        << "whatever the order";
    EXPECT_EQ(results(apply(pool + "," + vip)), "lan:unchanged web:unchanged ");
    EXPECT_EQ(results(apply(pool + R"(,{"kind": "vip", "name": "web", "labels": {"a": "b"}})")),
              "lan:unchanged web:changed ");
    EXPECT_EQ(apply("").status, 200u);
}

TEST_F(RestCluster, AppliesAllOrNothing) {
    const auto refused =
        apply(pool + R"(,{"kind": "pool", "name": "other", "addresses": ["192.0.2.0/24"]})");
    EXPECT_EQ(refused.status, 409u) << refused.body;
    EXPECT_EQ(get("/v1/pools").body["items"], json::array());
    const auto broken = apply(pool + R"(,{"kind": "vip", "name": "web", "ports": [{"port": 0}]})");
    EXPECT_EQ(broken.status, 400u);
    EXPECT_EQ(broken.body["field"], "items[1].ports[0].port") << broken.body;
    EXPECT_EQ(get("/v1/pools").body["items"], json::array());
}

TEST_F(RestCluster, RehearsesWithoutAChange) {
    const int before = control.knobs().proposals;
    const auto rehearsed = apply(pool + "," + vip, R"(, "dry_run": true)");
    EXPECT_EQ(results(rehearsed), "lan:created web:created ");
    EXPECT_EQ(rehearsed.body["dry_run"], true);
    EXPECT_EQ(apply(pool + R"(,{"kind": "pool", "name": "other", "addresses": ["192.0.2.0/24"]})",
                    R"(, "dry_run": true)")
                  .status,
              409u)
        << "the same rules";
    EXPECT_EQ(control.knobs().proposals, before);
    EXPECT_EQ(get("/v1/pools").body["items"], json::array());
    apply(pool);
    EXPECT_EQ(results(apply(pool + "," + vip, R"(, "dry_run": true)")),
              "lan:unchanged web:created ");
}

TEST_F(RestCluster, AppliesOnlyNewObjectsWhenAsked) {
    apply(pool);
    EXPECT_EQ(apply(pool, R"(, "create_only": true)").status, 409u);
    EXPECT_EQ(apply(vip, R"(, "create_only": true)").status, 200u);
}

TEST_F(RestCluster, AppliesByForceWhenAsked) {
    apply(pool + "," + vip);
    const std::string smaller = R"({"kind": "pool", "name": "lan", "addresses": ["192.0.2.12"]})";
    EXPECT_EQ(apply(smaller).status, 409u);
    EXPECT_EQ(apply(smaller, R"(, "force": true)").status, 200u);
}

TEST_F(RestCluster, SaysWhichItemIsWrong) {
    EXPECT_EQ(apply(R"({"name": "x"})").body["field"], "items[0].kind");
    EXPECT_EQ(apply("7").body["field"], "items[0].kind");
    const auto typo = apply(R"({"kind": "pol", "name": "x"})");
    EXPECT_NE(typo.body["detail"].get<std::string>().find("'pool'"), std::string::npos);
    EXPECT_EQ(apply(R"({"kind": "node", "name": "n1"})").status, 400u);
    EXPECT_EQ(apply(pool + "," + pool).body["field"], "items[1]");
    EXPECT_EQ(post("/v1/apply", "[]").status, 400u);
    EXPECT_EQ(post("/v1/apply", "{}").body["field"], "items");
    EXPECT_EQ(post("/v1/apply", R"({"items": {}})").body["field"], "items");
    EXPECT_EQ(post("/v1/apply", R"({"items": [], "dry-run": true})").body["field"], "dry-run");
    EXPECT_EQ(post("/v1/apply", R"({"items": [], "force": 1})").body["field"], "force");
    const auto stale = apply(R"({"kind": "namespace", "name": "a", "revision": 99})");
    EXPECT_EQ(stale.status, 409u) << stale.body;
}

// ---- status, events, health ---------------------------------------------------------------------

TEST_F(RestCluster, ShowsTheStatus) {
    apply(pool + "," + vip);
    announce("192.0.2.10", {.phase = "announced", .interfaces = {"eth0"}});
    control.set([](auto& knobs) {
        knobs.runtime.warnings = {"an even number of voters"};
        knobs.runtime.uptime = std::chrono::milliseconds{1500};
    });
    const auto status = get("/v1/status").body;
    EXPECT_EQ(status["node"], "n1");
    EXPECT_EQ(status["version"], "0.1.0");
    EXPECT_EQ(status["api"], "https://10.0.0.1:7480");
    EXPECT_EQ(status["initialised"], true);
    EXPECT_EQ(status["cluster_id"], "c1");
    EXPECT_EQ(status["uptime_ms"], 1500);
    EXPECT_EQ(status["read_only"], nullptr);
    EXPECT_EQ(status["warnings"], json::array({"an even number of voters"}));
    EXPECT_EQ(status["vips"],
              (json{{"pending", 0}, {"assigned", 0}, {"announced", 1}, {"conflict", 0}}));
    EXPECT_EQ(status["pools"][0]["assigned"], 1);
    EXPECT_EQ(status["nodes"], json::parse(R"([{"name": "n1", "drained": false}])"));
    EXPECT_EQ(get("/v1/cluster").body["nodes"], json::array({"n1"}));
}

TEST_F(RestCluster, ShowsEvents) {
    apply(pool);
    apply(vip);
    const auto all = get("/v1/events").body["items"];
    ASSERT_GE(all.size(), 3u);
    const auto last = get("/v1/events?limit=1").body["items"];
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0], all.back());
    EXPECT_EQ(last[0]["at"], "1970-01-02T00:00:00.000Z");
    const auto of_vip = get("/v1/events?object=vip/default/web").body["items"];
    EXPECT_GE(of_vip.size(), 1u);
    for (const auto& event : of_vip) EXPECT_EQ(event["object"], "vip/default/web");
    for (const auto* bad : {"0", "-1", "x", "10001", "1x", ""})
        EXPECT_EQ(get(std::string("/v1/events?limit=") + bad).body["field"], "limit") << bad;
}

TEST_F(RestCluster, AFullDiskLeavesTheNodeReady) {
    control.set([](auto& knobs) { knobs.runtime.read_only = "the disk is full"; });
    const auto ready = get("/readyz");
    EXPECT_EQ(ready.status, 200u);
    EXPECT_EQ(ready.body["ready"], true);
    EXPECT_EQ(ready.body["warnings"], json::array({"read-only: the disk is full"}));
    EXPECT_EQ(get("/v1/status").body["read_only"], "the disk is full");
    EXPECT_EQ(get("/livez").body["alive"], true);
}

TEST_F(RestCluster, GivesMetricsInPrometheusForm) {
    apply(pool + "," + vip);
    get("/v1/nothing");
    control.set([](auto& knobs) {
        knobs.runtime.counters["arp_received"] = 7;
        knobs.runtime.gauges["disk_free_bytes"] = 1e9;
    });
    const auto metrics = get("/metrics");
    EXPECT_EQ(metrics.reply.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for (const auto* line :
         {"trivet_vips{phase=\"assigned\"} 1\n", "trivet_vips{phase=\"pending\"} 0\n",
          "trivet_pool_addresses{pool=\"lan\"} 3\n",
          "trivet_pool_addresses_assigned{pool=\"lan\"} 1\n",
          "trivet_pool_addresses_cooling{pool=\"lan\"} 0\n", "trivet_arp_received_total 7\n",
          "trivet_disk_free_bytes 1000000000\n", "trivet_api_requests_total{code=\"404\"} 1\n",
          "trivet_api_requests_total{code=\"200\"} 1\n", "trivet_api_connections 2\n",
          "# TYPE trivet_api_requests_total counter\n", "trivet_read_only 0\n"})
        EXPECT_NE(metrics.reply.body.find(line), std::string::npos) << line << metrics.reply.body;
}

// ---- documents ----------------------------------------------------------------------------------

TEST_F(RestCluster, OpenApiHasEveryRouteAndNoOther) {
    const auto document = get("/openapi.json").body;
    EXPECT_EQ(document["openapi"], "3.1.0");
    EXPECT_EQ(document["security"], json::parse(R"([{"token": []}])"));
    std::set<std::string> described;
    std::set<std::string> ids;
    for (const auto& [path, methods] : document["paths"].items())
        for (const auto& [method, operation] : methods.items()) {
            std::string upper(method);
            std::transform(upper.begin(), upper.end(), upper.begin(),
                           [](char c) { return static_cast<char>(c - 'a' + 'A'); });
            described.insert(upper + " " + path);
            EXPECT_TRUE(ids.insert(operation["operationId"]).second) << operation["operationId"];
            EXPECT_TRUE(operation["responses"].contains("default"));
        }
    std::set<std::string> served;
    for (const auto& info : route_table())
        served.insert(std::string(info.method) + " " + std::string(info.path));
    EXPECT_EQ(described, served);
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
    const auto& document = openapi_document();
    const std::string text = document.dump();
    const std::regex reference("#/components/schemas/([a-z0-9-]+)");
    for (std::sregex_iterator at(text.begin(), text.end(), reference), end; at != end; ++at)
        EXPECT_TRUE(document["components"]["schemas"].contains((*at)[1].str())) << (*at)[1];
}

TEST(OpenApi, SchemasHaveTheFieldsOfTheObjects) {
    const auto& schemas = openapi_document()["components"]["schemas"];
    const std::map<Kind, std::string> whole{
        {Kind::pool, R"({"name": "a", "addresses": ["192.0.2.1"]})"},
        {Kind::vip, R"({"name": "a"})"},
        {Kind::l2_advertisement, R"({"name": "a"})"},
        {Kind::name_space, R"({"name": "a"})"}};
    for (const auto& [kind, text] : whole) {
        auto fields = to_json(object_from_json(kind, json::parse(text)).value());
        fields["revision"] = 1;
        if (kind == Kind::pool || kind == Kind::vip) fields["status"] = 1;
        std::set<std::string> written, described;
        for (const auto& [name, value] : fields.items()) written.insert(name);
        for (const auto& [name, value] :
             schemas[std::string(to_string(kind))]["properties"].items())
            described.insert(name);
        EXPECT_EQ(written, described) << to_string(kind);
    }
    for (const auto kind :
         {Kind::bgp_peer, Kind::bgp_advertisement, Kind::bfd_profile, Kind::community}) {
        const auto& properties = schemas[std::string(to_string(kind))]["properties"];
        for (const auto& [name, value] : properties.items()) {
            if (name == "password_set") continue;  // the API's own
            const auto read = object_from_json(kind, json{{"name", "a"}, {name, nullptr}});
            const std::string message = read ? "" : read.error().message;
            EXPECT_EQ(message.find("unknown"), std::string::npos) << message;
        }
        for (const auto name : config_field_names(kind))
            EXPECT_TRUE(properties.contains(name)) << name;
    }
}

/// docs/reference/api.md lists the routes in tables whose first cell is `METHOD path`.
TEST(Documentation, ReferenceHasEveryRouteAndNoOther) {
    std::ifstream file(TRIVET_SOURCE_DIR "/docs/reference/api.md");
    ASSERT_TRUE(file) << "docs/reference/api.md is missing";
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::set<std::string> documented;
    const std::regex row(R"(\n\| `([A-Z]+ /[^`]*)`)");
    for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at)
        documented.insert((*at)[1]);
    std::set<std::string> served;
    for (const auto& info : route_table())
        served.insert(std::string(info.method) + " " + std::string(info.path));
    EXPECT_EQ(documented, served);
}

}  // namespace trivet::api::test
