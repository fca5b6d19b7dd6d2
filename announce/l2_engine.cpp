#include "announce/l2_engine.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "announce/boot_clock.hpp"

namespace trivet::announce {

namespace {

constexpr std::chrono::seconds tick_interval{
    1};  // design section 5: what was left behind, each second

// How much is reconciled before other events get their turn. An address costs some microseconds;
// one on lo is a system call that takes the kernel the longer the more there are (among 10,000: 0.2
// to 0.4 ms to add, up to 1.4 ms to remove), so 32 of them at a time.
constexpr std::size_t work_cost_max = 1024, bind_cost = 32;

std::string memory_file_in(const std::string& state_dir) {
    return state_dir.empty() ? "" : state_dir + "/arp-sysctls.json";
}

void add(L2Counters& sum, const L2Counters& more) {
    sum.arp_received += more.arp_received;
    sum.arp_sent += more.arp_sent;
    sum.ndp_received += more.ndp_received;
    sum.ndp_sent += more.ndp_sent;
    sum.malformed += more.malformed;
    sum.conflicts += more.conflicts;
    sum.send_errors += more.send_errors;
    sum.kernel_drops += more.kernel_drops;
}

}  // namespace

L2Engine::L2Engine(boost::asio::any_io_executor executor, L2Service::Config config,
                   L2Service::Callbacks callbacks)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      callbacks_(std::move(callbacks)),
      table_({.only = config_.interfaces, .own_protocol = bound_address_protocol}),
      log_([this](std::string level, std::string message) {
          if (callbacks_.on_log) callbacks_.on_log(std::move(level), std::move(message));
      }),
      sysctls_({.proc_sys = "/proc/sys", .memory_file = memory_file_in(config_.state_dir)}, log_) {}

Result<void> L2Engine::start() {
    auto bound = BoundAddresses::open(log_);
    if (!bound) return fail(bound.error());
    bound_ = std::move(*bound);
    auto timer = BootTimer::open(executor_, [this](Instant now) { on_timer(now); });
    auto tick_timer = BootTimer::open(executor_, [this](Instant now) { on_tick(now); });
    if (!timer || !tick_timer) return fail((timer ? tick_timer : timer).error());
    timer_ = std::move(*timer);
    tick_timer_ = std::move(*tick_timer);
    tick_timer_->arm(boot_now() + tick_interval);
    auto monitor =
        LinkMonitor::open(executor_, table_, {.on_events = [this] { on_links(); }, .log = log_});
    if (!monitor) return fail(monitor.error());
    monitor_ = std::move(*monitor);
    return {};
}

void L2Engine::set_plan(Plan plan) {
    Changes changes;
    for (const auto& [address, record] : records_)
        if (!plan.contains(address)) changes.emplace(address, std::nullopt);
    for (auto& [address, target] : plan) changes.emplace(address, std::move(target));
    const bool is_first = !std::exchange(has_plan_, true);
    change_records(std::move(changes), is_first ? ClaimKind::take_over : ClaimKind::planned);
    work();
}

void L2Engine::update(Changes changes) {
    change_records(std::move(changes), ClaimKind::planned);
    work();
}

void L2Engine::change_records(Changes changes, ClaimKind kind) {
    for (auto& [address, target] : changes) {
        if (!target) {
            if (records_.erase(address) != 0) dirty_.insert(address);
            continue;
        }
        const auto [entry, is_new] = records_.try_emplace(address);
        Record& record = entry->second;
        if (!is_new && record.target == *target) continue;
        if (is_new) record.kind = kind;
        record.target = std::move(*target);
        dirty_.insert(address);
    }
}

void L2Engine::set_interfaces(std::vector<std::string> interfaces) {
    table_.set_only(std::move(interfaces));
    if (links_known_) on_links();
}

void L2Engine::shutdown() {
    has_plan_ = false;
    ports_.clear();  // nothing is answered from here on
    records_.clear();
    dirty_.clear();
    bound_->drop_all();
    if (reconcile_loopback()) sysctls_.restore();
    monitor_->close();
    timer_->close();
    tick_timer_->close();
}

void L2Engine::mark_all_dirty() {
    for (const auto& [address, record] : records_) dirty_.insert(address);
}

void L2Engine::work() {
    if (is_ready()) {
        reconcile(take_dirty());
        if (!dirty_.empty()) {
            if (!std::exchange(is_work_posted_, true))
                boost::asio::post(executor_, [this] {
                    is_work_posted_ = false;
                    work();
                });
        } else if (!std::exchange(is_settled_, true)) {
            check_bound_addresses();
        }
    }
    after_events();
}

std::set<IpAddress> L2Engine::take_dirty() {
    std::set<IpAddress> taken;
    for (std::size_t cost = 0; !dirty_.empty() && cost < work_cost_max;) {
        auto node = dirty_.extract(dirty_.begin());
        const auto record = records_.find(node.value());
        const bool is_bind =
            to_bind_.contains(node.value()) ||
            (record != records_.end() && record->second.target.delivery == Delivery::bind);
        cost += is_bind ? bind_cost : 1;
        taken.insert(taken.end(), std::move(node));
    }
    return taken;
}

void L2Engine::on_links() {
    const Instant now = boot_now();
    const std::vector<LinkChange> changes = table_.take_changes();
    const bool foreign_changed =
        std::exchange(foreign_revision_, table_.foreign_revision()) != table_.foreign_revision();
    if (foreign_changed) foreign_ = table_.foreign_addresses();
    if (!std::exchange(links_known_, true) || !changes.empty() || foreign_changed) mark_all_dirty();
    for (const LinkChange& change : changes) on_link(change, now);
    work();
}

void L2Engine::on_link(const LinkChange& change, Instant now) {
    const auto found = ports_.find(change.index);
    if (!change.state) {
        if (found == ports_.end()) return;
        log_("info", change.name + " is not used for layer 2 any more");
        L2Counters last = found->second->counters();
        add(closed_, last);
        ports_.erase(found);
        return;
    }
    std::unique_ptr<L2Port>& port = ports_[change.index];
    if (!port)
        port = std::make_unique<L2Port>(
            executor_, change.index,
            L2Port::Handlers{.on_phase = [this](IpAddress address) { on_phase(address); },
                             .after_events = [this] { after_events(); },
                             .log = log_});
    log_("info",
         fmt::format("{} is {}, MAC {}{}", change.name, change.state->up ? "up" : "down",
                     change.state->mac.to_string(), change.reannounce ? ", announcing again" : ""));
    port->on_link(change, now);
}

void L2Engine::on_timer(Instant now) {
    for (const auto& [index, port] : ports_) port->on_timer(now);
    after_events();
}

void L2Engine::on_tick(Instant now) {
    tick_timer_->arm(now + tick_interval);
    monitor_->on_tick();
    for (const auto& [index, port] : ports_) port->on_tick(now);
    if (is_settled_) check_bound_addresses();
    work();
}

void L2Engine::on_phase(IpAddress address) {
    const auto record = records_.find(address);
    if (record == records_.end()) return;
    for (const auto& [index, port] : ports_) {
        const auto phase = port->phase(address);
        if (phase && phase->phase == L2Phase::announced) record->second.kind = ClaimKind::take_over;
    }
    if (!dirty_.contains(address)) publish(address);  // otherwise reconcile() is about to
}

void L2Engine::reconcile(const std::set<IpAddress>& addresses) {
    if (addresses.empty()) return;
    const Instant now = boot_now();
    PortWork work = plan_ports(addresses);
    for (const auto& [index, released] : work.release) ports_.at(index)->release(released, now);
    bind(addresses, work);
    for (const auto& [index, claims] : work.claim) ports_.at(index)->claim(claims, now);
    for (const IpAddress address : addresses) publish(address);
}

L2Engine::PortWork L2Engine::plan_ports(const std::set<IpAddress>& addresses) {
    PortWork work;
    const std::vector<LinkFacts> links = table_.facts();
    for (const IpAddress address : addresses) {
        const auto record = records_.find(address);
        std::vector<LinkIndex> wanted;
        if (record != records_.end()) {
            InterfaceMatch match = match_interfaces(address, record->second.target, links);
            record->second.why_none = std::move(match.why_none);
            wanted = std::move(match.links);
        }
        for (const auto& [index, port] : ports_) {
            const bool is_wanted = std::ranges::find(wanted, index) != wanted.end();
            const bool is_claimed = port->claimed().contains(address);
            if (is_claimed && !is_wanted) work.release[index].insert(address);
            if (is_wanted && !is_claimed) work.claim[index].emplace(address, record->second.kind);
        }
        const bool is_bound = record != records_.end() && !wanted.empty() &&
                              record->second.target.delivery == Delivery::bind;
        if (is_bound)
            to_bind_.insert(address);
        else
            to_bind_.erase(address);
    }
    return work;
}

void L2Engine::bind(const std::set<IpAddress>& addresses, PortWork& work) {
    const bool needs_quiet = std::ranges::any_of(to_bind_, &IpAddress::is_v4);
    if (needs_quiet) {
        auto quiet = sysctls_.ensure();
        sysctl_problem_ = quiet ? "" : quiet.error().message;
    }
    for (const IpAddress address : addresses) {
        const auto record = records_.find(address);
        if (record != records_.end()) record->second.bind_problem.clear();
        if (!to_bind_.contains(address)) {
            bound_->drop(address);
            continue;
        }
        // Without the settings the kernel would answer for it on every interface.
        const bool is_safe = !address.is_v4() || sysctl_problem_.empty();
        auto added = is_safe ? bound_->add(address) : fail(ErrorCode::not_allowed, sysctl_problem_);
        if (added) continue;
        record->second.bind_problem = added.error().message;
        for (auto& [index, claims] : work.claim) claims.erase(address);
    }
    if (!is_settled_) return;
    const bool restores = !needs_quiet && sysctls_.has_changes();
    if (!bound_->has_dropped() && !restores) return;
    // The settings last: while an address is on lo, the kernel must not answer for it.
    if (reconcile_loopback() && restores) sysctls_.restore();
}

void L2Engine::check_bound_addresses() {
    for (const IpAddress address : to_bind_)
        if (!records_.at(address).bind_problem.empty()) dirty_.insert(address);
    const bool needs_quiet = std::ranges::any_of(to_bind_, &IpAddress::is_v4);
    if (needs_quiet) {
        auto quiet = sysctls_.ensure();
        const std::string problem = quiet ? "" : quiet.error().message;
        if (problem != sysctl_problem_) dirty_.insert(to_bind_.begin(), to_bind_.end());
    }
    if (reconcile_loopback() && !needs_quiet) sysctls_.restore();
}

bool L2Engine::reconcile_loopback() {
    auto failures = bound_->reconcile();
    if (!failures) {
        log_("error", failures.error().message);
        return false;
    }
    for (const auto& [address, error] : *failures) log_("error", error.message);
    return failures->empty();
}

void L2Engine::publish(IpAddress address) {
    const auto found = records_.find(address);
    if (found == records_.end() || !is_ready()) return;
    std::vector<InterfacePhase> phases;
    for (const auto& [index, port] : ports_)
        if (auto phase = port->phase(address)) phases.push_back(std::move(*phase));
    L2Status status = summarize(address, phases, notes_on(address, found->second, !phases.empty()));
    if (found->second.told == status) return;
    found->second.told = status;
    if (callbacks_.on_status) callbacks_.on_status(address, std::move(status));
}

std::vector<std::string> L2Engine::notes_on(IpAddress address, const Record& record,
                                            bool is_up) const {
    std::vector<std::string> notes;
    if (!record.bind_problem.empty()) {
        notes.push_back(record.bind_problem);
    } else if (!is_up) {
        if (!record.why_none.empty()) notes.push_back(record.why_none);
        for (const auto& [index, port] : ports_)
            if (port->claimed().contains(address) && !port->problem().empty())
                notes.push_back(port->problem());
    }
    const bool is_bound = record.target.delivery == Delivery::bind;
    const auto [first, last] = foreign_.equal_range(address);
    for (auto holder = first; holder != last; ++holder) {
        // Without bind it is the user's own affair whether the address is on lo.
        if (holder->second == "lo" && !is_bound) continue;
        notes.push_back(
            fmt::format("{} is also an address of {}, put there by something else, and left alone; "
                        "remove it there: ip address del {} dev {}",
                        address.to_string(), holder->second, address.to_string(), holder->second));
    }
    return notes;
}

bool L2Engine::is_ready() const { return has_plan_ && links_known_; }

void L2Engine::after_events() {
    std::optional<Instant> next;
    L2Counters sum = closed_;
    for (const auto& [index, port] : ports_) {
        const auto deadline = port->next_deadline();
        if (deadline && (!next || *deadline < *next)) next = deadline;
        add(sum, port->counters());
    }
    timer_->arm(next);
    const std::scoped_lock lock(counters_mutex_);
    counters_ = sum;
}

L2Counters L2Engine::counters() const {
    const std::scoped_lock lock(counters_mutex_);
    return counters_;
}

}  // namespace trivet::announce
