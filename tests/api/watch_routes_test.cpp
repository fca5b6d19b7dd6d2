// GET /v1/watch, over the wire and below it.
#include <future>
#include <map>
#include <set>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include "api/watcher.hpp"
#include "core/object_json.hpp"
#include "tests/api/fake_control.hpp"

namespace trivet::api::test {

using nlohmann::json;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

struct Limits {
    ChangeFeed::Limits feed = {};
    HttpServer::Limits http = {};
};

class WatchFixture : public testing::Test, public RestFixture {
protected:
    explicit WatchFixture(Limits limits = {}) : RestFixture(true, limits.http, limits.feed) {
        post("/v1/pools", R"({"name": "lan", "addresses": ["192.0.2.10-192.0.2.19"]})");
    }

    std::uint64_t revision() {
        return control.on_strand([this] { return control.state().last_applied().value(); });
    }
    std::size_t watchers() {
        return control.on_strand([this] { return control.changes()->watchers(); });
    }
    /// Whether the watchers that the client left end, before patience does.
    bool all_left() {
        const auto patience = std::chrono::steady_clock::now() + 10s;
        while (watchers() != 0 && std::chrono::steady_clock::now() < patience)
            std::this_thread::yield();
        return watchers() == 0;
    }
    static std::string request(const std::string& query, const std::string& fields = {}) {
        return "GET /v1/watch" + query + " HTTP/1.1\r\nHost: lbd\r\n" + fields + "\r\n";
    }
    Client watch(const std::string& query) {
        auto client = Client::unix_socket(server.socket_path());
        client.send(request(query));
        const auto head = client.reply();
        EXPECT_TRUE(head);
        EXPECT_EQ(head->status, 200u);
        EXPECT_EQ(head->headers.at("content-type"), "application/x-ndjson");
        EXPECT_EQ(head->headers.at("transfer-encoding"), "chunked");
        EXPECT_FALSE(head->headers.contains("content-length"));
        return client;
    }
    /// The next line of JSON among those of the chunks; null when the stream ended.
    static json next(Client& client) {
        while (const auto line = client.line())
            if (line->starts_with('{')) return json::parse(*line);
        return nullptr;
    }
    void create(const std::string& name, const std::string& name_space = "default") {
        EXPECT_EQ(post("/v1/vips/" + name_space, R"({"name": ")" + name + "\"}").status, 201u);
    }
    void join_n2() { control.apply({RegisterNode{"n2", {}}, RecordBoot{"n2", 0xb2, 1, 1}}); }
};

class Watch : public WatchFixture {};

/// A feed that forgets soon, with room for one watcher.
class SmallWatch : public WatchFixture {
protected:
    SmallWatch() : WatchFixture({.feed = {.changes_max = 8, .watchers_max = 1}}) {}
};

class QuickWatch : public WatchFixture {
protected:
    QuickWatch() : WatchFixture({.feed = {.bookmark_interval = 20ms}}) {}
};

}  // namespace

TEST_F(Watch, BeginsWithABookmarkAndGoesOnWithWhatChanges) {
    auto client = watch("?kinds=vip");
    EXPECT_EQ(next(client), (json{{"type", "bookmark"}, {"revision", revision()}}));
    create("web");
    const auto made = next(client);
    EXPECT_EQ(made["type"], "put");
    EXPECT_EQ(made["kind"], "vip");
    EXPECT_EQ(made["revision"], revision());
    EXPECT_EQ(made["object"], get("/v1/vips/default/web").body);
    EXPECT_EQ(made["object"]["status"]["addresses"], json::array({"192.0.2.10"}));
    EXPECT_EQ(put("/v1/vips/default/web", R"({"labels": {"a": "b"}})").status, 200u);
    EXPECT_EQ(next(client)["object"]["labels"]["a"], "b");
    EXPECT_EQ(remove("/v1/vips/default/web").status, 200u);
    EXPECT_EQ(next(client), (json{{"type", "delete"},
                                  {"kind", "vip"},
                                  {"revision", revision()},
                                  {"object", {{"name", "web"}, {"namespace", "default"}}}}));
}

TEST_F(Watch, GoesOnAfterARevision) {
    create("old");
    const auto since = get("/v1/vips").body["revision"].get<std::uint64_t>();
    create("a");
    create("b");
    auto client = watch("?kinds=vip&since=" + std::to_string(since));
    const auto a = next(client), b = next(client);
    EXPECT_EQ(a["object"]["name"], "a");
    EXPECT_EQ(b["object"]["name"], "b");
    EXPECT_LT(a["revision"], b["revision"]) << "whoever stops after 'a' gets 'b' again";
    EXPECT_EQ(b["revision"], revision());
    EXPECT_EQ(next(client), (json{{"type", "bookmark"}, {"revision", revision()}}));
    auto again = watch("?kinds=vip&since=" + std::to_string(a["revision"].get<std::uint64_t>()));
    std::set<std::string> names;
    for (auto line = next(again); line["type"] != "bookmark"; line = next(again))
        names.insert(line["object"]["name"].get<std::string>());
    EXPECT_TRUE(names.contains("b"));
    EXPECT_FALSE(names.contains("old"));
}

TEST_F(Watch, TellsOfVipsThatAreServedLater) {
    post("/v1/pools", R"({"name": "one", "addresses": ["198.51.100.1"]})");
    post("/v1/vips/default", R"({"name": "a", "pool": "one"})");
    post("/v1/vips/default", R"({"name": "b", "pool": "one"})");
    auto client = watch("?kinds=vip");
    next(client);
    remove("/v1/vips/default/a");
    EXPECT_EQ(next(client)["type"], "delete");
    const auto served = next(client);
    EXPECT_EQ(served["object"]["name"], "b");
    EXPECT_EQ(served["object"]["status"]["addresses"], json::array({"198.51.100.1"}));
    EXPECT_NE(served["object"]["status"]["phase"], "pending");
}

TEST_F(Watch, TellsOfANewOwner) {
    create("web");
    join_n2();
    auto client = watch("?kinds=vip");
    next(client);
    control.apply({RecordFence{NodeId(0xa1), Epoch(1), NodeId(0xb2), "silent", 9}});
    const auto moved = next(client);
    EXPECT_EQ(moved["object"]["name"], "web");
    EXPECT_EQ(moved["object"]["status"]["owner"], "n2");
    const auto address = IpAddress::parse("192.0.2.10").value();
    control.apply({ReportTrouble{address, "n2", Trouble{.message = "eth0 has no carrier"}}});
    EXPECT_THAT(next(client)["object"]["status"]["reason"].get<std::string>(),
                HasSubstr("no carrier"));
}

TEST_F(Watch, TellsWhatThisNodeSeesOfItsOwn) {
    create("web");
    auto client = watch("?kinds=vip");
    next(client);
    announce("192.0.2.10", {.phase = "announced", .interfaces = {"eth0"}});
    control.on_strand([this] {
        control.changes()->note_local(control.state(), IpAddress::parse("192.0.2.10").value());
    });
    EXPECT_EQ(next(client)["object"]["status"]["phase"], "announced");
}

TEST_F(Watch, TellsOfPoolsAndNodes) {
    auto client = watch("");
    next(client);
    create("web");
    auto pool = next(client), vip = next(client);
    EXPECT_EQ(pool["kind"], "pool");
    EXPECT_EQ(pool["object"]["status"]["assigned"], 1);
    EXPECT_EQ(vip["kind"], "vip");
    EXPECT_LT(pool["revision"], vip["revision"])
        << "of two lines of one change the last completes it";
    post("/v1/nodes/n1/drain", "{}");
    for (const char* kind : {"vip", "node"}) {
        auto line = next(client);
        if (line["kind"] == "pool") line = next(client);
        EXPECT_EQ(line["kind"], kind);
    }
    post("/v1/bgp-peers", R"({"name": "p", "my_asn": 65001, "peer_asn": 65000,
        "peer_address": "192.0.2.99", "password": "secret"})");
    auto peers = watch("?kinds=bgp-peer&since=1");
    const auto peer = next(peers);
    EXPECT_EQ(peer["object"]["password_set"], true);
    EXPECT_FALSE(peer["object"].contains("password"));
}

TEST_F(Watch, ManyVipsComeInTurnsAndEachOnce) {
    const std::uint64_t since = revision();
    std::vector<Action> actions;
    actions.emplace_back(PutObject{
        object_from_json(Kind::pool,
                         json{{"name", "big"}, {"addresses", json::array({"10.0.0.0/16"})}})
            .value(),
        PutMode::create,
        false,
        {}});
    for (int i = 0; i < 1000; ++i)
        actions.emplace_back(PutObject{
            object_from_json(Kind::vip, json{{"name", "v" + std::to_string(i)}, {"pool", "big"}})
                .value(),
            PutMode::create,
            false,
            {}});
    control.apply(std::move(actions));
    join_n2();
    auto client = watch("?kinds=vip&since=" + std::to_string(since));
    std::set<std::string> names;
    std::uint64_t reached = since;
    for (auto line = next(client); line["type"] == "put"; line = next(client)) {
        names.insert(line["object"]["name"].get<std::string>());
        EXPECT_GE(line["revision"], reached);
        reached = line["revision"];
        EXPECT_TRUE(names.size() == 1000 || reached < revision()) << "it can go on from here";
    }
    EXPECT_EQ(names.size(), 1000u);
    control.apply({RecordFence{NodeId(0xa1), Epoch(1), NodeId(0xb2), "silent", 9}});
    std::map<std::string, int> moved;
    while (moved.size() < 1000) {
        auto line = next(client);
        ASSERT_FALSE(line.is_null());
        if (line["type"] != "put") continue;
        ++moved[line["object"]["name"].get<std::string>()];
        EXPECT_EQ(line["object"]["status"]["owner"], "n2");
    }
    for (const auto& [name, times] : moved) EXPECT_EQ(times, 1) << name;
}

// ---- who sees what ------------------------------------------------------------------------------

TEST_F(Watch, FiltersByNamespace) {
    auto client = watch("?kinds=vip&namespace=prod.*");
    next(client);
    create("a");
    create("b", "prod");
    create("c", "prod.web");
    EXPECT_EQ(next(client)["object"]["name"], "c");
}

TEST_F(Watch, ShowsATokenOfTheRoleCloudItsOwnVips) {
    const auto made =
        post("/v1/tokens", R"({"name": "shim", "role": "cloud", "namespaces": ["prod.*"]})");
    const auto fields = "Authorization: Bearer " + made.body["token"].get<std::string>() + "\r\n";
    EXPECT_EQ(call_tls("GET", "/v1/watch?kinds=vip,bgp-peer", fields).status, 403u);
    auto client = Client::tls(server.port());
    client.send(request("?since=0", fields));
    EXPECT_EQ(client.reply()->status, 200u);
    for (int i = 0; i < 10 && next(client)["type"] != "bookmark"; ++i) continue;
    create("a");
    create("c", "prod.web");
    auto line = next(client);
    while (line["kind"] == "pool") line = next(client);
    EXPECT_EQ(line["object"]["name"], "c");
    remove("/v1/tokens/shim");
    while (!line.is_null()) line = next(client);
    EXPECT_TRUE(all_left()) << "with the token its streams end";
}

// ---- bounds -------------------------------------------------------------------------------------

TEST_F(Watch, SaysWhatIsWrongWithAQuery) {
    for (const auto& [query, field] :
         std::vector<std::pair<std::string, std::string>>{{"?since=x", "since"},
                                                          {"?since=-1", "since"},
                                                          {"?since=", "since"},
                                                          {"?kinds=vip,pol", "kinds"},
                                                          {"?kinds=", "kinds"},
                                                          {"?namespace=prod*", "namespace"},
                                                          {"?name=web", "name"}}) {
        const auto refused = get("/v1/watch" + query);
        EXPECT_EQ(refused.status, 400u) << query;
        EXPECT_EQ(refused.body["field"], field) << query;
    }
    EXPECT_EQ(watchers(), 0u);
}

TEST_F(SmallWatch, IsGoneWhenTheRevisionIsTooOld) {
    const auto since = revision();
    for (int i = 0; i < 9; ++i) create("v" + std::to_string(i));
    const auto gone = get("/v1/watch?since=" + std::to_string(since));
    EXPECT_EQ(gone.status, 410u);
    EXPECT_EQ(gone.body["code"], "gone");
    EXPECT_EQ(gone.body["field"], "since");
    EXPECT_THAT(gone.body["detail"].get<std::string>(), HasSubstr("list again"));
}

TEST_F(Watch, ARevisionToComeIsWaitedForOnceAndElseGone) {
    const std::string target = "/v1/watch?since=" + std::to_string(revision() + 5);
    EXPECT_EQ(get(target).status, 410u);
    EXPECT_EQ(control.knobs().barriers, 1);
    control.set([](auto& knobs) {
        knobs.barrier_fails = Error{ErrorCode::not_leader, "no leader is known"};
    });
    EXPECT_EQ(get(target).status, 503u);
    auto client = watch("?since=" + std::to_string(revision()));
    EXPECT_EQ(next(client)["type"], "bookmark") << "what is known here needs no leader";
}

TEST_F(SmallWatch, RefusesMoreWatchersThanItsBound) {
    {
        auto client = watch("");
        next(client);
        EXPECT_EQ(watchers(), 1u);
        const auto refused = get("/v1/watch");
        EXPECT_EQ(refused.status, 503u);
        EXPECT_EQ(refused.body["code"], "unavailable");
        EXPECT_THAT(refused.body["detail"].get<std::string>(), HasSubstr("1 watchers"));
        EXPECT_TRUE(refused.reply.headers.contains("retry-after"));
    }
    EXPECT_TRUE(all_left()) << "that the client left is noticed without anything to be sent";
    EXPECT_EQ(call("HEAD", "/v1/watch").status, 200u);
    EXPECT_TRUE(all_left());
}

TEST_F(SmallWatch, AWatcherThatFellBehindEnds) {
    const auto make = [this] {
        const auto feed = control.changes();
        return std::make_shared<Watcher>(control, WatchFilter{.kinds = {Kind::vip}},
                                         Watcher::Start{revision(), feed->end()},
                                         feed->admit_watcher());
    };
    const auto lines = [this](std::shared_ptr<Watcher> watcher) {
        return boost::asio::co_spawn(control.executor(), Watcher::next(watcher),
                                     boost::asio::use_future)
            .get();
    };
    auto watcher = make();
    EXPECT_THAT(lines(watcher), HasSubstr("bookmark"));
    for (int i = 0; i < 9; ++i) create("v" + std::to_string(i));
    EXPECT_EQ(lines(watcher), "");
    watcher = make();
    EXPECT_THAT(lines(watcher), HasSubstr("bookmark"));
    control.on_strand([this] { control.changes()->restart(control.state()); });
    EXPECT_EQ(lines(watcher), "") << "the state was restored";
    watcher = make();
    control.on_strand([&] { watcher->cancel(); });
    EXPECT_EQ(lines(watcher), "");
    control.on_strand([&] { watcher.reset(); });
}

TEST_F(QuickWatch, ABookmarkComesNowAndThen) {
    auto client = watch("?kinds=node");
    std::uint64_t reached = 0;
    for (int i = 0; i < 3; ++i) {
        const auto line = next(client);
        EXPECT_EQ(line["type"], "bookmark");
        EXPECT_GE(line["revision"], reached);
        reached = line["revision"];
        create("v" + std::to_string(i));
    }
    while (reached < revision()) reached = next(client)["revision"];
    EXPECT_EQ(reached, revision()) << "also of changes that are not shown";
}

TEST_F(Watch, EndsInOrderWhenTheServerStops) {
    auto client = watch("");
    next(client);
    auto stopped = std::async(std::launch::async, [this] { server.stop(10s); });
    const auto rest = client.until_close();
    ASSERT_TRUE(rest);
    EXPECT_TRUE(rest->ends_with("0\r\n\r\n")) << *rest;
    EXPECT_EQ(stopped.wait_for(10s), std::future_status::ready);
}

TEST_F(Watch, OfHttp10HasNoChunks) {
    auto client = Client::unix_socket(server.socket_path());
    client.send("GET /v1/watch HTTP/1.0\r\nHost: lbd\r\n\r\n");
    const auto head = client.reply();
    ASSERT_TRUE(head);
    EXPECT_FALSE(head->headers.contains("transfer-encoding"));
    EXPECT_EQ(client.line()->front(), '{');
}

}  // namespace trivet::api::test
