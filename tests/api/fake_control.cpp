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

void FakeControl::make_cluster(const std::string& token) {
    std::vector<Action> actions;
    actions.emplace_back(InitCluster{"c1", hash_of_token(token)});
    actions.emplace_back(RegisterNode{"n1", {}});
    apply(std::move(actions));
}

void FakeControl::apply(std::vector<Action> actions) {
    const auto done = thread_.await(propose({std::move(actions)}));
    if (!done) throw std::runtime_error(done.error().message);
}

RestFixture::RestFixture(bool with_cluster, HttpServer::Limits limits)
    : server(make_handler(control), limits),
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
