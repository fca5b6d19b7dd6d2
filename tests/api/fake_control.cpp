#include "tests/api/fake_control.hpp"

#include "api/authenticate.hpp"
#include "api/routes.hpp"

namespace trivet::api::test {

namespace asio = boost::asio;

asio::awaitable<Result<LogIndex>> FakeControl::propose(Proposal proposal) {
    ++knobs_.proposals;
    if (knobs_.propose_fails) co_return fail(*knobs_.propose_fails);
    const LogIndex index{state_.last_applied().value() + 1};
    Command command{.at = knobs_.now, .actions = std::move(proposal.actions)};
    if (!proposal.idempotency_key.empty())
        command.request = RequestId{proposal.idempotency_key, 1, fingerprint_of(command.actions)};
    const Applied applied = state_.apply(index, command);
    changes_->note(state_, applied.changed);
    if (!applied.result) co_return fail(applied.result.error());
    knobs_.events.insert(knobs_.events.end(), applied.events.begin(), applied.events.end());
    co_return applied.repeats.value_or(index);
}

asio::awaitable<Result<void>> FakeControl::read_barrier() {
    ++knobs_.barriers;
    if (knobs_.barrier_fails) co_return fail(*knobs_.barrier_fails);
    co_return Result<void>{};
}

asio::awaitable<Result<InitAnswer>> FakeControl::init() {
    std::vector<Action> actions;
    actions.emplace_back(InitCluster{"c1", hash_of_token("fresh")});
    Proposal proposal{std::move(actions)};
    const auto index = co_await propose(std::move(proposal));
    if (!index) co_return fail(index.error());
    co_return InitAnswer{"n1", "https://10.0.0.1:7480", "fresh", "sha256:00"};
}

Result<void> FakeControl::life() const {
    if (knobs_.life_fails) return fail(*knobs_.life_fails);
    return {};
}

asio::awaitable<Result<void>> FakeControl::join(JoinRequest request) {
    knobs_.joins.push_back(std::move(request));
    co_return life();
}

asio::awaitable<Result<InviteAnswer>> FakeControl::invite(std::chrono::seconds duration) {
    knobs_.invitations.push_back(duration);
    if (auto lives = life(); !lives) co_return fail(lives.error());
    co_return InviteAnswer{"10.0.0.1:7480", "tok", "sha256:00", "lbctl join 10.0.0.1:7480"};
}

asio::awaitable<Result<AdmitAnswer>> FakeControl::admit(AdmitRequest request) {
    knobs_.admissions.push_back(std::move(request));
    if (auto lives = life(); !lives) co_return fail(lives.error());
    co_return AdmitAnswer{"c1", "CERTIFICATE", "KEY"};
}

asio::awaitable<Result<void>> FakeControl::change_member(std::string node, MemberChange change) {
    knobs_.changes.emplace_back(std::move(node), change);
    co_return life();
}

asio::awaitable<Result<std::string>> FakeControl::transfer(std::string node) {
    knobs_.transfers.push_back(node);
    if (auto lives = life(); !lives) co_return fail(lives.error());
    co_return node.empty() ? "n3" : node;
}

asio::awaitable<Result<void>> FakeControl::recover() {
    ++knobs_.recoveries;
    co_return life();
}

asio::awaitable<Result<std::string>> FakeControl::save_snapshot() {
    if (auto lives = life(); !lives) co_return fail(lives.error());
    co_return knobs_.snapshot;
}

asio::awaitable<Result<InitAnswer>> FakeControl::restore_snapshot(std::string path) {
    knobs_.restored.push_back(std::move(path));
    if (auto lives = life(); !lives) co_return fail(lives.error());
    co_return InitAnswer{"n1", "https://10.0.0.1:7480", "", "sha256:00"};
}

ClusterView FakeControl::cluster_view() const {
    if (knobs_.view) return *knobs_.view;
    ClusterView view;
    view.node = knobs_.runtime.node;
    if (!state_.initialised()) return view;
    view.leader = view.node;
    view.leader_api = knobs_.runtime.api_address;
    view.term = 1;
    view.commit_index = view.applied_index = state_.last_applied().value();
    view.members.push_back({.node = view.node,
                            .id = "00000000000000a1",
                            .votes = true,
                            .address = "10.0.0.1:7481",
                            .is_leader = true});
    return view;
}

asio::awaitable<Result<std::vector<Event>>> FakeControl::events(std::size_t limit,
                                                                std::optional<std::string> object) {
    std::vector<Event> found;
    for (const Event& event : knobs_.events)
        if (!object || event.object == *object) found.push_back(event);
    if (found.size() > limit)
        found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(limit));
    co_return found;
}

std::optional<AddressRuntime> FakeControl::address_runtime(IpAddress address) const {
    const auto found = knobs_.addresses.find(address);
    if (found == knobs_.addresses.end()) return std::nullopt;
    return found->second;
}

asio::awaitable<Result<std::vector<BgpRouteRuntime>>> FakeControl::bgp_routes(BgpRouteQuery query) {
    std::vector<BgpRouteRuntime> found;
    for (const BgpRouteRuntime& route : knobs_.bgp_routes) {
        const bool is_of_peer = query.peer.empty() || query.peer == route.session;
        const bool covers = !query.covering || (route.prefix.family() == query.covering->family() &&
                                                route.prefix.contains(*query.covering));
        if (is_of_peer && covers) found.push_back(route);
    }
    co_return found;
}

Result<void> FakeControl::reset_bgp(std::string peer) {
    if (auto lives = life(); !lives) return lives;
    knobs_.bgp_resets.push_back(std::move(peer));
    return {};
}

void FakeControl::make_cluster(const std::string& token) {
    std::vector<Action> actions;
    actions.emplace_back(InitCluster{"c1", hash_of_token(token)});
    actions.emplace_back(RegisterNode{"n1", {}});
    actions.emplace_back(RecordBoot{"n1", 0xa1, 1, 1});
    apply(std::move(actions));
}

void FakeControl::apply(std::vector<Action> actions) {
    const auto done = thread_.await(propose({std::move(actions)}));
    if (!done) throw std::runtime_error(done.error().message);
}

RestFixture::RestFixture(bool with_cluster, HttpServer::Limits limits,
                         ChangeFeed::Limits feed_limits)
    : control(feed_limits),
      server(make_handler(control), limits),
      local_(Client::unix_socket(server.socket_path())),
      remote_(Client::tls(server.port())) {
    if (with_cluster) control.make_cluster(token);
}

RestFixture::Outcome RestFixture::exchange(Client& client, const std::string& request, bool head) {
    client.send(request);
    const auto reply = client.reply(head);
    if (!reply) throw std::runtime_error("no answer to " + request.substr(0, request.find('\r')));
    Outcome outcome{reply->status, {}, *reply};
    const auto type = reply->headers.find("content-type");
    if (!head && type != reply->headers.end() && type->second.find("json") != std::string::npos)
        outcome.body = nlohmann::json::parse(reply->body);
    return outcome;
}

RestFixture::Outcome RestFixture::call(const std::string& method, const std::string& target,
                                       const std::string& body, const std::string& fields) {
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: lbd\r\n";
    if (!body.empty())
        request += fields + "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return exchange(local_, request + "\r\n" + body, method == "HEAD");
}

RestFixture::Outcome RestFixture::call_tls(const std::string& method, const std::string& target,
                                           const std::string& fields, const std::string& body) {
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: lbd\r\n" + fields;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return exchange(remote_, request + "\r\n" + body, method == "HEAD");
}

void RestFixture::announce(const std::string& address, AddressRuntime runtime) {
    const auto parsed = IpAddress::parse(address).value();
    control.set([&](FakeControl::Knobs& knobs) { knobs.addresses[parsed] = runtime; });
}

}  // namespace trivet::api::test
