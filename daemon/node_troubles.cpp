#include <algorithm>
#include <fmt/format.h>

#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The part of Node that tells the cluster what is wrong with addresses, so that every node can
/// tell. It compares what is with what was told, each second, so that nothing is lost when there is
/// no leader for a while.
namespace trivet::daemon {

namespace {

constexpr auto look_again = std::chrono::seconds{1};
// An interface that is about to come up, or a stranger's frame that was late, is no trouble.
constexpr Duration lasts_after = std::chrono::seconds{2};
// An address is asked about once a minute; who was not heard for so long uses it no more.
constexpr Duration claim_life = std::chrono::seconds{90};
// What a node that is gone said last is nobody's to take back.
constexpr auto not_heard_after = std::chrono::seconds{30};
constexpr std::size_t reports_max = 256;  // in one command

}  // namespace

void Node::on_seen(IpAddress address, MacAddress mac, Instant at) {
    if (!l2_known_.contains(address)) return;
    claims_[address] = {mac, at};
}

void Node::watch_troubles() {
    trouble_timer_.expires_after(look_again);
    trouble_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        report_troubles();
        watch_troubles();
    });
}

void Node::report_troubles() {
    if (is_reporting_ || is_stopped_ || !state_.initialised() ||
        !state_.nodes().contains(config_.node) || cluster_log_->raft().leader() == raft::RaftId{})
        return;
    std::vector<Action> actions = trouble_reports();
    if (actions.empty()) return;
    const bool has_more = actions.size() > reports_max;
    if (has_more) actions.resize(reports_max);
    is_reporting_ = true;
    propose_in_background(std::move(actions),
                          "tell the cluster what is wrong with addresses, and of BGP sessions",
                          [this, has_more](const Result<LogIndex>& done) {
                              is_reporting_ = false;
                              if (done && has_more) report_troubles();
                          });
}

/// What has to be said so that the cluster knows what this node finds, and, by the leader, what
/// those said who are not there any more is taken back.
std::vector<Action> Node::trouble_reports() {
    std::vector<Action> actions;
    std::map<IpAddress, Trouble> here = troubles_here();
    const std::set<std::string> gone = nodes_not_heard();
    for (const auto& [address, reports] : state_.troubles().all())
        for (const auto& [node, told] : reports) {
            const bool is_mine = node == config_.node;
            if (is_mine ? !here.contains(address) : gone.contains(node))
                actions.emplace_back(ReportTrouble{address, node});
            if (is_mine && here.contains(address) && here.at(address).tells_as(told))
                here.erase(address);
        }
    for (auto& [address, trouble] : here)
        actions.emplace_back(ReportTrouble{address, config_.node, std::move(trouble)});
    for (const auto& [node, told] : state_.bgp_sessions().all())
        if (gone.contains(node)) actions.emplace_back(ReportBgpSessions{node});
    if (BgpSessions sessions = bgp_sessions_here();
        sessions != state_.bgp_sessions().of(config_.node))
        actions.emplace_back(ReportBgpSessions{config_.node, std::move(sessions)});
    return actions;
}

std::map<IpAddress, Trouble> Node::troubles_here() {
    const Instant now = boot_now();
    std::map<IpAddress, Instant> bad;
    std::map<IpAddress, Trouble> troubles;
    const auto lasts = [&](IpAddress address) {
        const auto found = bad_since_.find(address);
        const Instant since = found == bad_since_.end() ? now : found->second;
        bad[address] = since;
        return now - since >= lasts_after;
    };
    const auto add = [&](IpAddress address, Trouble trouble) {
        trouble.message.resize(std::min(trouble.message.size(), Trouble::message_bytes_max));
        troubles[address] = std::move(trouble);
    };
    for (const auto& [address, status] : l2_status_) {
        if (status.phase == announce::L2Phase::conflict)
            add(address, {.kind = TroubleKind::conflict,
                          .mac = status.conflict_mac,
                          .message = status.message});
        else if (status.phase == announce::L2Phase::no_interface &&
                 state_.lease_plan().owner(address) == raft_id_ && lasts(address))
            add(address, {.kind = TroubleKind::not_announced, .message = status.message});
    }
    std::set<MacAddress> known;
    bool all_told = true;
    for (const auto& [name, stored] : state_.nodes()) {
        all_told = all_told && stored.object.facts.interfaces.has_value();
        if (!stored.object.facts.interfaces) continue;
        for (const NodeInterface& interface : *stored.object.facts.interfaces)
            if (interface.mac) known.insert(*interface.mac);
    }
    std::erase_if(claims_, [&](const auto& entry) {
        return !l2_known_.contains(entry.first) || now - entry.second.at > claim_life;
    });
    for (const auto& [address, claim] : claims_) {
        if (!all_told || known.contains(claim.mac) || !lasts(address)) continue;
        const auto told = trouble_of(state_, address);
        const bool is_known =
            told && told->node != config_.node && told->trouble.kind == TroubleKind::conflict;
        if (!is_known)  // one who tells is enough
            add(address,
                {.kind = TroubleKind::conflict,
                 .mac = claim.mac,
                 .message = fmt::format("{} claims {} and is no node of this cluster; take "
                                        "the address off that machine, or out of the pool",
                                        claim.mac.to_string(), address.to_string())});
    }
    bad_since_ = std::move(bad);
    return troubles;
}

/// Empty on all but the leader, which alone knows.
std::set<std::string> Node::nodes_not_heard() const {
    std::set<std::string> gone;
    const raft::Raft& raft = cluster_log_->raft();
    for (const auto& [id, progress] : raft.progress()) {
        const auto member = raft.configuration().members.find(id);
        if (member != raft.configuration().members.end() &&
            boot_now() - progress.last_heard > not_heard_after)
            gone.insert(member->second.name);
    }
    return gone;
}

}  // namespace trivet::daemon
