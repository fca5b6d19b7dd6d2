#include <charconv>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "announce/durable_file.hpp"
#include "api/model/rest_client.hpp"
#include "daemon/answer_of.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The parts of Node by which one node lets another in.
namespace trivet::daemon {

namespace asio = boost::asio;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto vote_look_again = 200ms;
constexpr std::size_t voters_wanted = 3;
constexpr std::size_t pem_bytes_max = 64 * 1024;

Result<api::AdmitAnswer> call_member(const api::JoinRequest& request, const json& body) {
    auto server = model::parse_server_url("https://" + request.address);
    if (!server)
        return fail(ErrorCode::invalid_argument,
                    "'" + request.address +
                        "' is no address of a node's API, as 10.0.0.1:7480; 'lbctl cluster "
                        "invite' prints it");
    server->ca_hash = request.ca_hash;
    model::RestClient client({.server = *server});
    auto answer = client.call(model::RestClient::Method::post, "/v1/cluster/members", body);
    if (!answer) return fail(answer.error());
    const auto text = [&](const char* key) {
        const auto found = answer->find(key);
        return found != answer->end() && found->is_string() ? found->get<std::string>() : "";
    };
    api::AdmitAnswer admitted{.cluster_id = text("cluster_id"),
                              .ca_certificate = text("ca_certificate"),
                              .ca_key = text("ca_key")};
    if (admitted.cluster_id.empty())
        return fail(ErrorCode::internal, request.address + " does not answer as a node does");
    return admitted;
}

Result<raft::RaftId> parse_id(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0)
        return fail(ErrorCode::invalid_argument, "'" + text + "' is no id of a node", "id");
    return raft::RaftId{value};
}

}  // namespace

// ---- on the node that comes ---------------------------------------------------------------------

asio::awaitable<Result<void>> Node::join(api::JoinRequest request) {
    if (auto checked = check_new(); !checked) co_return checked;
    if (cluster_log_->raft().log().last_index() != LogIndex{})
        co_return fail(ErrorCode::conflict,
                       "this node began to be a cluster of its own: run 'lbctl init' again, or "
                       "stop lbd and empty its data directory");
    is_becoming_member_ = true;
    const api::JoinAs as = request.as;
    const std::string ca_hash = request.ca_hash;
    const Result<api::AdmitAnswer> admitted = co_await ask_to_be_admitted(std::move(request));
    Result<void> done = admitted ? Result<void>{} : fail(admitted.error());
    if (done) done = pki_.adopt_authority(admitted->ca_certificate, admitted->ca_key, ca_hash);
    if (done) done = pki_.issue_node_certificate(config_.node, certificate_names(), wall_now());
    if (done) done = start_transport();
    is_becoming_member_ = false;
    if (!done) co_return done;
    hooks_.on_certificate();
    log_.info("this node was let in", {{"cluster", admitted->cluster_id}});
    asio::co_spawn(io_, pursue_vote(as), asio::detached);
    co_return Result<void>{};
}

/// Over the other node's API, which the token and the hash are for; it blocks, so on a thread.
asio::awaitable<Result<api::AdmitAnswer>> Node::ask_to_be_admitted(api::JoinRequest request) {
    json body{{"node", config_.node},
              {"id", fmt::format("{:016x}", raft_id_.value())},
              {"address", self_as_member().address},
              {"token", request.token}};
    auto start = [this, request = std::move(request), body = std::move(body)](auto answer) {
        join_thread_ =
            std::jthread([request, body, answer] { answer(call_member(request, body)); });
    };
    return answer_of<api::AdmitAnswer>(executor(), std::move(start));
}

/// Follows until it has what the others have, then asks for the vote it is to have.
asio::awaitable<void> Node::pursue_vote(api::JoinAs as) {
    while (as != api::JoinAs::agent) {
        const Result<void> waited = co_await pause(vote_look_again);
        if (!waited) co_return;
        const raft::Configuration& now = cluster_log_->raft().configuration();
        if (!state_.initialised() || !cluster_log_->is_member()) continue;
        if (now.votes(raft_id_)) co_return;
        if (as == api::JoinAs::automatic && now.voters() >= voters_wanted) co_return;
        raft::MembershipChange promotion = raft::Promote{raft_id_};
        const Result<void> promoted = co_await change(std::move(promotion));
        if (promoted) log_.info("this node votes", {{"node", config_.node}});
    }
}

// ---- on the node that is asked ------------------------------------------------------------------

asio::awaitable<Result<api::InviteAnswer>> Node::invite(std::chrono::seconds life) {
    const std::string token = make_token();
    const Result<std::string> hash = pki_.ca_hash();
    if (!hash) co_return fail(hash.error());
    std::vector<Action> actions;
    actions.emplace_back(MakeJoinToken{token_hash(token), wall_now() + life});
    api::Proposal proposal{std::move(actions)};
    const Result<LogIndex> made = co_await propose(std::move(proposal));
    if (!made) co_return fail(made.error());
    const std::string address = api_address_.substr(std::string_view("https://").size());
    co_return api::InviteAnswer{
        .address = address,
        .token = token,
        .ca_hash = *hash,
        .command = fmt::format("lbctl join {} --token {} --ca-hash {}", address, token, *hash)};
}

asio::awaitable<Result<api::AdmitAnswer>> Node::admit(api::AdmitRequest request) {
    const auto id = parse_id(request.id);
    if (!id) co_return fail(id.error());
    if (auto endpoint = parse_endpoint(request.address); !endpoint)
        co_return fail(ErrorCode::invalid_argument, endpoint.error().message, "address");
    std::vector<Action> actions;
    actions.emplace_back(UseJoinToken{token_hash(request.token), id->value(), request.node});
    api::Proposal proposal{std::move(actions)};
    const Result<LogIndex> used = co_await propose(std::move(proposal));
    if (!used) co_return fail(used.error());
    raft::RaftId holder;
    const bool has_member = find_member(request.node, holder) != nullptr;
    if (has_member && holder != *id)
        co_return fail(ErrorCode::conflict,
                       fmt::format("a node of the name '{}' is a member already; 'lbctl cluster "
                                   "remove {}' first, or give the new one another name",
                                   request.node, request.node));
    if (!has_member) {
        raft::MembershipChange addition =
            raft::AddLearner{*id, request.node, request.address};  // by name: see answer_of.hpp
        const Result<void> added = co_await change_when_ready(std::move(addition));
        // Two calls with one token add it once.
        if (!added && !cluster_log_->raft().configuration().members.contains(*id))
            co_return fail(added.error());
    }
    Result<std::string> certificate = announce::read_file(pki_.ca_certificate(), pem_bytes_max);
    if (!certificate) co_return fail(certificate.error());
    Result<std::string> key = pki_.ca_key();
    if (!key) co_return fail(key.error());
    log_.info("a node was let in", {{"peer", request.node}, {"address", request.address}});
    co_return api::AdmitAnswer{.cluster_id = state_.cluster_id(),
                               .ca_certificate = std::move(*certificate),
                               .ca_key = std::move(*key)};
}

}  // namespace trivet::daemon
