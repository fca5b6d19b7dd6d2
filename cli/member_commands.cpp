// cluster status, members, invite, promote, demote, remove, transfer, recover.
#include <fmt/format.h>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/member_table.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

constexpr std::uint64_t invite_life_default_s = 3600;
constexpr std::uint64_t invite_life_max_s = 604'800;

/// Names for -o name.
void print_name(const Session& session, const std::string& node) {
    session.io().out << "node/" << one_line(node) << "\n";
}

/// The answer as data, as node/NAME, or as a sentence.
Outcome<> print_done(const Session& session, const json& answer, const std::string& node,
                     const std::string& sentence) {
    if (print_data(session, answer)) return {};
    if (!session.human()) {
        print_name(session, node);
    } else {
        session.io().out << one_line(sentence) << "\n";
    }
    return {};
}

void print_status(const Session& session, const json& cluster) {
    auto& out = session.io().out;
    out << cluster_table(cluster).to_string(session.colour());
    if (!at_path(cluster, "members").empty()) {
        out << "\n" << health_table(cluster).to_string(session.colour());
    }
    for (const auto& member : at_path(cluster, "members")) {
        if (at_path(member, "lost_data") != true) continue;
        const auto node = one_line(text_at(member, "node"));
        out << fmt::format(
            "warning: {0} lacks data that it had acknowledged: 'lbctl cluster remove {0}', then "
            "join it anew with an empty data_dir\n",
            node);
    }
    for (const auto& warning : at_path(cluster, "warnings")) {
        out << "warning: " << one_line(brief(warning)) << "\n";
    }
    const auto leader = text_at(cluster, "leader");
    if (!leader.empty() && leader != text_at(cluster, "node")) {
        out << fmt::format("Who is reachable and how far, {} knows: ask there.\n",
                           one_line(leader));
    }
}

/// Ends with 6 when no leader is known, also after it printed everything.
Outcome<> status(Session& session) {
    auto answer = session.call(Method::get, "/v1/cluster");
    if (!answer) return tl::unexpected(answer.error());
    if (!print_data(session, *answer)) {
        if (session.human()) {
            print_status(session, *answer);
        } else {
            for (const auto& member : at_path(*answer, "members")) {
                print_name(session, text_at(member, "node"));
            }
        }
    }
    if (!text_at(*answer, "leader").empty()) return {};
    if (at_path(*answer, "members").empty()) {
        return fail_with({ExitCode::no_leader, "this node belongs to no cluster",
                          "'lbctl init' makes one; 'lbctl cluster invite' on a member tells how to "
                          "join one"});
    }
    return fail_with({ExitCode::no_leader, "no leader is known",
                      "a majority of the voters must run and reach each other; when it is lost for "
                      "good, see 'lbctl cluster recover --help'"});
}

Outcome<> members(Session& session) {
    auto answer = session.call(Method::get, "/v1/cluster");
    if (!answer) return tl::unexpected(answer.error());
    const auto list = at_path(*answer, "members");
    if (print_data(session, json{{"items", list}, {"revision", at_path(*answer, "revision")}})) {
        return {};
    }
    if (!session.human()) {
        for (const auto& member : list) print_name(session, text_at(member, "node"));
    } else if (list.empty()) {
        session.io().err << "no members here\n";
    } else {
        session.io().out << member_table(*answer).to_string(session.colour());
    }
    return {};
}

Outcome<> invite(Session& session, std::uint64_t valid_for_s) {
    auto answer =
        session.call(Method::post, "/v1/cluster/invite", json{{"valid_for_s", valid_for_s}});
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    const auto command = one_line(text_at(*answer, "command"));
    if (!session.human()) {
        session.io().out << command << "\n";
        return {};
    }
    session.io().out << fmt::format(
        "Run on the new node, as root, within {} s:\n\n  {}\n\n"
        "The token in it is good for one node. The node votes while there are fewer than three "
        "voters;\n--voter or --agent choose otherwise.\n",
        valid_for_s, command);
    return {};
}

Outcome<> promote(Session& session, const std::string& node) {
    auto answer =
        session.call(Method::post, model::url_path({"v1", "cluster", "members", node, "promote"}));
    if (!answer) return tl::unexpected(answer.error());
    return print_done(session, *answer, node, node + " is a voter now");
}

Outcome<> demote(Session& session, const std::string& node) {
    auto answer =
        session.call(Method::post, model::url_path({"v1", "cluster", "members", node, "demote"}));
    if (!answer) return tl::unexpected(answer.error());
    return print_done(session, *answer, node, node + " is an agent now: it follows without a vote");
}

Outcome<> remove(Session& session, const std::string& node) {
    auto answer = session.call(Method::del, model::url_path({"v1", "cluster", "members", node}));
    if (!answer) return tl::unexpected(answer.error());
    return print_done(session, *answer, node,
                      node + " is removed; it may join again with an empty data_dir");
}

Outcome<> transfer(Session& session, const std::string& node) {
    const auto body = node.empty() ? json::object() : json{{"node", node}};
    auto answer = session.call(Method::post, "/v1/cluster/transfer", body);
    if (!answer) return tl::unexpected(answer.error());
    const auto leader = text_at(*answer, "leader");
    return print_done(session, *answer, leader, leader + " leads now");
}

Outcome<> recover(Session& session, bool yes) {
    if (!yes) {
        return usage_error(
            "this makes the node the only voter, with what it has: changes that reached only lost "
            "nodes are gone for good, and a lost node that comes back with its old data makes a "
            "second cluster",
            "for the permanent loss of a majority alone; when that is what you want, add --yes");
    }
    auto answer = session.call(Method::post, "/v1/cluster/recover", json{{"yes", true}});
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    session.io().out << "This node is the only voter now. Never start the lost nodes with their "
                        "old data;\n'lbctl cluster invite' adds new ones.\n";
    return {};
}

Outcome<> rebalance(Session& session) {
    auto answer = session.call(Method::post, "/v1/cluster/rebalance");
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    session.io().out << "Every node owns its fair share now; 'lbctl events' tells what moved.\n";
    return {};
}

Outcome<> set_lease_profile(Session& session, const std::string& name) {
    auto answer = session.call(Method::put, "/v1/cluster/lease-profile", json{{"name", name}});
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    session.io().out << "The leases run by profile " << one_line(name) << " now.\n";
    return {};
}

using OnNode = Outcome<> (*)(Session&, const std::string&);

void add_on_node(CommandTree& tree, CLI::App& parent, const char* word, const char* about,
                 OnNode run) {
    const auto node = std::make_shared<std::string>();
    auto& app = tree.command(parent, word, about,
                             [node, run](Session& session) { return run(session, *node); });
    app.add_option("node", *node, "its name")->required()->option_text("NODE");
}

void add_invite(CommandTree& tree, CLI::App& parent) {
    const auto seconds = std::make_shared<std::uint64_t>(invite_life_default_s);
    auto& app =
        tree.command(parent, "invite", "Make a token for one new node; print what to run there",
                     [seconds](Session& session) { return invite(session, *seconds); });
    app.add_option(
           "--valid-for", *seconds,
           fmt::format("at most {} (default: {})", invite_life_max_s, invite_life_default_s))
        ->check(CLI::Range(std::uint64_t{1}, invite_life_max_s).description(""))
        ->option_text("SECONDS");
}

}  // namespace

void add_member_commands(CommandTree& tree) {
    auto& parent = tree.group("cluster", "Members of the cluster: who votes, leads, joins, leaves");
    tree.command(parent, "status", "Show leader and members; exit code 6 when no leader is known",
                 status);
    tree.command(parent, "members", "List the members with addresses and ids", members);
    add_invite(tree, parent);
    add_on_node(tree, parent, "promote", "Let a member vote", promote);
    add_on_node(tree, parent, "demote", "Let a member follow without a vote", demote);
    add_on_node(tree, parent, "remove", "Remove a member, also a dead one, and forget the node",
                remove);
    const auto node = std::make_shared<std::string>();
    auto& transfer_app =
        tree.command(parent, "transfer", "Hand leadership to another voter",
                     [node](Session& session) { return transfer(session, *node); });
    transfer_app.add_option("node", *node, "who is to lead (default: the best voter)")
        ->option_text("NODE");
    tree.command(parent, "rebalance",
                 "Give every node its fair share of the VIPs, with the fewest moves", rebalance);
    const auto profile = std::make_shared<std::string>();
    auto& profile_app = tree.command(
        parent, "set-lease-profile", "Choose how quickly leases run out: the time of a failover",
        [profile](Session& session) { return set_lease_profile(session, *profile); });
    profile_app.add_option("profile", *profile, "default, fast, fastest or wide")
        ->required()
        ->option_text("PROFILE");
    const auto yes = std::make_shared<bool>(false);
    auto& recover_app = tree.command(
        parent, "recover",
        "After the loss of a majority for good: make this node the only voter, with what it has",
        [yes](Session& session) { return recover(session, *yes); });
    recover_app.add_flag("--yes", *yes, "what reached only lost nodes may be lost with them");
}

}  // namespace trivet::cli
