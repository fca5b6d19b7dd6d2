#include <algorithm>
#include <fmt/format.h>

#include "core/lease/profile.hpp"
#include "core/state_snapshot.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"
#include "store/identity.hpp"

/// The parts of Node that keep it in touch with the other nodes.
namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t introduced_max = 64;
constexpr auto register_again = std::chrono::milliseconds{500};
constexpr auto confirm_boot_again = std::chrono::seconds{1};

}  // namespace

// ---- wiring -------------------------------------------------------------------------------------

void Node::start_cluster_log(raft::DurableState durable) {
    transport_ = std::make_unique<Transport>(
        io_, log_, Transport::Options{.id = raft_id_, .node = config_.node, .boots = boots_},
        transport_callbacks());
    raft::Options options;
    options.id = raft_id_;
    options.seed = store::random_id();
    options.voter_change_spacing = lease::promise_max * 34 / 10;  // leases P4
    cluster_log_ = std::make_unique<ClusterLog>(
        io_, *storage_, options,
        ClusterLog::Host{
            .send = [this](raft::RaftId to,
                           const Frame& frame) { return transport_->send(to, frame); },
            .snapshot = [this] { return encode_snapshot(state_.rows()); },
            .restore = [this](const raft::Snapshot& snapshot) { take_snapshot(snapshot); },
            .check_space = [this] { return check_space(); },
            .on_change = [this] { on_cluster_change(); }});
    cluster_log_->subscribe([this](const LogEntry& entry) { apply(entry); });
    cluster_log_->start(std::move(durable));
    if (!state_.initialised() || !cluster_log_->raft().configuration().members.empty()) return;
    // A file of the time before there were members: it was a cluster of one, and stays one.
    cluster_log_->become_sole_voter(self_as_member(), [this](const Result<void>& done) {
        if (done) return log_.info("the data directory was made fit for more than one node");
        log_.error("the first member of the cluster could not be written down",
                   {{"reason", done.error().message}});
        hooks_.on_fatal(done.error());
    });
}

/// Errors: the address is taken, or the certificate cannot be used.
Result<void> Node::start_transport() {
    if (!has_identity()) return {};
    if (!boot_is_durable_) {
        confirm_boot();
        return {};
    }
    if (auto leases = start_leases(); !leases) return leases;
    auto contexts = make_peer_contexts(pki_);
    if (!contexts) return fail(contexts.error());
    if (auto listening = transport_->listen(config_.cluster_listen, std::move(*contexts));
        !listening)
        return listening;
    on_cluster_change();
    return {};
}

/// After a start on a full disk nobody may hear of this start before it is on the disk.
void Node::confirm_boot() {
    boot_timer_.expires_after(confirm_boot_again);
    boot_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        raft::Write write;
        write.hard_state = cluster_log_->raft().hard_state();
        storage_->write(std::move(write), [this](const Result<void>& written) {
            if (!written) return confirm_boot();
            boot_is_durable_ = true;
            if (auto started = start_transport(); !started) hooks_.on_fatal(started.error());
        });
    });
}

Transport::Callbacks Node::transport_callbacks() {
    return {.on_frame = [this](raft::RaftId from,
                               Frame frame) { cluster_log_->on_frame(from, std::move(frame)); },
            .on_link =
                [this](raft::RaftId peer, bool is_up) {
                    if (!is_up) cluster_log_->on_link_down(peer);
                },
            .check_peer =
                [this](raft::RaftId peer, const std::string& node, const raft::BootHistory& boots) {
                    return check_peer(peer, node, boots);
                },
            .cluster_id = [this] { return state_.cluster_id(); },
            .address = [this] { return self_as_member().address; },
            .on_introduction =
                [this](raft::RaftId peer, const raft::Member& member) {
                    if (cluster_log_->is_member() || introduced_.size() >= introduced_max) return;
                    introduced_[peer] = member;
                    on_cluster_change();
                },
            .on_lease_key = [this](raft::RaftId peer, LeaseKeyUse use,
                                   const LeaseKey& key) { on_lease_key(peer, use, key); }};
}

/// A disk that does not know the start that was last seen of it is an older copy: it has forgotten
/// votes and entries that it acknowledged, and must not take part (docs/internals/storage.md).
Result<void> Node::check_peer(raft::RaftId peer, const std::string& node,
                              const raft::BootHistory& boots) {
    raft::Boot& seen = seen_boots_[peer];
    const auto recorded = state_.boots().find(node);
    if (recorded != state_.boots().end() && recorded->second.raft_id == peer.value() &&
        recorded->second.number > seen.number)
        seen = {recorded->second.number, recorded->second.nonce};
    const auto newest = boots.newest();
    const bool is_old_copy = !newest || !raft::descends_from(boots, seen);
    if (!is_old_copy)
        old_copies_.erase(peer);
    else if (cluster_log_->raft().configuration().members.contains(peer))
        old_copies_.insert(peer);
    if (is_old_copy)
        return fail(
            ErrorCode::not_allowed,
            fmt::format("its data directory is an older copy: it does not know its own start {}. "
                        "It has forgotten what it promised, so take it out with 'lbctl cluster "
                        "remove {}', empty its data directory and join it again",
                        seen.number, node));
    if (newest->number > seen.number) seen = *newest;
    return {};
}

raft::Member Node::self_as_member() const {
    std::string host = config_.cluster_listen.address().to_string();
    if (config_.cluster_listen.address().is_unspecified()) {
        host = "127.0.0.1";  // a machine without any address can be a cluster of one
        for (const IpAddress address : host_addresses())
            if (state_.holders(address).empty()) {
                host = address.to_string();
                break;
            }
    }
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return {.role = raft::MemberRole::voter,
            .name = config_.node,
            .address = host + ":" + std::to_string(config_.cluster_listen.port())};
}

// ---- what changes -------------------------------------------------------------------------------

void Node::on_cluster_change() {
    const raft::Raft& raft = cluster_log_->raft();
    if (cluster_log_->is_member()) introduced_.clear();
    std::erase_if(old_copies_,
                  [&](raft::RaftId id) { return !raft.configuration().members.contains(id); });
    std::map<raft::RaftId, raft::Member> peers = introduced_;
    for (const auto& [id, member] : raft.configuration().members) peers[id] = member;
    if (transport_->is_listening()) transport_->set_peers(peers);
    set_lease_peers(peers);
    const raft::RaftId leader = raft.leader();
    if (leader != last_leader_) {
        last_leader_ = leader;
        const auto member = raft.configuration().members.find(leader);
        const std::string name =
            member == raft.configuration().members.end() ? "none" : member->second.name;
        log_.info("leader", {{"leader", name}, {"term", std::to_string(raft.term().value())}});
    }
    state_deadline_.reset();
    arm_state_timer();
    keep_registered();
}

/// An interface without a subnet serves nothing unless somebody names it; machines with
/// containers have hundreds of those, which come and go. Beyond what a node may tell of, the rest
/// is left out: 256 interfaces of 64 subnets.
bool Node::is_worth_telling(const NodeInterface& interface) const {
    const auto names = [&](const std::vector<std::string>& list) {
        return std::ranges::find(list, interface.name) != list.end();
    };
    return !interface.prefixes.empty() || names(config_.l2_interfaces) ||
           std::ranges::any_of(state_.l2_advertisements(), [&](const auto& entry) {
               return names(entry.second.object.interfaces);
           });
}

RegisterNode Node::self_registration() const {
    NodeFacts facts{.weight = config_.weight, .witness = config_.witness};
    if (interfaces_.told()) {
        auto& told = facts.interfaces.emplace();
        for (const NodeInterface& interface : *interfaces_.told()) {
            if (!is_worth_telling(interface) || told.size() == NodeFacts::interfaces_max) continue;
            told.push_back(interface);
            auto& prefixes = told.back().prefixes;
            prefixes.resize(std::min(prefixes.size(), NodeInterface::prefixes_max));
        }
    }
    return {config_.node, config_.labels, std::move(facts)};
}

void Node::on_interfaces(std::vector<NodeInterface> interfaces) {
    interfaces_.see(std::move(interfaces), boot_now());
    tell_interfaces();
}

void Node::tell_interfaces() {
    keep_registered();
    const auto deadline = interfaces_.next_deadline();
    if (!deadline || is_stopped_) {
        interfaces_timer_.cancel();
        return;
    }
    interfaces_timer_.expires_after(std::max(Duration{0}, *deadline - boot_now()));
    interfaces_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        interfaces_.on_time(boot_now());
        tell_interfaces();
    });
}

/// The cluster knows what this node is and its newest start, once it can be told.
void Node::keep_registered() {
    if (is_registering_ || is_stopped_ || !state_.initialised() || !cluster_log_->is_member() ||
        !interfaces_.told())
        return;
    std::vector<Action> actions;
    RegisterNode self = self_registration();
    Labels wanted = self.labels;
    wanted["kubernetes.io/hostname"] = config_.node;
    const auto node = state_.nodes().find(config_.node);
    if (node == state_.nodes().end() || node->second.object.labels != wanted ||
        node->second.object.facts != self.facts)
        actions.emplace_back(std::move(self));
    const raft::Boot boot = boots_.newest().value_or(raft::Boot{});
    const auto known = state_.boots().find(config_.node);
    if (known == state_.boots().end() || known->second.raft_id != raft_id_.value() ||
        known->second.number != boot.number || known->second.nonce != boot.nonce)
        actions.emplace_back(RecordBoot{config_.node, raft_id_.value(), boot.number, boot.nonce});
    if (actions.empty() || cluster_log_->raft().leader() == raft::RaftId{}) return;
    is_registering_ = true;
    propose_in_background(std::move(actions), "tell the cluster of this node",
                          [this](const Result<LogIndex>& done) {
                              is_registering_ = false;
                              if (done) return keep_registered();
                              if (done.error().code == ErrorCode::conflict) {
                                  old_copy_ = done.error().message;
                                  return;
                              }
                              register_timer_.expires_after(register_again);
                              register_timer_.async_wait([this](boost::system::error_code error) {
                                  if (!error) keep_registered();
                              });
                          });
}

void Node::propose_in_background(std::vector<Action> actions, std::string what,
                                 std::function<void(const Result<LogIndex>&)> done) {
    const Command command{.at = wall_now(), .actions = std::move(actions)};
    cluster_log_->propose(encode(command), [this, what = std::move(what),
                                            done = std::move(done)](Result<LogIndex> index) {
        const Result<LogIndex> outcome = index ? outcomes_.of(*index) : std::move(index);
        if (!outcome) log_.warning("could not " + what, {{"reason", outcome.error().message}});
        if (done) done(outcome);
    });
}

// ---- what people are shown ----------------------------------------------------------------------

api::ClusterView Node::cluster_view() const {
    const raft::Raft& raft = cluster_log_->raft();
    const raft::RaftId leader = raft.leader();
    api::ClusterView view;
    view.node = config_.node;
    view.term = raft.term().value();
    view.commit_index = raft.commit_index().value();
    view.applied_index = cluster_log_->applied_index().value();
    const Instant now = boot_now();
    for (const auto& [id, member] : raft.configuration().members) {
        api::MemberView shown;
        shown.node = member.name;
        shown.id = fmt::format("{:016x}", id.value());
        shown.votes = member.role == raft::MemberRole::voter;
        shown.address = member.address;
        shown.is_leader = id == leader;
        if (shown.is_leader) view.leader = member.name;
        if (const auto progress = raft.progress().find(id); progress != raft.progress().end()) {
            const raft::Progress& known = progress->second;
            shown.last_heard = std::chrono::duration_cast<std::chrono::milliseconds>(
                std::max(Duration{0}, now - known.last_heard));
            shown.match_index = known.match_index.value();
            shown.applied_index = known.applied_index.value();
            shown.has_lost_data = known.has_lost_data;
        } else if (id == raft_id_) {
            shown.applied_index = view.applied_index;
            if (shown.is_leader) {
                shown.last_heard = std::chrono::milliseconds{0};
                shown.match_index = raft.durable_index().value();
            }
        }
        if (old_copies_.contains(id)) shown.has_lost_data = true;
        view.members.push_back(std::move(shown));
    }
    if (leader == raft_id_) view.leader_api = api_address_;
    std::ranges::sort(view.members, {}, &api::MemberView::node);
    view.warnings = cluster_warnings();
    return view;
}

std::vector<std::string> Node::cluster_warnings() const {
    const raft::Raft& raft = cluster_log_->raft();
    const auto& members = raft.configuration().members;
    std::vector<std::string> warnings = transport_->refusals();
    if (old_copy_) warnings.push_back("the cluster does not take this node: " + *old_copy_);
    const std::size_t voters = raft.configuration().voters();
    if (voters > 0 && voters % 2 == 0)
        warnings.push_back(fmt::format(
            "{} voters are an even number, which bears no more failures than {}: promote one more "
            "node, or demote one",
            voters, voters - 1));
    if (!members.empty() && raft.leader() == raft::RaftId{})
        warnings.push_back(
            "no leader is known to this node: changes are refused until a majority "
            "of the voters can reach each other");
    for (const auto& [id, member] : members) {
        if (id == raft_id_) continue;
        if (const auto link = transport_->link(id); !link.is_up)
            warnings.push_back("no connection to node '" + member.name + "': " + link.problem);
        const auto progress = raft.progress().find(id);
        if (progress != raft.progress().end() && progress->second.has_lost_data)
            warnings.push_back(fmt::format(
                "node '{}' lacks what it had acknowledged: take it out with 'lbctl cluster remove "
                "{}', empty its data directory and join it again",
                member.name, member.name));
    }
    return warnings;
}

}  // namespace trivet::daemon
