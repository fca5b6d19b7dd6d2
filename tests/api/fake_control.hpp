#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "api/control.hpp"
#include "tests/api/http_fixture.hpp"

namespace trivet::api::test {

/// Control over a real ClusterState and a log that is a counter, on a thread of its own. What tests
/// set before a call (through set()) shapes its answers.
class FakeControl final : public Control {
public:
    struct Knobs {
        std::optional<Error> propose_fails;
        std::optional<Error> barrier_fails;
        NodeRuntime runtime{
            .node = "n1", .version = "0.1.0", .api_address = "https://10.0.0.1:7480"};
        std::map<IpAddress, AddressRuntime> addresses;
        std::vector<Event> events;
        std::vector<Check> checks;
        WallTime now{std::chrono::hours{24}};
        int proposals = 0;
        int barriers = 0;

        // Of the cluster: what is asked for is kept; `life_fails` is the answer to all of it.
        std::optional<ClusterView> view;  // empty: a cluster of one, once there is one
        std::optional<Error> life_fails;
        std::string snapshot = R"({"format":"trivet-snapshot"})";
        std::vector<JoinRequest> joins;
        std::vector<std::chrono::seconds> invitations;
        std::vector<AdmitRequest> admissions;
        std::vector<std::pair<std::string, MemberChange>> changes;
        std::vector<std::string> transfers;
        std::vector<std::string> restored;
        int recoveries = 0;

        std::vector<BgpSessionRuntime> bgp_sessions;
        std::vector<BgpRouteRuntime> bgp_routes;
        std::vector<std::string> bgp_resets;
    };

    boost::asio::any_io_executor executor() override { return thread_.context().get_executor(); }
    const ClusterState& state() const override { return state_; }
    std::shared_ptr<ChangeFeed> changes() override { return changes_; }
    boost::asio::awaitable<Result<LogIndex>> propose(Proposal proposal) override;
    boost::asio::awaitable<Result<void>> read_barrier() override;
    boost::asio::awaitable<Result<InitAnswer>> init() override;
    boost::asio::awaitable<Result<void>> join(JoinRequest request) override;
    boost::asio::awaitable<Result<InviteAnswer>> invite(std::chrono::seconds life) override;
    boost::asio::awaitable<Result<AdmitAnswer>> admit(AdmitRequest request) override;
    boost::asio::awaitable<Result<void>> change_member(std::string node,
                                                       MemberChange change) override;
    boost::asio::awaitable<Result<std::string>> transfer(std::string node) override;
    boost::asio::awaitable<Result<void>> recover() override;
    boost::asio::awaitable<Result<std::string>> save_snapshot() override;
    boost::asio::awaitable<Result<InitAnswer>> restore_snapshot(std::string path) override;
    ClusterView cluster_view() const override;
    boost::asio::awaitable<Result<std::vector<Event>>> events(
        std::size_t limit, std::optional<std::string> object) override;
    const std::string& node() const override { return knobs_.runtime.node; }
    std::vector<Check> checks() const override { return knobs_.checks; }
    std::optional<AddressRuntime> address_runtime(IpAddress address) const override;
    NodeRuntime node_runtime() const override { return knobs_.runtime; }
    std::vector<BgpSessionRuntime> bgp_sessions() const override { return knobs_.bgp_sessions; }
    boost::asio::awaitable<Result<std::vector<BgpRouteRuntime>>> bgp_routes(
        BgpRouteQuery query) override;
    Result<void> reset_bgp(std::string peer) override;

    explicit FakeControl(ChangeFeed::Limits limits = {})
        : changes_(std::make_shared<ChangeFeed>(limits)) {}

    /// Makes the cluster, with node n1 and this administrator's token.
    void make_cluster(const std::string& token);
    template <class Change>
    void set(Change change) {
        thread_.call([&] { change(knobs_); });
    }
    Knobs knobs() {
        return thread_.call([&] { return knobs_; });
    }
    void apply(std::vector<Action> actions);
    /// Something else on Control's strand.
    template <class Call>
    auto on_strand(Call call) {
        return thread_.call(std::move(call));
    }

private:
    Result<void> life() const;

    ClusterState state_;
    std::shared_ptr<ChangeFeed> changes_;
    Knobs knobs_;
    Thread thread_;
};

/// A server with make_handler() over a FakeControl, and calls to it.
class RestFixture {
public:
    static constexpr const char* token = "secret-token-of-the-administrator";

    explicit RestFixture(bool with_cluster = true, HttpServer::Limits limits = {},
                         ChangeFeed::Limits feed_limits = {});

    struct Outcome {
        unsigned status = 0;
        nlohmann::json body;
        Reply reply;
    };
    /// Over the unix socket; `body` "" means none.
    Outcome call(const std::string& method, const std::string& target, const std::string& body = {},
                 const std::string& fields = "Content-Type: application/json\r\n");
    Outcome call_tls(const std::string& method, const std::string& target,
                     const std::string& fields = {}, const std::string& body = {});
    Outcome get(const std::string& target) { return call("GET", target); }
    Outcome post(const std::string& target, const std::string& body) {
        return call("POST", target, body);
    }
    Outcome put(const std::string& target, const std::string& body) {
        return call("PUT", target, body);
    }
    Outcome remove(const std::string& target) { return call("DELETE", target); }
    void announce(const std::string& address, AddressRuntime runtime);

    FakeControl control;
    RunningServer server;

private:
    Outcome exchange(Client& client, const std::string& request, bool head);
    Client local_;
    Client remote_;
};

}  // namespace trivet::api::test
