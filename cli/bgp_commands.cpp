#include "cli/bgp_commands.hpp"

#include <fmt/format.h>
#include <ostream>

#include "cli/output.hpp"
#include "cli/table.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

constexpr std::size_t told_max = 1000;  // docs/reference/api.md

struct RoutesFlags {
    std::string name;
    std::string address;  // empty: all routes
};

Table routes_table(const json& routes) {
    Table table({"PREFIX", "SESSION", "LOCAL-PREF", "MED", "PREPEND", "COMMUNITIES",
                 "EXTENDED-COMMUNITIES"});
    for (const json& route : routes) {
        std::vector<Cell> row;
        for (const char* field : {"prefix", "session", "local_pref", "med", "prepend",
                                  "communities", "extended_communities"})
            row.push_back({brief(at_path(route, field))});
        table.add(std::move(row));
    }
    return table;
}

Outcome<> routes(Session& session, const RoutesFlags& flags) {
    std::string path = model::url_path({"v1", "bgp-peers", flags.name, "routes"});
    if (!flags.address.empty()) path += "?address=" + model::percent_encode(flags.address);
    auto answer = session.call(Method::get, path);
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    const json items = at_path(*answer, "items");
    if (!session.human()) {
        for (const json& route : items)
            session.io().out << one_line(brief(at_path(route, "prefix"))) << "\n";
    } else if (items.empty()) {
        session.io().err << fmt::format("node {} has told {} of no route\n",
                                        one_line(brief(at_path(*answer, "node"))),
                                        one_line(flags.name));
    } else {
        session.io().out << routes_table(items).to_string(session.colour());
        if (items.size() >= told_max)
            session.io().err << fmt::format(
                "a node tells of at most {} routes; --address asks for those of one address\n",
                told_max);
    }
    return {};
}

Outcome<> reset(Session& session, const std::string& name) {
    auto answer = session.call(Method::post, model::url_path({"v1", "bgp-peers", name, "reset"}),
                               json::object());
    if (!answer) return tl::unexpected(answer.error());
    if (session.human())
        session.io().out << "bgp-peer/" << one_line(name)
                         << ": its sessions with this node end, and come back\n";
    else
        print_row(session, noun_of(Kind::bgp_peer), *answer);
    return {};
}

}  // namespace

void add_peer_routes(CommandTree& tree, CLI::App& parent) {
    const auto flags = std::make_shared<RoutesFlags>();
    auto& app = tree.command(parent, "routes", "What this node has told a peer",
                             [flags](Session& session) { return routes(session, *flags); });
    app.add_option("name", flags->name, "its name, or NAME@ADDRESS of a dynamic neighbour")
        ->required()
        ->option_text("NAME");
    app.add_option("--address", flags->address, "only routes that hold it")->option_text("ADDRESS");
}

void add_peer_reset(CommandTree& tree, CLI::App& parent) {
    const auto name = std::make_shared<std::string>();
    auto& app =
        tree.command(parent, "reset", "End this node's sessions with a peer; they come back",
                     [name](Session& session) { return reset(session, *name); });
    app.add_option("name", *name, "its name")->required()->option_text("NAME");
}

}  // namespace trivet::cli
