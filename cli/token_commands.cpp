// token create, list, show, delete.
#include <fmt/format.h>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/member_table.hpp"
#include "cli/output.hpp"
#include "core/field_reader.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

struct CreateFlags {
    std::string name;
    std::string role = "cloud";
    std::vector<std::string> namespaces;
    std::vector<std::string> pools;
    std::string valid_for;
};

void print_name(const Session& session, const json& token) {
    session.io().out << "token/" << one_line(text_at(token, "name")) << "\n";
}

/// "every pool" for a list that limits nothing.
Cell limit_cell(const json& token, const char* field, const char* without) {
    const auto list = at_path(token, field);
    return {list.empty() || text_at(token, "role") == "admin" ? without : brief(list)};
}

void print_table(const Session& session, const json& items) {
    Table table({"NAME", "ROLE", "NAMESPACES", "POOLS", "CREATED", "EXPIRES"});
    for (const auto& token : items) {
        const auto expires = text_at(token, "expires");
        table.add({{one_line(text_at(token, "name"))},
                   {one_line(text_at(token, "role"))},
                   limit_cell(token, "namespaces", "all"),
                   limit_cell(token, "pools", "all"),
                   {one_line(text_at(token, "created"))},
                   {expires.empty() ? "never" : one_line(expires)}});
    }
    session.io().out << table.to_string(session.colour());
}

Outcome<json> body_of(const CreateFlags& flags) {
    json body{{"name", flags.name}, {"role", flags.role}};
    if (!flags.namespaces.empty()) body["namespaces"] = flags.namespaces;
    if (!flags.pools.empty()) body["pools"] = flags.pools;
    if (flags.valid_for.empty()) return body;
    const auto seconds = parse_seconds(flags.valid_for);
    if (!seconds || seconds->count() <= 0) {
        return usage_error(fmt::format("--valid-for: '{}' is no time", flags.valid_for),
                           "write 3600, 90m or 720h; leave it out for a token that never expires");
    }
    body["valid_for_s"] = seconds->count();
    return body;
}

Outcome<> create(Session& session, const CreateFlags& flags) {
    const auto body = body_of(flags);
    if (!body) return tl::unexpected(body.error());
    auto answer = session.call(Method::post, "/v1/tokens", *body);
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    // The token alone, so that it can go into a file as it comes.
    session.io().out << one_line(text_at(*answer, "token")) << "\n";
    if (session.human()) {
        session.io().err << fmt::format(
            "Keep it: nobody can read it again. 'lbctl token delete {}' takes its right away.\n",
            one_line(flags.name));
    }
    return {};
}

Outcome<> list(Session& session) {
    auto answer = session.call(Method::get, "/v1/tokens");
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    const auto items = at_path(*answer, "items");
    if (!session.human()) {
        for (const auto& token : items) print_name(session, token);
    } else if (items.empty()) {
        session.io().err << "no tokens beside the administrator's own\n";
    } else {
        print_table(session, items);
    }
    return {};
}

Outcome<> show(Session& session, const std::string& name) {
    auto answer = session.call(Method::get, model::url_path({"v1", "tokens", name}));
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    if (session.human()) {
        print_fields(session, *answer);
    } else {
        print_name(session, *answer);
    }
    return {};
}

Outcome<> remove(Session& session, const std::string& name) {
    auto answer = session.call(Method::del, model::url_path({"v1", "tokens", name}));
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    session.io().out << "token/" << one_line(name) << (session.human() ? " deleted\n" : "\n");
    return {};
}

void add_create(CommandTree& tree, CLI::App& parent) {
    const auto flags = std::make_shared<CreateFlags>();
    auto& app = tree.command(parent, "create", "Make a token for the API, and print it this once",
                             [flags](Session& session) { return create(session, *flags); });
    app.add_option("name", flags->name, "its name")->required()->option_text("NAME");
    app.add_option("--role", flags->role,
                   "admin: everything; cloud (default): VIPs in --namespaces")
        ->check(CLI::IsMember({"admin", "cloud"}).description(""))
        ->option_text("ROLE");
    app.add_option("--namespaces", flags->namespaces,
                   "where a cloud token may have VIPs; 'prod.*' is all below prod, '*' all")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->option_text("A,B.*,...");
    app.add_option("--pools", flags->pools,
                   "what its VIPs may ask for; without: every pool, and none by name")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->option_text("A,B,...");
    app.add_option("--valid-for", flags->valid_for, "90m, 720h; without: for good")
        ->option_text("SECONDS");
}

using OnToken = Outcome<> (*)(Session&, const std::string&);

void add_on_token(CommandTree& tree, CLI::App& parent, const char* word, const char* about,
                  OnToken run) {
    const auto name = std::make_shared<std::string>();
    auto& app = tree.command(parent, word, about,
                             [name, run](Session& session) { return run(session, *name); });
    app.add_option("name", *name, "its name")->required()->option_text("NAME");
}

}  // namespace

void add_token_commands(CommandTree& tree) {
    auto& group = tree.group("token", "Who may use the API beside the administrator");
    add_create(tree, group);
    tree.command(group, "list", "List the tokens, which nobody can read again",
                 [](Session& session) { return list(session); });
    add_on_token(tree, group, "show", "Show what one token may do", show);
    add_on_token(tree, group, "delete", "Delete a token, which opens nothing any more", remove);
}

}  // namespace trivet::cli
