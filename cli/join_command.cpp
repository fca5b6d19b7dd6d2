// join: this node becomes a member, and lbctl waits until it is of use.
#include <fmt/format.h>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/member_table.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds wait_interval{100};
constexpr double join_timeout_s = 60;     // a large state takes a while to arrive
constexpr std::size_t voters_wanted = 3;  // so many survive the loss of one

struct JoinFlags {
    std::string address;
    std::string token;
    std::string ca_hash;
    bool voter = false;
    bool agent = false;
};

/// "10.0.0.1:7480" of what stands on the command line, whose port may be left out.
Outcome<std::string> host_and_port(const std::string& address) {
    const auto server =
        model::parse_server_url(address.starts_with("https://") ? address : "https://" + address);
    if (!server) {
        return usage_error(fmt::format("'{}' is no HOST:PORT of a member's API", address),
                           "it looks like 10.0.0.1:7480 or [fd00::1]:7480");
    }
    const bool v6 = server->host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", server->host, v6 ? "]" : "", server->port);
}

/// What keeps the node from being what it is to be; empty: nothing.
std::string what_is_missing(const json& cluster, const std::string& node, const JoinFlags& flags) {
    std::size_t voters = 0;
    json self;
    for (const auto& member : at_path(cluster, "members")) {
        if (text_at(member, "role") == "voter") ++voters;
        if (text_at(member, "node") == node) self = member;
    }
    if (self.is_null()) return "it is not among the members yet";
    if (text_at(cluster, "leader").empty()) return "it knows no leader yet";
    const auto commit = at_path(cluster, "commit_index");
    const auto applied = at_path(cluster, "applied_index");
    if (!commit.is_number_unsigned() || !applied.is_number_unsigned() ||
        applied.get<std::uint64_t>() < commit.get<std::uint64_t>() ||
        at_path(cluster, "initialised") != true) {
        return fmt::format("it has applied {} of {} entries", brief(applied), brief(commit));
    }
    const bool votes = text_at(self, "role") == "voter";
    if (flags.agent) return votes ? "it still votes" : "";
    const bool is_to_vote = flags.voter || voters < voters_wanted;
    return is_to_vote && !votes ? "it does not vote yet" : "";
}

bool may_pass(ErrorCode code) {
    return code == ErrorCode::timeout || code == ErrorCode::not_leader ||
           code == ErrorCode::unavailable;
}

/// The cluster as the node sees it once it is what it is to be.
Outcome<json> wait_until_member(Session& session, const std::string& node, const JoinFlags& flags,
                                Clock::time_point deadline) {
    std::string missing;  // empty: no look came about yet
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() > 0) {
            session.set_timeout(left);
            auto cluster = session.try_call(Method::get, "/v1/cluster");
            if (cluster) {
                missing = what_is_missing(*cluster, node, flags);
                if (missing.empty()) return std::move(*cluster);
            } else if (may_pass(cluster.error().code)) {
                // A look that the deadline cut short tells less than the one before it.
                if (missing.empty() || Clock::now() < deadline) missing = cluster.error().message;
            } else {
                return fail_with(failure_of(cluster.error()));
            }
        }
        if (Clock::now() >= deadline || !session.io().pause(wait_interval)) {
            return fail_with({ExitCode::timeout,
                              fmt::format("{} has joined, but {} s were not enough: {}", node,
                                          session.options().timeout_s,
                                          missing.empty() ? "nothing is known of it" : missing),
                              "it goes on in the background; 'lbctl cluster status' tells how far "
                              "it is"});
        }
    }
}

Outcome<> join(Session& session, const JoinFlags& flags) {
    if (flags.voter && flags.agent) return usage_error("give either --voter or --agent");
    const auto address = host_and_port(flags.address);
    if (!address) return tl::unexpected(address.error());
    const auto deadline =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(session.options().timeout_s));
    json body{{"address", *address}, {"token", flags.token}, {"ca_hash", flags.ca_hash}};
    if (flags.voter) body["role"] = "voter";
    if (flags.agent) body["role"] = "agent";
    const auto joined = session.call(Method::post, "/v1/cluster/join", body);
    if (!joined) return tl::unexpected(joined.error());
    const auto node = text_at(*joined, "node");
    if (session.human()) {
        session.io().err << one_line(node) << " has joined; waiting until it has caught up\n"
                         << std::flush;
    }
    const auto cluster = wait_until_member(session, node, flags, deadline);
    if (!cluster) return tl::unexpected(cluster.error());
    std::string role;
    for (const auto& member : at_path(*cluster, "members")) {
        if (text_at(member, "node") == node) role = text_at(member, "role");
    }
    if (print_data(session, json{{"node", node}, {"role", role}})) return {};
    if (!session.human()) {
        session.io().out << "node/" << one_line(node) << "\n";
        return {};
    }
    session.io().out << one_line(fmt::format("{} is {} of cluster {}, led by {}", node,
                                             role == "voter" ? "a voter" : "an agent",
                                             text_at(*cluster, "cluster_id"),
                                             text_at(*cluster, "leader")))
                     << "\n";
    return {};
}

}  // namespace

void add_join_command(CommandTree& tree) {
    const auto flags = std::make_shared<JoinFlags>();
    auto& app = tree.long_command(
        tree.root(), "join", "Make this node a member of a cluster; returns when it has caught up",
        join_timeout_s, [flags](Session& session) { return join(session, *flags); });
    app.add_option("address", flags->address, "HOST:PORT of the API of any member")
        ->required()
        ->option_text("ADDRESS");
    app.add_option("--token", flags->token, "as 'lbctl cluster invite' printed it")
        ->required()
        ->option_text("TOKEN");
    // Hides the global flag of this name: here it is the hash of the cluster that is joined.
    app.remove_option(app.get_option("--ca-hash"));
    app.add_option("--ca-hash", flags->ca_hash,
                   "the cluster's CA, as 'lbctl cluster invite' printed it")
        ->required()
        ->option_text("sha256:HEX");
    app.add_flag("--voter", flags->voter, "vote, also when there are three voters or more");
    app.add_flag("--agent", flags->agent, "follow without a vote");
}

}  // namespace trivet::cli
