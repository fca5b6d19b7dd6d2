// init, status, events, version.
#include <fmt/format.h>
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
        "  lbctl vip create web --port 80/tcp\n\n"
        "To add a node, run here\n"
        "  lbctl cluster invite\n"
        "and on the new node the command that it prints. Three nodes survive the loss of one.\n",
        text("node"), text("api"), text("admin_token"), text("ca_hash"), text("api"),
        text("ca_hash"));
    return {};
}

std::string duration_text(std::uint64_t milliseconds) {
    const auto seconds = milliseconds / 1000;
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} min", seconds / 60);
    if (seconds < 48 * 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{} days", seconds / (24 * 3600));
}

/// "3 announced, 1 pending".
std::string phases_text(const json& phases) {
    std::string text;
    for (const auto& [phase, count] : phases.items()) {
        if (count == 0) continue;
        text += (text.empty() ? "" : ", ") + count.dump() + " " + phase;
    }
    return text.empty() ? "none" : text;
}

Table status_table(const json& status) {
    const auto text = [&](const char* key) { return brief(at_path(status, key)); };
    Table table({});
    const auto uptime = at_path(status, "uptime_ms");
    table.add({{"node"},
               {fmt::format("{}, lbd {}{}", text("node"), text("version"),
                            uptime.is_number_unsigned()
                                ? ", up " + duration_text(uptime.get<std::uint64_t>())
                                : "")}});
    table.add({{"cluster"},
               {at_path(status, "initialised") == false
                    ? "none yet; 'lbctl init' makes one, 'lbctl join' joins one"
                    : fmt::format("{}, revision {}", text("cluster_id"), text("revision"))}});
    if (const auto role = text("role"); role == "voter" || role == "agent") {
        const auto leader = text("leader");
        if (leader == "-") {
            table.add({{"role"}, {role + "; no leader is known", Tone::bad}});
        } else {
            table.add(
                {{"role"}, {role + (leader == text("node") ? ", leads" : ", led by " + leader)}});
        }
    }
    table.add({{"API"}, {text("api")}});
    if (const auto why = at_path(status, "read_only"); why.is_string()) {
        table.add({{"read-only"}, {brief(why), Tone::bad}});
    }
    for (const auto& node : at_path(status, "nodes")) {
        const bool drained = at_path(node, "drained") == true;
        table.add({{"nodes"}, {brief(at_path(node, "name")) + (drained ? ", drained" : "")}});
    }
    table.add({{"VIPs"}, {phases_text(at_path(status, "vips"))}});
    for (const auto& pool : at_path(status, "pools")) {
        const auto number = [&pool](const char* key) { return brief(at_path(pool, key)); };
        table.add({{"pool " + number("name")},
                   {fmt::format("{} of {} addresses assigned, {} cooling", number("assigned"),
                                number("total"), number("cooling"))}});
    }
    return table;
}

Outcome<> status(Session& session) {
    auto answer = session.call(Method::get, "/v1/status");
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    session.io().out << status_table(*answer).to_string(session.colour());
    for (const auto& warning : at_path(*answer, "warnings")) {
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
    std::set<std::string> known;
    for (const auto& event : before) known.insert(event.dump());
    json result = json::array();
    for (const auto& event : now) {
        if (!known.contains(event.dump())) result.push_back(event);
    }
    return result;
}

/// By time, the latest last, whatever the order of the server. Its times are RFC 3339 of one
/// length, so they sort as text.
json in_order(json events) {
    if (!events.is_array()) return events;
    std::stable_sort(events.begin(), events.end(), [](const json& a, const json& b) {
        return brief(at_path(a, "at")) < brief(at_path(b, "at"));
    });
    return events;
}

Outcome<> events(Session& session, const EventFlags& flags) {
    auto target = fmt::format("/v1/events?limit={}", flags.limit);
    if (!flags.object.empty()) target += "&object=" + model::percent_encode(flags.object);
    auto answer = session.call(Method::get, target);
    if (!answer) return tl::unexpected(answer.error());
    auto seen = in_order(at_path(*answer, "items"));
    if (session.human() || flags.watch || session.options().output == OutputFormat::name) {
        print_events(session, seen);
    } else {
        print_data(session, *answer);
    }
    while (flags.watch && session.io().pause(watch_interval)) {
        answer = session.call(Method::get, target);
        if (!answer) return tl::unexpected(answer.error());
        auto items = in_order(at_path(*answer, "items"));
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
