// init, status, events, version.
#include <ostream>

#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

constexpr std::chrono::milliseconds watch_interval{1000};
constexpr unsigned events_default = 100;
constexpr unsigned events_max = 10'000;

struct EventFlags {
    unsigned limit = events_default;
    std::string object;
    bool watch = false;
};

Outcome<> init(Session& session) {
    auto answer = session.call(Method::post, "/v1/cluster/init", json::object());
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    const auto text = [&](const char* key) { return one_line(brief(at_path(*answer, key))); };
    session.io().out << fmt::format(
        "This node, {}, is now a cluster of one.\n\n"
        "  API          {}\n"
        "  admin token  {}\n"
        "  CA hash      {}\n\n"
        "Keep the token: it is shown this once and stored nowhere.\n"
        "On this machine lbctl needs no token. From another one:\n"
        "  LBCTL_TOKEN=... lbctl --server {} --ca-hash {} status\n\n"
        "Next, give it addresses and take one:\n"
        "  lbctl pool create lan --addresses FIRST-LAST\n"
        "  lbctl vip create web --port 80/tcp\n",
        text("node"), text("api"), text("admin_token"), text("ca_hash"), text("api"),
        text("ca_hash"));
    return {};
}

Outcome<> status(Session& session) {
    auto answer = session.call(Method::get, "/v1/status");
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    auto shown = *answer;
    const auto warnings = at_path(shown, "warnings");
    shown.erase("warnings");
    print_fields(session, shown);
    for (const auto& warning : warnings) {
        session.io().out << "warning: " << one_line(brief(warning)) << "\n";
    }
    return {};
}

void print_events(const Session& session, const json& events) {
    if (session.human()) {
        Table table({"TIME", "TYPE", "OBJECT", "MESSAGE"});
        for (const auto& event : events) {
            table.add({{brief(at_path(event, "at"))},
                       {brief(at_path(event, "type"))},
                       {brief(at_path(event, "object"))},
                       {brief(at_path(event, "message"))}});
        }
        session.io().out << table.to_string(session.colour());
        return;
    }
    for (const auto& event : events) {
        if (!print_data(session, event)) {
            session.io().out << one_line(brief(at_path(event, "object"))) << "\n";
        }
    }
}

/// The items of `now` that are not among `before`: what happened since the last look.
json newer(const json& before, const json& now) {
    json result = json::array();
    for (const auto& event : now) {
        if (std::find(before.begin(), before.end(), event) == before.end()) {
            result.push_back(event);
        }
    }
    return result;
}

Outcome<> events(Session& session, const EventFlags& flags) {
    auto target = fmt::format("/v1/events?limit={}", flags.limit);
    if (!flags.object.empty()) target += "&object=" + model::percent_encode(flags.object);
    auto answer = session.call(Method::get, target);
    if (!answer) return tl::unexpected(answer.error());
    auto seen = at_path(*answer, "items");
    if (session.human() || flags.watch || session.options().output == OutputFormat::name) {
        print_events(session, seen);
    } else {
        print_data(session, *answer);
    }
    while (flags.watch && session.io().pause(watch_interval)) {
        answer = session.call(Method::get, target);
        if (!answer) return tl::unexpected(answer.error());
        auto items = at_path(*answer, "items");
        if (const auto fresh = newer(seen, items); !fresh.empty()) print_events(session, fresh);
        session.io().out.flush();
        seen = std::move(items);
    }
    return {};
}

Outcome<> version(Session& session) {
    if (print_data(session, json{{"lbctl", TRIVET_VERSION}})) return {};
    session.io().out << "lbctl " TRIVET_VERSION "\n";
    return {};
}

}  // namespace

void add_cluster_commands(CommandTree& tree) {
    tree.command(tree.root(), "init", "Make this node a cluster of one, and print its admin token",
                 init);
    tree.command(tree.root(), "status", "Show how the node that answers is doing", status);
    tree.command(tree.root(), "version", "Print lbctl's version", version);
    const auto flags = std::make_shared<EventFlags>();
    auto& app = tree.command(tree.root(), "events", "Show what happened, the latest last",
                             [flags](Session& session) { return events(session, *flags); });
    app.add_option("--limit", flags->limit,
                   fmt::format("at most so many (default: {})", events_default))
        ->check(CLI::Range(1U, events_max).description(""))
        ->option_text("NUMBER");
    app.add_option("--object", flags->object, "of one object, as vip/default/web or pool/lan")
        ->option_text("KIND/NAME");
    app.add_flag("--watch", flags->watch, "ask each second, print what is new");
}

}  // namespace trivet::cli
