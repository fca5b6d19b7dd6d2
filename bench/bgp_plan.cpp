// How long the BGP plan of a node takes, from the committed state: one JSON object on standard
// output. bgp_plan [VIPS]
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <string>

#include "core/bgp_policy.hpp"
#include "core/object_json.hpp"

namespace {

using namespace trivet;

class Cluster {
public:
    ClusterState state;

    void apply(Action action) {
        const Applied applied =
            state.apply(LogIndex(++index_), Command{.at = {}, .actions = {std::move(action)}});
        if (applied.result) return;
        fmt::print(stderr, "{}\n", applied.result.error().message);
        std::exit(1);
    }
    void put(Kind kind, const std::string& text) {
        const auto object = object_from_json(kind, nlohmann::json::parse(text));
        if (!object) fmt::print(stderr, "{}\n", object.error().message), std::exit(1);
        apply(PutObject{*object, PutMode::create, false, {}});
    }

private:
    std::uint64_t index_ = 0;
};

void fill(Cluster& cluster, int vips) {
    cluster.put(Kind::pool, R"({"name": "lan", "addresses": ["10.0.0.0/12"]})");
    cluster.put(Kind::bgp_advertisement,
                R"({"name": "all", "local_pref": 100, "communities": ["65000:1"]})");
    cluster.put(Kind::bgp_advertisement,
                R"({"name": "more", "communities": ["no-export"], "med": 5})");
    for (const int peer : {1, 2, 3, 4})
        cluster.put(Kind::bgp_peer, fmt::format(R"({{"name": "tor{}", "my_asn": 1, "peer_asn": 2,
                                                   "peer_address": "10.255.0.{}"}})",
                                                peer, peer));
    cluster.apply(RegisterNode{"n1", {}, {}});
    cluster.apply(RecordBoot{"n1", 1, 1, 1});
    for (int i = 0; i < vips; ++i)
        cluster.put(Kind::vip, fmt::format(R"({{"name": "vip-{}"}})", i));
}

double milliseconds_of(const ClusterState& state, const BgpPolicyOptions& options, BgpPlan& plan) {
    const auto begun = std::chrono::steady_clock::now();
    plan = bgp_plan(state, "n1", options);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    return took.count();
}

}  // namespace

int main(int argc, char** argv) {
    const int vips = argc > 1 ? std::atoi(argv[1]) : 100'000;
    Cluster cluster;
    fill(cluster, vips);
    BgpPlan plan;
    const double first = milliseconds_of(cluster.state, {}, plan);
    const BgpPlan before = plan;
    double best = first;
    for (int i = 0; i < 10; ++i)
        best = std::min(best, milliseconds_of(cluster.state, {.before = &before}, plan));
    const BgpRoutes& routes = *plan.at("tor1").routes;
    fmt::print("{}\n", nlohmann::json{{"bench", "bgp-plan"},
                                      {"vips", vips},
                                      {"peers", plan.size()},
                                      {"routes", routes.routes.size()},
                                      {"route_bytes", sizeof(BgpRoute)},
                                      {"first_ms", first},
                                      {"best_ms", best}}
                           .dump());
    return 0;
}
