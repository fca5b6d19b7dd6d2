#include "daemon/node.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/assert.hpp"
#include "core/raft/configuration_codec.hpp"
#include "core/state_snapshot.hpp"
#include "daemon/answer_of.hpp"
#include "daemon/host.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;

Node::Node(asio::io_context& io, Config config, Log& log, Hooks hooks)
    : io_(io),
      config_(std::move(config)),
      log_(log),
      hooks_(std::move(hooks)),
      pki_(config_.data_dir / "pki"),
      space_(config_.data_dir, store::Storage::Options{}.free_bytes_min),
      state_timer_(io),
      certificate_timer_(io),
      register_timer_(io),
      boot_timer_(io),
      space_timer_(io),
      settle_timer_(io),
      admission_timer_(io),
      interfaces_timer_(io),
      trouble_timer_(io),
      announced_timer_(io),
      bgp_timer_(io),
      drain_timer_(io),
      started_(std::chrono::steady_clock::now()) {}

// NOLINTNEXTLINE(bugprone-exception-escape): what cannot end in order ends the process
Node::~Node() { stop(); }

Result<void> Node::start() {
    if (auto opened = open_storage(); !opened) return opened;
    if (auto restored = restore_state(); !restored) return restored;
    if (has_identity())
        if (auto checked = check_certificate(); !checked) return checked;
    if (auto opened = open_gate(); !opened) return opened;
    if (auto announcing = start_announcer(); !announcing) return announcing;
    look_at_boot();
    plan_bgp();  // before the first plan of layer 2, after which what is left on lo is stale
    announcer_->set_plan({});
    replan_all();
    arm_state_timer();
    watch_certificate();
    watch_space();
    watch_troubles();
    return start_transport();
}

Result<void> Node::open_storage() {
    store::Storage::Options options;
    options.path = config_.data_dir / "lbd.sqlite";
    options.post = [this](std::function<void()> call) { asio::post(io_, std::move(call)); };
    options.on_read_only = [this](std::optional<std::string> reason) {
        on_read_only(std::move(reason));
    };
    options.log_keep = std::nullopt;  // Raft compacts
    options.on_applied = [this](LogIndex index) {
        if (cluster_log_) cluster_log_->on_applied(index);
    };
    options.on_fatal = [this](Error error) {
        log_.error("the database failed", {{"reason", error.message}});
        hooks_.on_fatal(std::move(error));
    };
    auto opened = store::Storage::open(std::move(options));
    if (!opened) return fail(opened.error());
    storage_ = std::move(*opened);
    return {};
}

Result<void> Node::restore_state() {
    store::Loaded loaded = storage_->take_loaded();
    auto restored = ClusterState::restore(loaded.rows, loaded.last_applied);
    if (!restored) return fail(restored.error());
    state_ = std::move(*restored);
    changes_->restart(state_);
    for (const auto& [key, record] : state_.vips()) vip_addresses_[key] = record.assigned;
    for (const LogEntry& entry : loaded.entries) {
        if (entry.kind != EntryKind::command) continue;
        if (auto decoded = decode_command(entry.payload); !decoded)
            return fail(
                ErrorCode::corrupt,
                fmt::format(
                    "log entry {} of {} cannot be read: {}; restore the database from a backup",
                    entry.index.value(), (config_.data_dir / "lbd.sqlite").string(),
                    decoded.error().message));
    }
    log_.info("state restored", {{"last_applied", std::to_string(loaded.last_applied.value())},
                                 {"last_index", std::to_string(loaded.last_index.value())},
                                 {"vips", std::to_string(state_.vips().size())}});
    raft_id_ = loaded.raft_id;
    boots_ = loaded.boots;
    boot_is_durable_ = loaded.boot_is_durable;
    start_cluster_log(store::take_durable_state(loaded));
    return {};
}

Result<void> Node::start_announcer() {
    auto started = announce::L2Service::start(
        {.interfaces = config_.l2_interfaces, .state_dir = config_.data_dir.string()},
        {.on_status =
             [this](IpAddress address, announce::L2Status status) {
                 asio::post(io_, [this, address, status = std::move(status)] {
                     on_l2_status(address, status);
                 });
             },
         .on_log =
             [this](std::string level, std::string message) {
                 log_.write(parse_log_level(level).value_or(LogLevel::warning), message,
                            {{"part", "l2"}});
             },
         .on_seen =
             [this](IpAddress address, MacAddress mac, Instant at) {
                 asio::post(io_, [this, address, mac, at] { on_seen(address, mac, at); });
             },
         .on_uplink = [this](std::uint32_t index,
                             const std::string&) { return gate_->attach(index); },
         .on_interfaces =
             [this](std::vector<NodeInterface> interfaces) {
                 asio::post(io_, [this, interfaces = std::move(interfaces)]() mutable {
                     on_interfaces(std::move(interfaces));
                 });
             }});
    if (!started) return fail(started.error());
    announcer_ = std::move(*started);
    return {};
}

void Node::withdraw() {
    release_leases();
    if (bgp_) bgp_->stop();
    if (relay_) relay_->stop();
    if (announcer_) announcer_->stop();
}

void Node::stop() {
    is_stopped_ = true;
    withdraw();
    if (bfd_) bfd_->stop();
    if (lease_) lease_->stop();
    if (transport_) transport_->stop();
    if (cluster_log_) cluster_log_->stop();
    if (storage_) storage_->close();
    state_timer_.cancel();
    certificate_timer_.cancel();
    register_timer_.cancel();
    boot_timer_.cancel();
    space_timer_.cancel();
    settle_timer_.cancel();
    admission_timer_.cancel();
    interfaces_timer_.cancel();
    trouble_timer_.cancel();
    announced_timer_.cancel();
    bgp_timer_.cancel();
    drain_timer_.cancel();
}

void Node::reload(const Config& config) {
    if (config.l2_interfaces != config_.l2_interfaces && announcer_)
        announcer_->set_interfaces(config.l2_interfaces);
    config_.l2_interfaces = config.l2_interfaces;
    config_.labels = config.labels;
    config_.weight = config.weight;
    config_.witness = config.witness;
    log_.set_level(config.log_level);
    keep_registered();
    if (has_identity())
        if (auto checked = check_certificate(); !checked)
            log_.error("the certificate cannot be renewed", {{"reason", checked.error().message}});
}

// ---- the log ------------------------------------------------------------------------------------

void Node::apply(const LogEntry& entry) {
    store::AppliedBatch batch{.last_applied = entry.index, .rows = {}, .events = {}};
    if (entry.kind == EntryKind::configuration) return apply_configuration(entry);
    if (entry.kind != EntryKind::command) return storage_->save_applied(std::move(batch));
    auto command = decode_command(entry.payload);
    TRIVET_ASSERT(command.has_value());  // its proposer encoded it, and its checksum held
    Applied applied = state_.apply(entry.index, *command);
    outcomes_.note(entry.index, applied);
    follow(applied.changed);  // first: VIPs wait for it, and rows take their time
    batch.events = std::move(applied.events);
    for (const std::string& key : applied.changed) batch.rows.push_back({key, state_.row(key)});
    changes_->note(state_, applied.changed);
    for (const Event& event : batch.events)
        log_.debug(event.message, {{"event", event.type}, {"object", event.object}});
    storage_->save_applied(std::move(batch));
}

/// Leases date their renewals with the change of the voters that was applied last (rule V3).
void Node::apply_configuration(const LogEntry& entry) {
    store::AppliedBatch batch{.last_applied = entry.index, .rows = {}, .events = {}};
    auto configuration = raft::decode_configuration(entry.payload);
    TRIVET_ASSERT(configuration.has_value());  // Raft has decoded it before
    const bool changed = state_.apply_voters(entry.index, voters_of(*configuration));
    const std::string key(VoterTable::row_key);
    if (changed) batch.rows.push_back({key, state_.row(key)});
    storage_->save_applied(std::move(batch));
    if (changed) follow({key});
}

/// The state of a node that was too far behind; the storage has it already.
void Node::take_snapshot(const raft::Snapshot& snapshot) {
    auto rows = decode_snapshot(*snapshot.data);
    TRIVET_ASSERT(rows.has_value());  // the storage has read it before
    auto restored = ClusterState::restore(*rows, snapshot.base.index);
    if (!restored) {
        log_.error("the leader's snapshot cannot be used", {{"reason", restored.error().message}});
        return hooks_.on_fatal(restored.error());
    }
    state_ = std::move(*restored);
    changes_->restart(state_);
    outcomes_.skip_to(snapshot.base.index);
    vip_addresses_.clear();
    for (const auto& [key, record] : state_.vips()) vip_addresses_[key] = record.assigned;
    log_.info("state taken over from a snapshot",
              {{"last_applied", std::to_string(snapshot.base.index.value())}});
    replan_all();
    plan_bgp_soon();
    arm_state_timer();
}

void Node::follow(const std::vector<std::string>& changed) {
    bool everything = false, leases = false, advertisements = false;
    std::set<IpAddress> touched;
    for (const std::string& key : changed) {
        if (key.starts_with("vip/")) {
            touch(key, touched);
        } else if (LeaseTable::has_row(key)) {
            leases = true;
            if (const auto address = LeaseTable::address_in(key)) touched.insert(*address);
        } else if (key == VoterTable::row_key) {
            leases = true;
        } else if (TroubleTable::has_row(key)) {
            continue;  // told to people, and no part of any plan
        } else if (!key.starts_with("released/") && !key.starts_with("meta/") &&
                   !key.starts_with(ClientTable::row_prefix) && !MembershipTable::has_row(key) &&
                   !TokenTable::has_row(key)) {
            everything = true;
            advertisements = advertisements || key.starts_with("l2-advertisement/");
        }
    }
    if (everything)
        replan_all();
    else if (leases || !touched.empty())
        replan(touched);
    if (everything || !touched.empty()) plan_bgp_soon();
    if (advertisements) keep_registered();  // it may name interfaces that were not worth telling
    arm_state_timer();
}

/// Adds the addresses that the VIP of a changed row had before and has now.
void Node::touch(const std::string& row_key, std::set<IpAddress>& touched) {
    const std::size_t slash = row_key.find('/', 4);
    const ObjectKey key{Kind::vip, row_key.substr(4, slash - 4), row_key.substr(slash + 1)};
    std::vector<IpAddress>& known = vip_addresses_[key];
    touched.insert(known.begin(), known.end());
    const VipRecord* record = state_.find_vip(key.name_space, key.name);
    known = record == nullptr ? std::vector<IpAddress>{} : record->assigned;
    touched.insert(known.begin(), known.end());
    if (record == nullptr) vip_addresses_.erase(key);
}

void Node::arm_state_timer() {
    const auto deadline = state_.next_deadline();
    if (deadline == state_deadline_) return;
    state_deadline_ = deadline;
    if (!deadline) {
        state_timer_.cancel();
        return;
    }
    state_timer_.expires_at(*deadline);
    state_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        state_deadline_.reset();
        // The others have the same timer; one is enough, and a new leader sets its own anew.
        if (cluster_log_->raft().is_leader())
            propose_in_background({AdvanceTime{}}, "move the state's time on");
    });
}

// These three are no coroutines themselves: g++ 12 destroys captures of a lambda twice when the
// lambda is made inside a co_await expression (GCC bug 99576 and its kin).

asio::awaitable<Result<LogIndex>> Node::propose(api::Proposal proposal) {
    Command command{.at = wall_now(), .actions = std::move(proposal.actions)};
    if (!proposal.idempotency_key.empty())
        command.request =
            RequestId{std::move(proposal.idempotency_key), 1, fingerprint_of(command.actions)};
    std::string payload = encode(command);
    auto start = [this, payload = std::move(payload)](ReplicatedLog::ProposeDone answer) mutable {
        cluster_log_->propose(std::move(payload), [this, answer](Result<LogIndex> index) {
            answer(index ? outcomes_.of(*index) : std::move(index));
        });
    };
    return answer_of<LogIndex>(executor(), std::move(start));
}

asio::awaitable<Result<void>> Node::read_barrier() {
    auto start = [this](ReplicatedLog::ReadDone answer) {
        cluster_log_->read_barrier(std::move(answer));
    };
    return answer_of<void>(executor(), std::move(start));
}

asio::awaitable<Result<std::vector<Event>>> Node::events(std::size_t limit,
                                                         std::optional<std::string> object) {
    auto start = [this, limit, object = std::move(object)](auto answer) {
        storage_->read_events(limit, object, std::move(answer));
    };
    return answer_of<std::vector<Event>>(executor(), std::move(start));
}

/// Errors: unavailable, the node stops.
asio::awaitable<Result<void>> Node::pause(std::chrono::milliseconds duration) {
    asio::steady_timer timer(io_, duration);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (is_stopped_) co_return fail(ErrorCode::unavailable, "this node stops");
    co_return Result<void>{};
}

}  // namespace trivet::daemon
