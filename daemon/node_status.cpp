#include <algorithm>
#include <fmt/format.h>

#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The parts of Node that make it a cluster member and that tell how it fares.
namespace trivet::daemon {

namespace {

constexpr auto certificate_check_interval = std::chrono::hours{1};
constexpr auto space_check_interval = std::chrono::seconds{1};
constexpr auto announced_told_after = std::chrono::milliseconds{200};
constexpr std::size_t announced_told_max = 100;  // with an event each

std::string_view phase_text(announce::L2Phase phase) {
    switch (phase) {
        case announce::L2Phase::no_interface:
            return "no_interface";
        case announce::L2Phase::standby:
            return "standby";
        case announce::L2Phase::probing:
            return "probing";
        case announce::L2Phase::announced:
            return "announced";
        case announce::L2Phase::conflict:
            return "conflict";
    }
    return "no_interface";
}

}  // namespace

// ---- identity -----------------------------------------------------------------------------------

/// The node's name and addresses, without VIPs: those move away.
CertificateNames Node::certificate_names() const {
    CertificateNames names{.dns = {config_.node, "localhost"}, .addresses = {"127.0.0.1", "::1"}};
    for (const IpAddress address : host_addresses())
        if (state_.holders(address).empty()) names.addresses.push_back(address.to_string());
    return names;
}

Result<void> Node::check_certificate() {
    const CertificateNames names = certificate_names();
    auto due = pki_.node_certificate_is_due(names, wall_now());
    if (!due) return fail(due.error());
    if (!*due) return {};
    auto issued = pki_.issue_node_certificate(config_.node, names, wall_now());
    if (!issued) return issued;
    log_.info("certificate issued", {{"node", config_.node}});
    if (transport_->is_listening()) {
        auto contexts = make_peer_contexts(pki_);
        if (!contexts) return fail(contexts.error());
        transport_->use(std::move(*contexts));
    }
    hooks_.on_certificate();
    return {};
}

void Node::watch_certificate() {
    certificate_timer_.expires_after(certificate_check_interval);
    certificate_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        if (has_identity())
            if (auto checked = check_certificate(); !checked)
                log_.error("the certificate cannot be renewed",
                           {{"reason", checked.error().message}});
        watch_certificate();
    });
}

// ---- what happened ------------------------------------------------------------------------------

void Node::on_l2_status(IpAddress address, announce::L2Status status) {
    if (state_.holders(address).empty()) return;  // withdrawn while the report was on its way
    const auto before = l2_status_.find(address);
    const bool same_phase = before != l2_status_.end() && before->second.phase == status.phase;
    const bool was_conflict =
        before != l2_status_.end() && before->second.phase == announce::L2Phase::conflict;
    l2_status_[address] = status;
    if (same_phase) return;
    if (state_.lease_plan().owner(address) == state_.node_id(config_.node))
        changes_->note_local(state_, address);  // others look at what was committed
    switch (status.phase) {
        case announce::L2Phase::standby:
        case announce::L2Phase::probing:
            return;
        case announce::L2Phase::announced:
            if (was_conflict) report_troubles();
            announced_.emplace_back(address, fmt::format("{}", fmt::join(status.interfaces, ", ")));
            if (announced_.size() > 1) return;  // the timer runs
            announced_timer_.expires_after(announced_told_after);
            announced_timer_.async_wait([this](boost::system::error_code error) {
                if (!error) tell_announced();
            });
            return;
        case announce::L2Phase::conflict:
            log_.warning(
                "an address is used by a stranger; it is not answered until the stranger is gone",
                {{"address", address.to_string()},
                 {"mac", status.conflict_mac ? status.conflict_mac->to_string() : "?"}});
            return report_troubles();
        case announce::L2Phase::no_interface:
            return log_.warning("an address cannot be announced",
                                {{"address", address.to_string()}, {"reason", status.message}});
    }
}

/// After a take-over of thousands nobody reads a line for each, and to write them would take the
/// time that is needed to announce them.
void Node::tell_announced() {
    const auto announced = std::exchange(announced_, {});
    if (announced.size() > announced_told_max)
        return record(
            "vips_announced", "cluster",
            fmt::format("{} addresses are announced, {} on {} among them", announced.size(),
                        announced.front().first.to_string(), announced.front().second));
    for (const auto& [address, interfaces] : announced) {
        const auto holders = state_.holders(address);
        if (holders.empty()) continue;  // deleted meanwhile
        const ObjectKey key{Kind::vip, holders.front()->vip.name_space, holders.front()->vip.name};
        record("vip_announced", key.to_string(),
               fmt::format("{} is announced on {}", address.to_string(), interfaces));
    }
}

Result<void> Node::check_space() {
    auto space = space_.check(std::chrono::steady_clock::now(), store::DiskSpace::Freshness::now);
    if (space.has_value() == read_only_.has_value())
        on_read_only(space ? std::nullopt : std::optional(space.error().message));
    return space;
}

/// A disk that fills up is told of before somebody's change is refused, and when it heals.
void Node::watch_space() {
    space_timer_.expires_after(space_check_interval);
    space_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        if (auto space = check_space();
            !space && space.error().code != ErrorCode::insufficient_storage)
            log_.error("the data directory cannot be looked at",
                       {{"reason", space.error().message}});
        watch_space();
    });
}

void Node::on_read_only(std::optional<std::string> reason) {
    if (reason.has_value() == read_only_.has_value()) return;
    if (reason)
        log_.error("the disk is full: writes are refused, VIPs go on answering",
                   {{"reason", *reason}});
    else
        log_.info("the disk has space again: writes are accepted");
    read_only_ = std::move(reason);
    // Others may have room. Once only: when all are full, nobody passes it on for ever.
    if (read_only_) hand_over();
}

/// An event that this node alone saw; kept beside those of the log.
void Node::record(std::string type, std::string object, std::string message) {
    log_.info(message, {{"event", type}, {"object", object}});
    Event event{.index = 0,
                .at = wall_now(),
                .type = std::move(type),
                .object = std::move(object),
                .message = std::move(message)};
    storage_->save_applied(
        {.last_applied = cluster_log_->applied_index(), .rows = {}, .events = {std::move(event)}});
}

// ---- how it fares -------------------------------------------------------------------------------

std::optional<api::AddressRuntime> Node::address_runtime(IpAddress address) const {
    const auto it = l2_status_.find(address);
    if (it == l2_status_.end()) return std::nullopt;
    const announce::L2Status& status = it->second;
    return api::AddressRuntime{.phase = std::string(phase_text(status.phase)),
                               .interfaces = status.interfaces,
                               .conflict_mac = status.conflict_mac,
                               .message = status.message};
}

api::NodeRuntime Node::node_runtime() const {
    api::NodeRuntime runtime;
    runtime.node = config_.node;
    runtime.version = TRIVET_VERSION;
    runtime.api_address = api_address_;
    runtime.uptime =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_);
    runtime.read_only = read_only_;
    if (read_only_) runtime.warnings.push_back("writes are refused: " + *read_only_);
    for (const auto& [address, status] : l2_status_)
        if (status.phase == announce::L2Phase::conflict && runtime.warnings.size() < 20)
            runtime.warnings.push_back(
                address.to_string() + " is also used by " +
                (status.conflict_mac ? status.conflict_mac->to_string() : "a stranger"));
    if (announcer_) {
        const announce::L2Counters counters = announcer_->counters();
        runtime.counters = {
            {"arp_received", counters.arp_received},  {"arp_sent", counters.arp_sent},
            {"ndp_received", counters.ndp_received},  {"ndp_sent", counters.ndp_sent},
            {"l2_malformed", counters.malformed},     {"l2_conflicts", counters.conflicts},
            {"l2_send_errors", counters.send_errors}, {"l2_kernel_drops", counters.kernel_drops}};
    }
    runtime.failovers = failovers_;
    const store::Storage::Statistics stored = storage_->statistics();
    runtime.counters["store_transactions"] = stored.transactions;
    runtime.counters["store_entries"] = stored.entries;
    if (lease_) {
        const LeaseStatus leases = lease_->status();
        for (std::size_t i = 0; i < lease_counters; ++i)
            runtime.counters["lease_" + std::string(to_string(static_cast<LeaseCounter>(i)))] =
                leases.counters[i];
    }
    const raft::Raft& raft = cluster_log_->raft();
    runtime.gauges = {{"last_applied", static_cast<double>(state_.last_applied().value())},
                      {"read_only", read_only_ ? 1.0 : 0.0},
                      {"api_watchers", static_cast<double>(changes_->watchers())},
                      {"raft_term", static_cast<double>(raft.term().value())},
                      {"raft_commit_index", static_cast<double>(raft.commit_index().value())},
                      {"raft_last_index", static_cast<double>(raft.log().last_index().value())},
                      {"raft_is_leader", raft.is_leader() ? 1.0 : 0.0},
                      {"raft_has_leader", raft.leader() != raft::RaftId{} ? 1.0 : 0.0},
                      {"raft_voters", static_cast<double>(raft.configuration().voters())}};
    if (lease_) {
        const LeaseStatus leases = lease_->status();
        runtime.gauges["lease_open_groups"] = static_cast<double>(leases.open_groups);
        runtime.gauges["lease_held"] =
            leases.lease_deadline && *leases.lease_deadline > boot_now() ? 1.0 : 0.0;
    }
    for (std::string& warning : cluster_warnings()) runtime.warnings.push_back(std::move(warning));
    return runtime;
}

}  // namespace trivet::daemon
