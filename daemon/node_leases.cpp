#include <algorithm>
#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "core/lease_table.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The parts of Node that take part in the leases: who may answer for a VIP, and from when.
namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

// A group is a line of arithmetic for each answer of a voter; this many do not matter.
constexpr std::size_t groups_few = 64;
// Whatever stands in the plan for so long has been confirmed by every voter that lives.
constexpr auto settle_after = std::chrono::seconds{2};
// A thread that runs before all others is late when the machine stands still.
constexpr Duration stall_worth_a_line = std::chrono::milliseconds{20};
constexpr auto admission_again = std::chrono::milliseconds{200};

lease::ProfileId profile_id(const std::string& name) {
    for (std::size_t i = 0; i < lease::profiles.size(); ++i)
        if (lease::profiles[i].name == name) return static_cast<lease::ProfileId>(i);
    return lease::ProfileId::standard;
}

std::int64_t in_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

std::vector<NodeId> voters_of(const raft::Configuration& configuration) {
    std::vector<NodeId> voters;
    for (const auto& [id, member] : configuration.members)
        if (member.role == raft::MemberRole::voter) voters.push_back(id);
    return voters;
}

// ---- start and end ------------------------------------------------------------------------------

/// H1: whatever an earlier process left open is closed when this returns.
Result<void> Node::open_gate() {
    auto gate =
        dataplane::Gate::open({}, {.on_log = [this](std::string level, std::string text) {
                                  log_.write(parse_log_level(level).value_or(LogLevel::warning),
                                             text, {{"part", "gate"}});
                              }});
    if (!gate) return fail(gate.error());
    gate_ = std::make_shared<SharedGate>(std::move(*gate));
    groups_.emplace(raft_id_);
    return {};
}

Result<void> Node::start_leases() {
    if (lease_) return {};
    const auto& listen = config_.cluster_listen;
    // 7482 beside 7481.
    auto socket =
        open_lease_socket({listen.address(), static_cast<unsigned short>(listen.port() + 1)});
    if (!socket) return fail(socket.error());
    auto pipe = std::make_shared<LeaseEventPipe>();
    relay_ = std::make_unique<LeaseRelay>(*announcer_, pipe);
    auto service =
        LeaseService::start(executor(), log_,
                            {.self = raft_id_,
                             .boot = lease::Boot(boots_.newest().value_or(raft::Boot{}).number),
                             .other_events = pipe},
                            std::move(*socket), SharedGate::for_leases(gate_),
                            [this](const LeaseEvent& event) { on_lease_event(event); });
    if (!service) {
        relay_.reset();
        return fail(service.error());
    }
    lease_ = std::move(*service);
    relay_->set_board(lease_->board());
    for (const auto& [peer_use, key] : lease_keys_)
        lease_->set_key(peer_use.first, peer_use.second, key);
    lease_keys_.clear();
    groups_.emplace(raft_id_);  // the lease thread knows no address yet
    replan_all();
    return {};
}

void Node::release_leases() {
    if (std::exchange(is_released_, true)) return;
    if (lease_) lease_->release([] {});
    release_bgp();
}

void Node::on_lease_key(raft::RaftId peer, LeaseKeyUse use, const LeaseKey& key) {
    if (lease_)
        lease_->set_key(peer, use, key);
    else
        lease_keys_[{peer, use}] = key;
}

void Node::set_lease_peers(const std::map<raft::RaftId, raft::Member>& members) {
    if (!lease_) return;
    std::map<NodeId, asio::ip::udp::endpoint> peers;
    for (const auto& [id, member] : members) {
        const auto endpoint = parse_endpoint(member.address);
        if (!endpoint) {
            log_.error("a member has no usable address, and takes no part in leases",
                       {{"node", member.name}, {"reason", endpoint.error().message}});
            continue;
        }
        peers[id] = {endpoint->address(), static_cast<unsigned short>(endpoint->port() + 1)};
    }
    if (auto set = lease_->set_peers(peers); !set)
        log_.error("the leases cannot have all members", {{"reason", set.error().message}});
}

// ---- plans --------------------------------------------------------------------------------------

std::shared_ptr<lease::View> Node::make_view() const {
    auto view = std::make_shared<lease::View>();
    view->index = state_.last_applied();
    view->profile = profile_id(state_.lease_profile());
    view->configuration = state_.voters().index();
    view->configuration_before = state_.voters().before();
    view->voters = state_.voters().voters();
    // A cluster that began from a snapshot has had no change of its voters yet.
    if (view->configuration == LogIndex{})
        view->voters = voters_of(
            cluster_log_->raft().log().configuration_at(cluster_log_->raft().applied_index()));
    return view;
}

bool Node::holds_on(IpAddress address) const {
    const Pool* pool = state_.pool_of(address);
    return pool != nullptr && pool->on_quorum_loss == OnQuorumLoss::hold;
}

announce::LeasedTarget Node::leased(IpAddress address, L2Target target, bool is_new) const {
    const auto group = groups_->groups().find(address);
    // An address that nobody has announced yet is probed first, by the first of its list alone.
    const lease::Plan::Entry* entry = state_.lease_plan().find(address);
    const bool is_first = entry != nullptr && entry->list.front().node == raft_id_;
    return {.target = std::move(target),
            .group = group == groups_->groups().end() ? 0 : group->second,
            .first_claim = is_new && is_first && lease_ ? announce::ClaimKind::planned
                                                        : announce::ClaimKind::take_over};
}

void Node::replan(const std::set<IpAddress>& touched) {
    if (!groups_) return;
    auto view = make_view();
    const std::vector<IpAddress> addresses(touched.begin(), touched.end());
    const auto changes = groups_->update(
        state_.lease_plan(), addresses, [this](IpAddress address) { return holds_on(address); },
        *view);
    LeaseRelay::Changes targets;
    for (const IpAddress address : addresses) {
        auto target = l2_target(state_, config_.node, address);
        const bool is_new = target && l2_known_.insert(address).second;
        if (!target && l2_known_.erase(address) == 0) continue;
        if (target)
            targets[address] = leased(address, std::move(*target), is_new);
        else
            targets[address] = std::nullopt;
    }
    hand_out(std::move(view), changes, std::move(targets));
}

void Node::replan_all() {
    if (!groups_) return;
    auto view = make_view();
    const auto changes = groups_->update(
        state_.lease_plan(), std::nullopt, [this](IpAddress address) { return holds_on(address); },
        *view);
    LeaseRelay::Changes targets;
    for (const IpAddress address : l2_known_) targets[address] = std::nullopt;
    for (auto& [address, target] : l2_plan(state_, config_.node)) {
        const bool is_new = has_planned_ && !l2_known_.contains(address);
        targets[address] = leased(address, std::move(target), is_new);
    }
    has_planned_ = true;
    std::erase_if(l2_known_, [&](IpAddress address) { return !targets[address]; });
    for (const auto& [address, target] : targets)
        if (target) l2_known_.insert(address);
    hand_out(std::move(view), changes, std::move(targets));
}

/// The lease thread first: it tells the announcer when addresses are where the plan has them.
void Node::hand_out(std::shared_ptr<lease::View> view, const lease::GroupTable::Changes& changes,
                    LeaseRelay::Changes targets) {
    for (const auto& [address, target] : targets)
        if (!target) l2_status_.erase(address);
    if (!changes.without_group.empty())
        log_.error("there are more kinds of rights than groups; these addresses stay closed here",
                   {{"addresses", std::to_string(changes.without_group.size())}});
    if (!lease_) {
        if (!targets.empty()) announcer_->update(std::move(targets));
        return;
    }
    if (!targets.empty()) relay_->add(view->index, std::move(targets));
    lease_->set_plan(std::move(view), changes);
    if (groups_->size() <= groups_few) return;
    settle_timer_.expires_after(settle_after);
    settle_timer_.async_wait([this](boost::system::error_code error) {
        if (error || is_stopped_) return;
        groups_->settle(state_.lease_plan());
        replan_all();
    });
}

// ---- what the leases tell -----------------------------------------------------------------------

void Node::on_lease_event(const LeaseEvent& event) {
    if (const auto* fenced = std::get_if<NodeFenced>(&event)) return on_fenced(*fenced);
    if (const auto* wanted = std::get_if<AdmissionWanted>(&event))
        return ask_for_admission(wanted->seen);
    if (std::holds_alternative<PlanApplied>(event)) return on_plan_applied();
    if (std::holds_alternative<GateBroken>(event)) {
        log_.error("the gate does not obey; this node gives its VIPs away and ends",
                   {{"part", "gate"}});
        return hooks_.on_fatal({ErrorCode::unavailable, "the gate does not obey"});
    }
    if (const auto* stalled = std::get_if<ThreadStalled>(&event))
        if (stalled->duration >= stall_worth_a_line)
            log_.warning("the lease thread was late: this machine stood still, or is overloaded",
                         {{"milliseconds", std::to_string(in_ms(stalled->duration))}});
}

/// The plan learns at once who took over; the leases do not wait for it.
void Node::on_fenced(const NodeFenced& fenced) {
    if (is_stopped_ || !fences_asked_.emplace(fenced.node, fenced.epoch).second) return;
    const auto silent = std::clamp<std::int64_t>(in_ms(fenced.silent), 0,
                                                 std::numeric_limits<std::uint32_t>::max());
    log_.warning("took over from a node",
                 {{"node", state_.node_name(fenced.node)}, {"silent_ms", std::to_string(silent)}});
    failovers_.add(static_cast<double>(silent) / 1000);
    std::vector<Action> actions;
    actions.emplace_back(RecordFence{.node = fenced.node,
                                     .epoch = fenced.epoch,
                                     .by = raft_id_,
                                     .cause = "it was not heard, or gave its VIPs away",
                                     .duration_ms = static_cast<std::uint32_t>(silent)});
    propose_in_background(std::move(actions), "record the end of a node's epoch",
                          [this, key = std::pair(fenced.node, fenced.epoch)](
                              const Result<LogIndex>&) { fences_asked_.erase(key); });
}

void Node::ask_for_admission(Epoch seen) {
    if (is_stopped_ || is_released_ || is_asking_admission_) return;
    is_asking_admission_ = true;
    log_.warning("this node was fenced, and asks to take part again",
                 {{"epoch", std::to_string(seen.value())}});
    std::vector<Action> actions;
    actions.emplace_back(AdmitNode{.node = raft_id_, .seen = seen});
    propose_in_background(std::move(actions), "take part in the leases again",
                          [this](const Result<LogIndex>& done) {
                              if (done) {
                                  is_asking_admission_ = false;
                                  return;
                              }
                              admission_timer_.expires_after(admission_again);
                              admission_timer_.async_wait([this](boost::system::error_code error) {
                                  if (!error) is_asking_admission_ = false;
                              });
                          });
}

void Node::on_plan_applied() {
    if (std::exchange(has_replaced_gate_, true)) return;
    if (auto replaced = gate_->replace_earlier(); !replaced)
        log_.warning("the gate of an earlier process could not be taken away",
                     {{"reason", replaced.error().message}});
}

}  // namespace trivet::daemon
