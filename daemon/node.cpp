#include "daemon/node.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/assert.hpp"
#include "daemon/host.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

/// Waits for an answer that comes through a callback. The callback may come from within the call;
/// the waiting coroutine always goes on from the executor, never from inside the callback.
template <class T, class Start>
asio::awaitable<Result<T>> answer_of(asio::any_io_executor executor, Start start) {
    return asio::async_initiate<decltype(asio::use_awaitable), void(Result<T>)>(
        [executor](auto handler, Start begin) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            begin([executor, shared](Result<T> result) {
                asio::post(executor, [shared, result = std::move(result)]() mutable {
                    (*shared)(std::move(result));
                });
            });
        },
        asio::use_awaitable, std::move(start));
}

}  // namespace

Node::Node(asio::io_context& io, Config config, Log& log, Hooks hooks)
    : io_(io),
      config_(std::move(config)),
      log_(log),
      hooks_(std::move(hooks)),
      pki_(config_.data_dir / "pki"),
      state_timer_(io),
      certificate_timer_(io),
      started_(std::chrono::steady_clock::now()) {}

// NOLINTNEXTLINE(bugprone-exception-escape): what cannot end in order ends the process
Node::~Node() { stop(); }

Result<void> Node::start() {
    if (auto opened = open_storage(); !opened) return opened;
    if (auto restored = restore_state(); !restored) return restored;
    if (state_.initialised()) {
        if (auto checked = check_certificate(); !checked) return checked;
        register_self();
    }
    if (auto announcing = start_announcer(); !announcing) return announcing;
    replan_all();
    arm_state_timer();
    watch_certificate();
    return {};
}

Result<void> Node::open_storage() {
    store::Storage::Options options;
    options.path = config_.data_dir / "lbd.sqlite";
    options.post = [this](std::function<void()> call) { asio::post(io_, std::move(call)); };
    options.on_read_only = [this](std::optional<std::string> reason) {
        on_read_only(std::move(reason));
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
    for (const auto& [key, record] : state_.vips()) vip_addresses_[key] = record.assigned;
    const LogIndex last_index = std::max(loaded.last_index, loaded.last_applied);
    replicated_log_ = std::make_unique<SingleNodeLog>(
        *storage_, SingleNodeLog::Start{.last_index = last_index, .term = loaded.term});
    replicated_log_->subscribe([this](const LogEntry& entry) { apply(entry); });
    for (const LogEntry& entry : loaded.entries) {
        if (auto decoded = decode_command(entry.payload); !decoded)
            return fail(
                ErrorCode::corrupt,
                fmt::format(
                    "log entry {} of {} cannot be read: {}; restore the database from a backup",
                    entry.index.value(), (config_.data_dir / "lbd.sqlite").string(),
                    decoded.error().message));
        apply(entry);
    }
    log_.info("state restored", {{"last_applied", std::to_string(state_.last_applied().value())},
                                 {"replayed", std::to_string(loaded.entries.size())},
                                 {"vips", std::to_string(state_.vips().size())}});
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
             }});
    if (!started) return fail(started.error());
    announcer_ = std::move(*started);
    return {};
}

void Node::withdraw() {
    if (announcer_) announcer_->stop();
}

void Node::stop() {
    withdraw();
    if (storage_) storage_->close();
    state_timer_.cancel();
    certificate_timer_.cancel();
}

void Node::reload(const Config& config) {
    const bool labels_changed = config.labels != config_.labels;
    if (config.l2_interfaces != config_.l2_interfaces && announcer_)
        announcer_->set_interfaces(config.l2_interfaces);
    config_.l2_interfaces = config.l2_interfaces;
    config_.labels = config.labels;
    log_.set_level(config.log_level);
    if (labels_changed && state_.initialised()) register_self();
    if (state_.initialised())
        if (auto checked = check_certificate(); !checked)
            log_.error("the certificate cannot be renewed", {{"reason", checked.error().message}});
}

// ---- the log ------------------------------------------------------------------------------------

void Node::apply(const LogEntry& entry) {
    auto command = decode_command(entry.payload);
    TRIVET_ASSERT(command.has_value());  // this program encoded it, and its checksum held
    Applied applied = state_.apply(entry.index, *command);
    if (!applied.result) {
        refused_[entry.index] = applied.result.error();
        // Only a proposer that waits takes its refusal out; those of a former run never do.
        while (refused_.size() > refusals_max) refused_.erase(refused_.begin());
    }
    if (applied.repeats) repeats_[entry.index] = *applied.repeats;
    while (repeats_.size() > refusals_max) repeats_.erase(repeats_.begin());
    store::AppliedBatch batch{
        .last_applied = entry.index, .rows = {}, .events = std::move(applied.events)};
    for (const std::string& key : applied.changed) batch.rows.push_back({key, state_.row(key)});
    for (const Event& event : batch.events)
        log_.debug(event.message, {{"event", event.type}, {"object", event.object}});
    storage_->save_applied(std::move(batch));
    follow(applied.changed);
}

void Node::follow(const std::vector<std::string>& changed) {
    bool everything = false;
    std::set<IpAddress> touched;
    for (const std::string& key : changed) {
        if (key.starts_with("vip/"))
            touch(key, touched);
        else if (!key.starts_with("released/") && !key.starts_with("meta/") &&
                 !key.starts_with(ClientTable::row_prefix) && !MembershipTable::has_row(key))
            everything = true;
    }
    if (announcer_ && everything)
        replan_all();
    else if (announcer_ && !touched.empty()) {
        std::map<IpAddress, std::optional<L2Target>> changes;
        for (const IpAddress address : touched)
            changes[address] = l2_target(state_, config_.node, address);
        forget_status(changes);
        announcer_->update(std::move(changes));
    }
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

void Node::replan_all() {
    std::map<IpAddress, L2Target> plan = l2_plan(state_, config_.node);
    std::erase_if(l2_status_, [&](const auto& entry) { return !plan.contains(entry.first); });
    announcer_->set_plan(std::move(plan));
}

void Node::forget_status(const std::map<IpAddress, std::optional<L2Target>>& changes) {
    for (const auto& [address, target] : changes)
        if (!target) l2_status_.erase(address);
}

void Node::propose_in_background(std::vector<Action> actions, std::string what) {
    const Command command{.at = wall_now(), .actions = std::move(actions)};
    replicated_log_->propose(
        encode(command), [this, what = std::move(what)](Result<LogIndex> done) {
            if (auto refused = done ? take_refusal(*done) : std::optional{done.error()})
                log_.warning("could not " + what, {{"reason", refused->message}});
        });
}

void Node::register_self() {
    const auto& nodes = state_.nodes();
    const auto it = nodes.find(config_.node);
    Labels wanted = config_.labels;
    wanted["kubernetes.io/hostname"] = config_.node;
    if (it != nodes.end() && it->second.object.labels == wanted) return;
    propose_in_background({RegisterNode{config_.node, config_.labels}},
                          "register this node's labels");
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
        propose_in_background({AdvanceTime{}}, "move the state's time on");
    });
}

std::optional<Error> Node::take_refusal(LogIndex index) {
    const auto it = refused_.find(index);
    if (it == refused_.end()) return std::nullopt;
    Error error = std::move(it->second);
    refused_.erase(it);
    return error;
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
        replicated_log_->propose(std::move(payload), [this, answer](Result<LogIndex> index) {
            if (!index) return answer(std::move(index));
            const auto repeated = repeats_.extract(*index);
            if (auto refused = take_refusal(*index)) return answer(fail(*refused));
            answer(repeated.empty() ? *index : repeated.mapped());
        });
    };
    return answer_of<LogIndex>(executor(), std::move(start));
}

asio::awaitable<Result<void>> Node::read_barrier() {
    auto start = [this](ReplicatedLog::ReadDone answer) {
        replicated_log_->read_barrier(std::move(answer));
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

}  // namespace trivet::daemon
