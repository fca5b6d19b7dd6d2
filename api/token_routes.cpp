// Tokens: who may call the API beside the administrator, and for what.
#include <chrono>

#include "api/authenticate.hpp"
#include "api/event_view.hpp"
#include "api/handlers.hpp"
#include "core/field_reader.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

json token_json(const std::string& name, const TokenTable::Token& token) {
    return {{"name", name},
            {"role", to_string(token.role)},
            {"namespaces", token.limits.namespaces},
            {"pools", token.limits.pools},
            {"created", time_text(token.created)},
            {"expires", token.expires ? json(time_text(*token.expires)) : json(nullptr)},
            {"revision", token.revision}};
}

Result<CreateToken> read_token(const json& body) {
    if (!body.is_object())
        return fail(ErrorCode::invalid_argument,
                    "the body must be a JSON object with 'name' and 'role'");
    CreateToken token;
    std::uint64_t valid_for_s = 0;
    constexpr std::uint64_t life_max_s =
        std::chrono::duration_cast<std::chrono::seconds>(TokenTable::life_max).count();
    FieldReader reader(body, "token");
    reader.text("name", token.name);
    reader.choice("role", token.role, token_role_words);
    reader.texts("namespaces", token.limits.namespaces);
    reader.texts("pools", token.limits.pools);
    reader.integer("valid_for_s", valid_for_s, std::uint64_t{1}, life_max_s);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    for (const char* field : {"name", "role"})
        if (!reader.has(field))
            return fail(ErrorCode::invalid_argument,
                        "'" + std::string(field) +
                            "' is missing: a token has a name and a role, "
                            "admin or cloud",
                        field);
    if (reader.has("valid_for_s")) token.valid_for = std::chrono::seconds(valid_for_s);
    return token;
}

Error no_such_token(const ClusterState& state, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& [known, token] : state.tokens().all()) names.push_back(known);
    const auto near = nearest(name, names);
    return {ErrorCode::not_found,
            "there is no token '" + name + "'" + (near ? "; did you mean '" + *near + "'?" : "")};
}

}  // namespace

Waiting list_tokens(Control& control, RouteCall&) {
    const ClusterState& state = control.state();
    json items = json::array();
    for (const auto& [name, token] : state.tokens().all()) items.push_back(token_json(name, token));
    co_return Answer{
        .body = {{"items", std::move(items)}, {"revision", state.last_applied().value()}}};
}

/// Without the Idempotency-Key: each call draws another token, and an answer that was lost cannot
/// be given again, because nobody knows the token any more.
Waiting create_token(Control& control, RouteCall& call) {
    auto token = read_token(call.body);
    if (!token) co_return fail(std::move(token).error());
    const std::string name = token->name;
    std::string secret = make_token();
    token->hash = hash_of_token(secret);
    std::vector<Action> actions;
    actions.emplace_back(std::move(*token));
    Proposal proposal{std::move(actions)};
    const auto index = co_await control.propose(std::move(proposal));
    if (!index) co_return fail(index.error());
    const auto* made = control.state().tokens().find(name);
    if (made == nullptr)
        co_return fail(ErrorCode::conflict,
                       "token '" + name + "' was made, and deleted by another call meanwhile");
    Answer answer{.status = 201, .body = token_json(name, *made)};
    answer.body["token"] = std::move(secret);
    answer.headers.emplace("Location", "/v1/tokens/" + name);
    co_return answer;
}

Result<Answer> get_token(const Control& control, const RouteCall& call) {
    const std::string& name = call.capture("name");
    const auto* token = control.state().tokens().find(name);
    if (token == nullptr) return fail(no_such_token(control.state(), name));
    return Answer{.body = token_json(name, *token)};
}

Waiting delete_token(Control& control, RouteCall& call) {
    const std::string name = call.capture("name");
    const auto* token = control.state().tokens().find(name);
    json before = token == nullptr ? json{{"name", name}} : token_json(name, *token);
    std::vector<Action> actions;
    actions.emplace_back(DeleteToken{name});
    auto proposal = call.proposal(std::move(actions));
    if (!proposal) co_return fail(proposal.error());
    const auto index = co_await control.propose(std::move(*proposal));
    if (!index) co_return fail(index.error());
    co_return Answer{.body = std::move(before)};
}

}  // namespace trivet::api
