// Every noun's routes over the real ClusterState.
#include <gtest/gtest.h>

#include "core/object_json.hpp"
#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;

namespace {

class RestObjects : public testing::Test, public RestFixture {
protected:
    void make_pool() {
        ASSERT_EQ(
            post("/v1/pools", R"({"name": "lan", "addresses": ["192.0.2.10-192.0.2.12"]})").status,
            201u);
    }
    std::string detail(const Outcome& outcome) { return outcome.body.value("detail", ""); }
};

struct KindCase {
    std::string noun;
    std::string path;
    std::string fields;   // of a valid object, without the name
    std::string changed;  // a field changed
};

void PrintTo(const KindCase& kind, std::ostream* out) { *out << kind.noun; }

class EveryKind : public testing::TestWithParam<KindCase>, public RestFixture {};

}  // namespace

TEST_P(EveryKind, IsCreatedReadReplacedAndDeleted) {
    const auto& [noun, path, fields, changed] = GetParam();
    const std::string body = R"({"name": "x1")" + fields + "}";
    const auto created = post(path, body);
    ASSERT_EQ(created.status, 201u) << created.body;
    EXPECT_EQ(created.reply.headers.at("location"), path + "/x1");
    EXPECT_EQ(created.body["name"], "x1");
    const auto revision = created.body["revision"].get<std::uint64_t>();
    EXPECT_GT(revision, 0u);

    const auto again = post(path, body);
    EXPECT_EQ(again.status, 409u);
    EXPECT_EQ(again.body["code"], "conflict");

    const auto one = get(path + "/x1");
    EXPECT_EQ(one.status, 200u);
    EXPECT_EQ(one.body, created.body);
    const auto list = get(path);
    EXPECT_EQ(list.body["items"], json::array({one.body}));
    EXPECT_GE(list.body["revision"].get<std::uint64_t>(), revision);

    const auto same = put(path + "/x1", one.body.dump());
    EXPECT_EQ(same.status, 200u) << "what was read can be sent back: " << same.body;
    EXPECT_EQ(same.body["revision"], revision) << "and changes nothing";
    const auto replaced = put(path + "/x1", "{" + changed + "}");
    ASSERT_EQ(replaced.status, 200u) << replaced.body;
    EXPECT_GT(replaced.body["revision"].get<std::uint64_t>(), revision);
    const auto stale =
        put(path + "/x1", "{\"revision\": " + std::to_string(revision) + ", " + changed + "}");
    EXPECT_EQ(stale.status, 409u) << "somebody changed it meanwhile";
    const bool excludes_another = noun == "pool" || noun == "bgp-peer";  // of the same fields
    EXPECT_EQ(put(path + "/x2", "{" + changed + "}").status, excludes_another ? 409u : 201u);

    EXPECT_EQ(put(path + "/x1", R"({"name": "x9", )" + changed + "}").body["field"], "name");
    EXPECT_EQ(post(path, R"({"name": "x3", "colour": "red")" + fields + "}").body["field"],
              "colour");
    EXPECT_EQ(post(path, "{}").body["field"], "name");
    EXPECT_EQ(post(path, R"({"name": "No!")" + fields + "}").status, 400u);
    EXPECT_EQ(put(path + "/No!", "{" + changed + "}").status, 400u);
    EXPECT_EQ(put(path + "/x1", R"({"revision": -1, )" + changed + "}").body["field"], "revision");

    const auto deleted = remove(path + "/x1");
    EXPECT_EQ(deleted.status, 200u);
    EXPECT_EQ(deleted.body, replaced.body) << "the answer is what was deleted";
    EXPECT_EQ(remove(path + "/x1").status, 404u);
    const auto gone = get(path + "/x1");
    EXPECT_EQ(gone.status, 404u);
    EXPECT_EQ(gone.body["code"], "not_found");
    const auto hint = gone.body["detail"].get<std::string>().find("'x2'");
    EXPECT_EQ(hint != std::string::npos, !excludes_another) << "the nearest name is told";
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EveryKind,
    testing::Values(KindCase{"pool", "/v1/pools", R"(, "addresses": ["192.0.2.0/28"])",
                             R"("addresses": ["192.0.2.0/28"], "priority": 5)"},
                    KindCase{"l2-advertisement", "/v1/l2-advertisements",
                             R"(, "interfaces": ["eth0"])", R"("interfaces": ["eth1"])"},
                    KindCase{"bgp-advertisement", "/v1/bgp-advertisements",
                             R"(, "local_pref": 100)", R"("local_pref": 200)"},
                    KindCase{"bgp-peer", "/v1/bgp-peers",
                             R"(, "my_asn": 65000, "peer_asn": 65001, "peer_address": "192.0.2.1")",
                             R"("my_asn": 65000, "peer_asn": 65002, "peer_address": "192.0.2.1")"},
                    KindCase{"bfd-profile", "/v1/bfd-profiles", R"(, "detect_multiplier": 3)",
                             R"("detect_multiplier": 5)"},
                    KindCase{"community", "/v1/communities",
                             R"(, "communities": [{"name": "a", "value": "65000:1"}])",
                             R"("communities": [{"name": "a", "value": "65000:2"}])"},
                    KindCase{"namespace", "/v1/namespaces", R"(, "labels": {"a": "b"})",
                             R"("labels": {"a": "c"})"}),
    [](const testing::TestParamInfo<KindCase>& one) {
        auto name = one.param.noun;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

// ---- VIPs ---------------------------------------------------------------------------------------

TEST_F(RestObjects, AllocatesAVip) {
    make_pool();
    const auto created =
        post("/v1/vips/default", R"({"name": "web", "pool": "lan", "ports": [{"port": 80}]})");
    ASSERT_EQ(created.status, 201u) << created.body;
    EXPECT_EQ(created.reply.headers.at("location"), "/v1/vips/default/web");
    EXPECT_EQ(created.body["namespace"], "default");
    EXPECT_EQ(created.body["addresses"], json::array()) << "what was wished for";
    EXPECT_EQ(created.body["ports"], json::parse(R"([{"port": 80, "protocol": "tcp"}])"));
    const json status = created.body["status"];
    EXPECT_EQ(status["addresses"], json::array({"192.0.2.10"}));
    EXPECT_EQ(status["pool"], "lan");
    EXPECT_EQ(status["owner"], "n1");
    EXPECT_EQ(status["standbys"], json::array());
    EXPECT_EQ(status["epoch"], 1);
    EXPECT_EQ(status["phase"], "assigned");
    EXPECT_NE(status["reason"], "");
    EXPECT_EQ(get("/v1/vips/default/web").body, created.body);
    EXPECT_EQ(post("/v1/vips/default", R"({"name": "web"})").status, 409u);
}

TEST_F(RestObjects, TellsThePhaseOfAVip) {
    make_pool();
    post("/v1/vips/default", R"({"name": "web"})");
    const auto status = [&] { return get("/v1/vips/default/web").body["status"]; };
    announce("192.0.2.10", {.phase = "probing"});
    EXPECT_EQ(status()["phase"], "assigned");
    announce("192.0.2.10", {.phase = "no_interface", .message = "no interface fits"});
    EXPECT_EQ(status()["phase"], "assigned");
    EXPECT_EQ(status()["reason"], "no interface fits");
    announce("192.0.2.10", {.phase = "announced", .interfaces = {"eth0", "eth1"}});
    EXPECT_EQ(status()["phase"], "announced");
    EXPECT_EQ(status()["reason"], "");
    EXPECT_EQ(status()["interfaces"], json::array({"eth0", "eth1"}));
    announce("192.0.2.10",
             {.phase = "conflict", .conflict_mac = MacAddress::parse("02:00:00:00:00:09").value()});
    EXPECT_EQ(status()["phase"], "conflict");
    EXPECT_NE(status()["reason"].get<std::string>().find("02:00:00:00:00:09"), std::string::npos);
}

TEST_F(RestObjects, APendingVipSaysWhy) {
    const auto created = post("/v1/vips/default", R"({"name": "web"})");
    EXPECT_EQ(created.status, 201u);
    EXPECT_EQ(created.body["status"]["phase"], "pending");
    EXPECT_NE(created.body["status"]["reason"], "");
    EXPECT_EQ(created.body["status"]["owner"], "");
    make_pool();
    EXPECT_EQ(get("/v1/vips/default/web").body["status"]["phase"], "assigned");
    const auto explained = get("/v1/vips/default/web/explain").body;
    EXPECT_EQ(explained["phase"], "assigned");
}

TEST_F(RestObjects, ExplainTellsSinceWhenAndWhyItHasThisOwner) {
    make_pool();
    post("/v1/vips/default", R"({"name": "web", "pool": "lan"})");
    const auto event = [](std::uint64_t index, std::string type, std::string message) {
        return Event{.index = index,
                     .at = WallTime(std::chrono::seconds(index)),
                     .type = std::move(type),
                     .object = "vip/default/web",
                     .message = std::move(message)};
    };
    control.set([&](auto& knobs) {
        knobs.events = {event(1, "vip_assigned", "assigned"), event(60, "vip_moved", "it moved"),
                        event(61, "vip_conflict", "a stranger")};
    });
    const auto explained = get("/v1/vips/default/web/explain").body;
    EXPECT_EQ(explained["since"], "1970-01-01T00:01:00.000Z");
    EXPECT_EQ(explained["cause"], "it moved");
    EXPECT_EQ(explained["events"].size(), 3u);
    EXPECT_NE(explained["sentences"].dump().find("since 1970-01-01T00:01:00.000Z: it moved"),
              std::string::npos);
}

TEST_F(RestObjects, TheWorstAddressDecidesThePhase) {
    post("/v1/pools", R"({"name": "dual", "addresses": ["192.0.2.10", "2001:db8::10"]})");
    post("/v1/vips/default", R"({"name": "web", "ip_families": ["ipv4", "ipv6"]})");
    announce("192.0.2.10", {.phase = "announced", .interfaces = {"eth0"}});
    auto status = get("/v1/vips/default/web").body["status"];
    EXPECT_EQ(status["phase"], "assigned");
    EXPECT_NE(status["reason"].get<std::string>().find("2001:db8::10: "), std::string::npos);
    announce("2001:db8::10", {.phase = "announced", .interfaces = {"eth0"}});
    EXPECT_EQ(get("/v1/vips/default/web").body["status"]["phase"], "announced");
    announce("2001:db8::10", {.phase = "conflict"});
    EXPECT_EQ(get("/v1/vips/default/web").body["status"]["phase"], "conflict");
}

TEST_F(RestObjects, ListsVipsByNamespace) {
    make_pool();
    EXPECT_EQ(post("/v1/vips/a", R"({"name": "one"})").status, 201u);
    EXPECT_EQ(post("/v1/vips/b", R"({"name": "two", "namespace": "b"})").status, 201u);
    EXPECT_EQ(get("/v1/vips").body["items"].size(), 2u);
    EXPECT_EQ(get("/v1/vips/a").body["items"].size(), 1u);
    EXPECT_EQ(get("/v1/vips/a").body["items"][0]["name"], "one");
    EXPECT_EQ(get("/v1/vips/none").body["items"], json::array());
    EXPECT_EQ(get("/v1/vips/No!").status, 400u);
    EXPECT_EQ(post("/v1/vips/c1.shop", R"({"name": "three"})").status, 201u);
    EXPECT_EQ(get("/v1/vips?namespace=c1.*").body["items"].size(), 1u);
    EXPECT_EQ(get("/v1/vips?namespace=c1.*").body["items"][0]["name"], "three");
    EXPECT_EQ(get("/v1/vips?namespace=b").body["items"].size(), 1u);
    EXPECT_EQ(get("/v1/vips?namespace=*").body["items"].size(), 3u);
    EXPECT_EQ(get("/v1/vips?namespace=c1*").body["field"], "namespace");
    EXPECT_EQ(post("/v1/vips/a", R"({"name": "x", "namespace": "b"})").body["field"], "namespace");
}

TEST_F(RestObjects, ListsVipsAPageAtATime) {
    make_pool();
    for (const char* name : {"a/one", "a/two", "b/three", "c/four"}) {
        const std::string text(name);
        EXPECT_EQ(
            post("/v1/vips/" + text.substr(0, 1), R"({"name": ")" + text.substr(2) + "\"}").status,
            201u);
    }
    const auto names = [](const json& list) {
        std::string joined;
        for (const auto& item : list["items"]) joined += item["name"].get<std::string>() + " ";
        return joined;
    };
    const auto whole = get("/v1/vips").body;
    EXPECT_FALSE(whole.contains("continue"));
    const auto first = get("/v1/vips?limit=2").body;
    EXPECT_EQ(names(first), "one two ");
    EXPECT_EQ(first["continue"], "a/two");
    EXPECT_EQ(first["revision"], whole["revision"]);
    const auto second = get("/v1/vips?limit=2&continue=a%2Ftwo").body;
    EXPECT_EQ(names(second), "three four ");
    EXPECT_FALSE(second.contains("continue"));
    // A key that has gone meanwhile is a place all the same.
    EXPECT_EQ(names(get("/v1/vips?limit=1&continue=a/zero").body), "three ");
    EXPECT_EQ(names(get("/v1/vips/a?limit=1").body), "one ");
    EXPECT_EQ(names(get("/v1/vips/a?limit=1&continue=a/one").body), "two ");
    EXPECT_FALSE(get("/v1/vips/a?limit=1&continue=a/one").body.contains("continue"));
    // What others own makes no page longer.
    EXPECT_EQ(names(get("/v1/vips?limit=1&namespace=c").body), "four ");

    EXPECT_EQ(get("/v1/vips?limit=0").body["field"], "limit");
    EXPECT_EQ(get("/v1/vips?limit=10001").body["field"], "limit");
    for (const char* bad : {"", "a", "a/", "/one", "a/one/x", "A/one"})
        EXPECT_EQ(get(std::string("/v1/vips?continue=") + bad).body["field"], "continue") << bad;
    EXPECT_EQ(get("/v1/vips/a?continue=b/three").body["field"], "continue");
}

TEST_F(RestObjects, ReplacesAndReleasesAVip) {
    make_pool();
    EXPECT_EQ(put("/v1/vips/default/web", R"({"labels": {"a": "b"}})").status, 201u);
    const auto replaced = put("/v1/vips/default/web", R"({"labels": {"a": "c"}})");
    EXPECT_EQ(replaced.status, 200u);
    EXPECT_EQ(replaced.body["status"]["addresses"], json::array({"192.0.2.10"})) << "it keeps it";
    EXPECT_EQ(put("/v1/vips/default/web", replaced.body.dump()).body["revision"],
              replaced.body["revision"]);
    EXPECT_EQ(remove("/v1/vips/default/web").body["status"]["addresses"],
              json::array({"192.0.2.10"}));
    EXPECT_EQ(remove("/v1/vips/default/web").status, 404u);
    EXPECT_EQ(get("/v1/vips/default/web").status, 404u);
}

TEST_F(RestObjects, ExplainsAVip) {
    make_pool();
    post("/v1/vips/default", R"({"name": "web", "pool": "lan"})");
    announce("192.0.2.10", {.phase = "announced", .interfaces = {"eth0"}});
    auto explained = get("/v1/vips/default/web/explain").body;
    auto& sentences = explained["sentences"];
    EXPECT_TRUE(sentences.back().get<std::string>().starts_with("It has this owner since "));
    sentences.erase(sentences.size() - 1);
    EXPECT_EQ(sentences,
              json::array(
                  {"VIP 'default/web' asks for an address from pool 'lan'.",
                   "It holds 192.0.2.10 of pool 'lan'.",
                   "No advertisement selects pool 'lan': it is announced by layer 2 on every "
                   "suitable interface.",
                   "Node 'n1' owns 192.0.2.10; there is no standby.", "It is announced on eth0."}));
    EXPECT_EQ(explained["addresses"][0]["owner"], "n1");
    EXPECT_EQ(explained["addresses"][0]["phase"], "announced");

    post("/v1/bgp-advertisements", R"({"name": "all"})");
    const auto by_bgp = get("/v1/vips/default/web/explain").body;
    EXPECT_NE(by_bgp["sentences"].dump().find("by BGP alone"), std::string::npos) << by_bgp;
    EXPECT_EQ(by_bgp["addresses"][0]["bgp_advertisements"], json::array({"all"}));
    EXPECT_EQ(by_bgp["phase"], "assigned");
    EXPECT_NE(by_bgp["sentences"].dump().find(
                  "No node announces 192.0.2.10 by BGP: there is no bgp-peer."),
              std::string::npos)
        << by_bgp;
    EXPECT_EQ(by_bgp["addresses"][0]["bgp_routes"], json::array());
    post("/v1/l2-advertisements", R"({"name": "l2", "pools": ["lan"]})");
    EXPECT_NE(get("/v1/vips/default/web/explain")
                  .body["sentences"]
                  .dump()
                  .find("by layer 2 (l2-advertisement 'l2')"),
              std::string::npos);

    post("/v1/nodes/n1/drain", "{}");
    EXPECT_NE(get("/v1/vips/default/web/explain").body["sentences"].dump().find("drained"),
              std::string::npos);
    const auto missing = get("/v1/vips/default/wob/explain");
    EXPECT_EQ(missing.status, 404u);
    EXPECT_NE(detail(missing).find("did you mean 'web'"), std::string::npos);
}

TEST_F(RestObjects, ExplainsWhoAnnouncesAVipByBgp) {
    make_pool();
    post("/v1/vips/default", R"({"name": "web", "pool": "lan"})");
    post("/v1/bgp-advertisements",
         R"({"name": "all", "med": 5, "communities": ["no-export", "large:1:2:3"],
             "extended_communities": ["rt:65000:1"]})");
    const std::string asns = R"("my_asn": 65009, "peer_asn": 65000, "peer_address": )";
    post("/v1/bgp-peers", R"({"name": "tor1", )" + asns + R"("10.9.0.1"})");
    post("/v1/bgp-peers", R"({"name": "tor2", )" + asns + R"("10.9.0.2"})");
    control.apply({ReportBgpSessions{"n1", {.established = {"tor2"}}}});
    const auto explained = get("/v1/vips/default/web/explain").body;
    for (const char* sentence :
         {"By BGP node 'n1' announces 192.0.2.10/32 to 'tor2'.",
          "Node 'n1' would announce 192.0.2.10/32 to 'tor1' and has no established session there."})
        EXPECT_NE(explained["sentences"].dump().find(sentence), std::string::npos) << explained;
    EXPECT_EQ(explained["sentences"].dump().find("is no candidate"), std::string::npos);
    EXPECT_EQ(
        explained["addresses"][0]["bgp_routes"][1],
        json::parse(
            R"({"node": "n1", "peer": "tor2", "prefix": "192.0.2.10/32", "announced": true, "med": 5,
                  "communities": ["no-export", "large:1:2:3"],
                  "extended_communities": ["rt:65000:1"]})"));
}

// ---- BGP ----------------------------------------------------------------------------------------

TEST_F(RestObjects, TellsWhatABgpObjectNamesAndDoesNotExist) {
    const auto advertisement =
        post("/v1/bgp-advertisements",
             R"({"name": "all", "pools": ["lam"], "peers": ["tor1"], "communities": ["blue"]})");
    ASSERT_EQ(advertisement.status, 201u) << advertisement.body;
    EXPECT_EQ(advertisement.body["status"]["warnings"],
              json::array({"there is no pool 'lam'", "there is no bgp-peer 'tor1'",
                           "it announces nothing: there is no community with the alias 'blue'"}));
    EXPECT_EQ(put("/v1/bgp-advertisements/all", advertisement.body.dump()).status, 200u);
    make_pool();
    EXPECT_EQ(get("/v1/bgp-advertisements/all").body["status"]["warnings"][0],
              "there is no pool 'lam'; did you mean 'lan'?");
    const auto peer = post("/v1/bgp-peers", R"({"name": "tor1", "my_asn": 1, "peer_asn": 2,
        "peer_address": "10.9.0.1", "password_secret": {"name": "s"}, "bfd_profile": "fast"})");
    ASSERT_EQ(peer.status, 201u) << peer.body;
    EXPECT_NE(peer.body["status"]["warnings"][0].get<std::string>().find("no session is tried"),
              std::string::npos);
    EXPECT_EQ(peer.body["status"]["warnings"][1],
              "BFD has the default timers: there is no bfd-profile 'fast'");
    EXPECT_FALSE(peer.body.contains("password_set"));
}

TEST_F(RestObjects, RefusesAdvertisementsThatContradictEachOther) {
    make_pool();
    ASSERT_EQ(post("/v1/bgp-advertisements", R"({"name": "one", "local_pref": 100})").status, 201u);
    const auto refused = post("/v1/bgp-advertisements", R"({"name": "two", "local_pref": 200})");
    EXPECT_EQ(refused.status, 409u);
    EXPECT_EQ(refused.body["field"], "local_pref");
    EXPECT_NE(detail(refused).find("bgp-advertisement 'one' 100"), std::string::npos);
    const auto together = post("/v1/apply", R"({"items": [
        {"kind": "bgp-advertisement", "name": "two", "local_pref": 200},
        {"kind": "bgp-advertisement", "name": "one", "local_pref": 200}]})");
    EXPECT_EQ(together.status, 200u) << together.body;
}

// ---- pools --------------------------------------------------------------------------------------

TEST_F(RestObjects, TellsHowFullAPoolIsAndHowItIsAnnounced) {
    make_pool();
    post("/v1/vips/default", R"({"name": "web"})");
    auto status = get("/v1/pools/lan").body["status"];
    EXPECT_EQ(status["total"], 3);
    EXPECT_EQ(status["assigned"], 1);
    EXPECT_EQ(status["cooling"], 0);
    EXPECT_EQ(status["free"], 2);
    EXPECT_EQ(status["announced_by"], "l2");
    EXPECT_EQ(
        status["note"],
        "no advertisement selects this pool: announced by layer 2 on every suitable interface");
    post("/v1/bgp-advertisements", R"({"name": "all"})");
    status = get("/v1/pools/lan").body["status"];
    EXPECT_EQ(status["announced_by"], "bgp");
    EXPECT_FALSE(status.contains("note"));
    post("/v1/l2-advertisements", R"({"name": "l2"})");
    EXPECT_EQ(get("/v1/pools/lan").body["status"]["announced_by"], "l2,bgp");
}

TEST_F(RestObjects, APoolInUseIsShrunkAndDeletedOnlyByForce) {
    make_pool();
    post("/v1/vips/default", R"({"name": "web"})");
    const std::string smaller = R"({"addresses": ["192.0.2.12"]})";
    const auto refused = put("/v1/pools/lan", smaller);
    EXPECT_EQ(refused.status, 409u);
    EXPECT_NE(detail(refused).find("default/web"), std::string::npos) << detail(refused);
    EXPECT_EQ(remove("/v1/pools/lan").status, 409u);
    EXPECT_EQ(put("/v1/pools/lan?force=true", smaller).status, 200u);
    EXPECT_EQ(get("/v1/vips/default/web").body["status"]["addresses"], json::array({"192.0.2.12"}));
    EXPECT_EQ(remove("/v1/pools/lan?force=true").status, 200u);
    EXPECT_EQ(get("/v1/vips/default/web").body["status"]["phase"], "pending");
}

// ---- secrets ------------------------------------------------------------------------------------

TEST_F(RestObjects, NeverGivesAPasswordOut) {
    const std::string peer = R"("my_asn": 65000, "peer_asn": 65001, "peer_address": "192.0.2.1")";
    const auto created =
        post("/v1/bgp-peers", R"({"name": "tor1", "password": "hunter2", )" + peer + "}");
    ASSERT_EQ(created.status, 201u);
    EXPECT_EQ(created.body["password_set"], true);
    for (const auto& outcome : {created, get("/v1/bgp-peers"), get("/v1/bgp-peers/tor1"),
                                get("/v1/events"), put("/v1/bgp-peers/tor1", created.body.dump())})
        EXPECT_EQ(outcome.reply.body.find("hunter2"), std::string::npos) << outcome.body;
    EXPECT_EQ(get("/v1/bgp-peers/tor1").body["password_set"], true) << "sent back, it is kept";
    EXPECT_EQ(get("/v1/bgp-peers/tor1").body["revision"], created.body["revision"]);

    EXPECT_FALSE(put("/v1/bgp-peers/tor1", "{" + peer + "}").body.contains("password_set"))
        << "a PUT without it takes it away";
    const auto lost = put("/v1/bgp-peers/tor1", created.body.dump());
    EXPECT_EQ(lost.status, 400u) << "it claims a password that is no longer there";
    EXPECT_EQ(lost.body["field"], "password_set");
    const auto unknown =
        post("/v1/bgp-peers", R"({"name": "tor2", "password_set": true, )" + peer + "}");
    EXPECT_EQ(unknown.status, 400u);
    EXPECT_EQ(unknown.body["field"], "password_set");
    const auto wrong =
        put("/v1/bgp-peers/tor1", R"({"password": "hunter2", "hold_time": 1, )" + peer + "}");
    EXPECT_EQ(wrong.status, 400u);
    const auto applied = post(
        "/v1/apply", R"({"items": [{"kind": "bgp-peer", "name": "tor1", "password": "hunter2", )" +
                         peer + "}]}");
    EXPECT_EQ(applied.status, 200u);
    for (const auto& outcome : {wrong, applied, remove("/v1/bgp-peers/tor1"), get("/v1/events")})
        EXPECT_EQ(outcome.reply.body.find("hunter2"), std::string::npos) << outcome.body;
}

// ---- nodes --------------------------------------------------------------------------------------

TEST_F(RestObjects, ShowsAndDrainsNodes) {
    const auto nodes = get("/v1/nodes").body["items"];
    ASSERT_EQ(nodes.size(), 1u);
    EXPECT_EQ(nodes[0]["name"], "n1");
    EXPECT_EQ(nodes[0]["drained"], false);
    EXPECT_EQ(nodes[0]["labels"]["kubernetes.io/hostname"], "n1");
    EXPECT_EQ(nodes[0]["status"]["addresses"], json::array({"10.0.0.1"}));
    ClusterView view = control.cluster_view();
    view.members[0].address = "[fd00::1]:7481";
    control.set([&](FakeControl::Knobs& knobs) { knobs.view = view; });
    EXPECT_EQ(get("/v1/nodes/n1").body["status"]["addresses"], json::array({"fd00::1"}));
    view.members.clear();
    control.set([&](FakeControl::Knobs& knobs) { knobs.view = view; });
    EXPECT_EQ(get("/v1/nodes/n1").body["status"]["addresses"], json::array());
    EXPECT_EQ(post("/v1/nodes/n1/drain", "{}").body["drained"], true);
    EXPECT_EQ(get("/v1/nodes/n1").body["drained"], true);
    EXPECT_EQ(call("POST", "/v1/nodes/n1/undrain").body["drained"], false);
    EXPECT_EQ(get("/v1/nodes/n2").status, 404u);
    EXPECT_EQ(post("/v1/nodes/n2/drain", "{}").status, 404u);
    EXPECT_EQ(call("DELETE", "/v1/nodes/n1").status, 405u);
}

}  // namespace trivet::api::test
