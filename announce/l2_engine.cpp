#include "announce/l2_engine.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "announce/boot_clock.hpp"

namespace trivet::announce {

namespace {

constexpr std::chrono::seconds uplink_interval{10};  // as L2Service::Callbacks says
constexpr std::chrono::seconds tick_interval{
    1};  // design section 5: what was left behind, each second

// How much is reconciled before other events get their turn: an address costs some microseconds.
constexpr std::size_t addresses_per_turn = 1024;

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
      }) {}

Result<void> L2Engine::start() {
    auto bind = BindDelivery::open(
        {.proc_sys = "/proc/sys", .memory_file = memory_file_in(config_.state_dir)}, log_);
    if (!bind) return fail(bind.error());
    bind_ = std::move(*bind);
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

void L2Engine::perform(std::vector<Order> orders) {
    for (Order& order : orders) std::visit([this](auto& one) { take(std::move(one)); }, order);
    // Moves are judged when all is known: from one open group to another nothing changes.
    for (const IpAddress address : dirty_)
        if (!may_answer(address)) fall_silent(address);
    work();
}

void L2Engine::take(Plan plan) {
    Changes changes;
    for (const auto& [address, record] : records_)
        if (!plan.contains(address)) changes.emplace(address, std::nullopt);
    for (auto& [address, target] : plan) changes.emplace(address, std::move(target));
    has_plan_ = true;
    take(std::move(changes));
}

void L2Engine::take(Changes changes) {
    for (auto& [address, target] : changes) {
        const auto found = records_.find(address);
        const bool is_known = found != records_.end();
        if (is_known ? target == found->second.leased : !target) continue;
        dirty_.insert(address);
        if (is_known) groups_.leave(found->second.leased.group, address);
        if (!target) {
            records_.erase(found);
            watch_.forget(address);
            continue;
        }
        groups_.enter(target->group, address);
        Record& record = is_known ? found->second : records_[address];
        if (!record.was_claimed) record.kind = target->first_claim;
        record.leased = std::move(*target);
    }
}

void L2Engine::take(const Leases& states) {
    for (const auto& [group, open] : states) {
        if (!groups_.set_open(group, open)) continue;
        for (const IpAddress address : groups_.members(group)) {
            dirty_.insert(address);
            // At once, for it may be open again in a moment: then it is announced anew.
            if (!open) fall_silent(address);
        }
    }
}

void L2Engine::take(Bound addresses) {
    for (const IpAddress address : addresses)
        if (!bound_.contains(address)) dirty_.insert(address);
    for (const IpAddress address : bound_)
        if (!addresses.contains(address)) dirty_.insert(address);
    bound_ = std::move(addresses);
}

bool L2Engine::is_open(IpAddress address) const {
    const auto record = records_.find(address);
    return record != records_.end() && groups_.is_open(record->second.leased.group);
}

bool L2Engine::may_answer(IpAddress address) const {
    return is_open(address) && bind_->problem(address).empty();
}

void L2Engine::fall_silent(IpAddress address) {
    bool was_claimed = false;
    for (const auto& [index, port] : ports_) was_claimed |= port->stand_by(address);
    const auto record = records_.find(address);
    if (was_claimed && record != records_.end()) record->second.kind = ClaimKind::take_over;
}

void L2Engine::set_interfaces(std::vector<std::string> interfaces) {
    table_.set_only(std::move(interfaces));
    if (links_known_) on_links();
}

void L2Engine::shutdown() {
    has_plan_ = false;
    ports_.clear();  // nothing is answered from here on
    records_.clear();
    bound_.clear();
    dirty_.clear();
    bind_->withdraw();
    monitor_->close();
    timer_->close();
    tick_timer_->close();
}

void L2Engine::mark_all_dirty() {
    for (const auto& [address, record] : records_) dirty_.insert(address);
}

void L2Engine::work() {
    if (is_ready()) {
        // Frames before addresses of lo: those take the kernel longer.
        if (!dirty_.empty())
            reconcile(take_dirty());
        else if (bind_->has_work())
            bind_some();
        if (!dirty_.empty() || bind_->has_work()) {
            if (!std::exchange(is_work_posted_, true))
                boost::asio::post(executor_, [this] {
                    is_work_posted_ = false;
                    work();
                });
        } else if (!std::exchange(is_settled_, true)) {
            bind_->settle();
            bind_->check();
        }
    }
    after_events();
}

std::set<IpAddress> L2Engine::take_dirty() {
    if (dirty_.size() <= addresses_per_turn) return std::exchange(dirty_, {});
    std::set<IpAddress> taken;
    while (taken.size() < addresses_per_turn)
        taken.insert(taken.end(), dirty_.extract(dirty_.begin()));
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
    tell_interfaces();
    work();
}

void L2Engine::on_link(const LinkChange& change, Instant now) {
    const auto found = ports_.find(change.index);
    if (!change.state) {
        refused_.erase(change.index);
        if (found == ports_.end()) return;
        log_("info", change.name + " is not used for layer 2 any more");
        L2Counters last = found->second->counters();
        add(closed_, last);
        ports_.erase(found);
        return;
    }
    if (!may_use(change.index, change.name)) {
        refused_[change.index] = change;
        if (found != ports_.end()) ports_.erase(found);
        return;
    }
    refused_.erase(change.index);
    std::unique_ptr<L2Port>& port = ports_[change.index];
    if (!port)
        port = std::make_unique<L2Port>(
            executor_, change.index,
            L2Port::Handlers{
                .on_phase = [this](IpAddress address) { on_phase(address); },
                .on_seen = [this](IpAddress address, MacAddress mac) { on_seen(address, mac); },
                .after_events = [this] { after_events(); },
                .log = log_});
    log_("info",
         fmt::format("{} is {}, MAC {}{}", change.name, change.state->up ? "up" : "down",
                     change.state->mac.to_string(), change.reannounce ? ", announcing again" : ""));
    port->on_link(change, now);
}

/// Whoever has to stand between the interface and the network is there.
bool L2Engine::may_use(LinkIndex index, const std::string& name) {
    if (!callbacks_.on_uplink) return true;
    auto ready = callbacks_.on_uplink(index, name);
    if (ready) return true;
    if (!refused_.contains(index))
        log_("error", fmt::format("{} is not used: {}", name, ready.error().message));
    return false;
}

/// What may have been taken away is put back, and what was refused is tried again.
void L2Engine::check_uplinks(Instant now) {
    if (now < check_uplinks_at_) return;
    check_uplinks_at_ = now + uplink_interval;
    for (auto port = ports_.begin(); port != ports_.end();) {
        const auto here = port++;
        if (may_use(here->first, here->second->name())) continue;
        ports_.erase(here);
        mark_all_dirty();
    }
    const std::map<LinkIndex, LinkChange> refused = refused_;
    for (const auto& [index, change] : refused) on_link(change, now);
    if (refused_.size() != refused.size()) mark_all_dirty();
    tell_interfaces();
}

void L2Engine::tell_interfaces() {
    if (!callbacks_.on_interfaces) return;
    std::set<LinkIndex> refused;
    for (const auto& [index, change] : refused_) refused.insert(index);
    std::vector<NodeInterface> interfaces = table_.usable(refused);
    if (interfaces_told_ == interfaces) return;
    interfaces_told_ = interfaces;
    callbacks_.on_interfaces(std::move(interfaces));
}

void L2Engine::on_timer(Instant now) {
    for (const auto& [index, port] : ports_) port->on_timer(now);
    bind_->on_timer(now);
    if (bind_->has_work()) return work();
    after_events();
}

void L2Engine::on_tick(Instant now) {
    tick_timer_->arm(now + tick_interval);
    monitor_->on_tick();
    for (const auto& [index, port] : ports_) port->on_tick(now);
    check_uplinks(now);
    ask_owners(now);
    bind_->check();
    work();
}

void L2Engine::on_phase(IpAddress address) {
    const auto record = records_.find(address);
    if (record == records_.end()) return;
    for (const auto& [index, port] : ports_) {
        const auto phase = port->phase(address);
        if (phase && phase->phase == L2Phase::announced) record->second.kind = ClaimKind::take_over;
    }
    // A claim lets other addresses have their turn as well, so that it may be any address's.
    if (is_reconciling_)
        to_publish_.insert(address);
    else if (!dirty_.contains(address))  // otherwise reconcile() is about to
        publish(address);
}

void L2Engine::on_seen(IpAddress address, MacAddress mac) {
    if (!records_.contains(address) || is_open(address)) return;
    const Instant now = boot_now();
    watch_.watch(address);
    if (watch_.on_claim(address, mac, now) && callbacks_.on_seen)
        callbacks_.on_seen(address, mac, now);
}

void L2Engine::ask_owners(Instant now) {
    std::size_t sent = 0;
    for (const IpAddress address : watch_.take_questions(now))
        for (const auto& [index, port] : ports_)
            if (sent < OwnerWatch::questions_per_second && port->ask(address)) ++sent;
}

void L2Engine::reconcile(const std::set<IpAddress>& addresses) {
    const Instant now = boot_now();
    is_reconciling_ = true;
    const PortWork work = plan_ports(addresses, now);
    for (const auto& [index, released] : work.release) ports_.at(index)->release(released, now);
    for (const IpAddress address : addresses)
        if (!may_answer(address)) fall_silent(address);
    // A few are on lo before anybody sends them anything; with many the wait would be an outage of
    // those that are not bound, and of all the others.
    if (bind_->additions() > 0 && bind_->additions() <= BindDelivery::per_turn) bind_some();
    for (const auto& [index, armed] : work.arm) ports_.at(index)->arm(armed, now);
    for (const IpAddress address : addresses)
        if (may_answer(address)) claim(address, now);
    is_reconciling_ = false;
    for (const IpAddress address : addresses) publish(address);
    for (const IpAddress address : std::exchange(to_publish_, {}))
        if (!dirty_.contains(address)) publish(address);
}

L2Engine::PortWork L2Engine::plan_ports(const std::set<IpAddress>& addresses, Instant now) {
    PortWork work;
    const std::vector<LinkFacts> links = table_.facts();
    for (const IpAddress address : addresses) {
        const auto record = records_.find(address);
        std::vector<LinkIndex> wanted;
        if (record != records_.end()) {
            InterfaceMatch match = match_interfaces(address, record->second.leased.target, links);
            record->second.why_none = std::move(match.why_none);
            wanted = std::move(match.links);
        }
        for (const auto& [index, port] : ports_) {
            const bool is_wanted = std::ranges::find(wanted, index) != wanted.end();
            const bool is_armed = port->armed().contains(address);
            if (is_armed && !is_wanted) work.release[index].insert(address);
            if (is_wanted && !is_armed) work.arm[index].push_back(address);
        }
        const bool open = is_open(address);
        if (open || record == records_.end())
            watch_.forget(address);
        else
            watch_.watch(address);
        const bool is_leased =
            open && !wanted.empty() && record->second.leased.target.delivery == Delivery::bind;
        if (is_leased || bound_.contains(address))
            bind_->want(address);
        else
            bind_->give_up(address,
                           open ? BindDelivery::Ending::at_once : BindDelivery::Ending::lingering,
                           now);
    }
    return work;
}

void L2Engine::claim(IpAddress address, Instant now) {
    Record& record = records_.at(address);
    for (const auto& [index, port] : ports_) {
        if (!port->armed().contains(address)) continue;
        record.was_claimed = true;
        port->claim(address, record.kind, now);
    }
}

void L2Engine::bind_some() { dirty_.merge(bind_->work()); }

void L2Engine::publish(IpAddress address) {
    const auto found = records_.find(address);
    if (found == records_.end() || !is_ready()) return;
    std::vector<InterfacePhase> phases;
    // What is open and silent all the same does not stand by.
    const bool is_refused = is_open(address) && !may_answer(address);
    for (const auto& [index, port] : ports_)
        if (auto phase = is_refused ? std::nullopt : port->phase(address))
            phases.push_back(std::move(*phase));
    L2Status status = summarize(address, phases, notes_on(address, found->second, !phases.empty()));
    if (found->second.told == status) return;
    found->second.told = status;
    if (callbacks_.on_status) callbacks_.on_status(address, std::move(status));
}

std::vector<std::string> L2Engine::notes_on(IpAddress address, const Record& record,
                                            bool is_up) const {
    std::vector<std::string> notes;
    const std::string bind_problem = bind_->problem(address);
    if (!bind_problem.empty()) {
        notes.push_back(bind_problem);
    } else if (!is_up) {
        if (!record.why_none.empty()) notes.push_back(record.why_none);
        for (const auto& [index, port] : ports_)
            if (port->armed().contains(address) && !port->problem().empty())
                notes.push_back(port->problem());
    }
    const bool is_bound = record.leased.target.delivery == Delivery::bind;
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
    const auto lingering = bind_->next_deadline();
    if (lingering && (!next || *lingering < *next)) next = lingering;
    timer_->arm(next);
    const std::scoped_lock lock(counters_mutex_);
    counters_ = sum;
}

L2Counters L2Engine::counters() const {
    const std::scoped_lock lock(counters_mutex_);
    return counters_;
}

}  // namespace trivet::announce
