#include "tests/sim/lease/lease_node.hpp"

#include <algorithm>

namespace trivet::sim {

LeaseNode::LeaseNode(World& world, const PlanLog& log, NodeId id, double clock_rate,
                     Surroundings surroundings)
    : world_(world),
      log_(log),
      id_(id),
      clock_(clock_rate),
      surroundings_(std::move(surroundings)) {
    clock_.jump(world_.random().between(Duration{0}, std::chrono::hours{100}));
}

bool LeaseNode::is_open(IpAddress address) const {
    const auto group = gate_groups_.find(address);
    if (group == gate_groups_.end()) return false;
    const auto deadline = gate_deadlines_.find(group->second);
    return deadline != gate_deadlines_.end() && local() < deadline->second;
}

// ---- the process --------------------------------------------------------------------------------

void LeaseNode::start() {
    ++life_;
    gate_deadlines_.clear();  // H1: before anything is sent
    gate_groups_.clear();
    ++boots_;
    inbox_.clear();
    paused_until_ = adopted_at_ = {};
    viewed_ = {};
    groups_ = std::make_unique<lease::GroupTable>(id_);
    machine_ = std::make_unique<lease::Machine>(id_, lease::Boot(boots_), local(),
                                                static_cast<lease::Effects&>(*this));
    act();
}

void LeaseNode::kill() {
    ++life_;
    machine_.reset();
    groups_.reset();
    inbox_.clear();
}

void LeaseNode::power_off() {
    kill();
    gate_deadlines_.clear();
    gate_groups_.clear();
}

void LeaseNode::pause(Duration duration) {
    if (!runs()) return;
    paused_until_ = std::max(paused_until_, world_.now() + duration);
    world_.at(paused_until_, [this, life = life_] {
        if (life == life_ && !is_paused()) resume();
    });
}

void LeaseNode::resume() {
    // As the driver does: first everything that has arrived, only then suspicion.
    const std::vector<LeaseMessage> inbox = std::exchange(inbox_, {});
    machine_->on_stall(local());
    for (const LeaseMessage& message : inbox) {
        if (is_paused()) {
            inbox_.push_back(message);
            continue;
        }
        handle(message, local());
    }
    act();
}

void LeaseNode::release() {
    if (runs() && !is_paused()) machine_->release(local());
}

void LeaseNode::apply(LogIndex index) {
    if (index <= applied_) return;
    applied_ = index;
    act();
}

void LeaseNode::receive(LeaseMessage message) {
    if (!runs()) return;
    if (is_paused()) {
        if (inbox_.size() < 2000) inbox_.push_back(std::move(message));
        return;
    }
    handle(message, local());
    act();
}

void LeaseNode::handle(const LeaseMessage& message, Instant received) {
    if (const auto* renew = std::get_if<lease::Renew>(&message.body))
        machine_->on_renew(message.from, message.boot, *renew, received);
    else if (const auto* ack = std::get_if<lease::Ack>(&message.body))
        machine_->on_ack(message.from, *ack, received);
    else if (const auto* refuse = std::get_if<lease::Refuse>(&message.body))
        machine_->on_refuse(message.from, *refuse, received);
    else
        machine_->on_release(message.from, message.boot, std::get<lease::Release>(message.body),
                             received);
}

/// Whatever is due; each step may be interrupted by a stall of the process.
void LeaseNode::act() {
    if (!runs()) return;
    if (!is_paused() && viewed_ < applied_) take_view();
    if (!is_paused()) {
        const auto deadline = machine_->next_deadline();
        if (deadline && local() >= *deadline) machine_->on_timer(local());
    }
    arm();
}

void LeaseNode::arm() {
    if (!runs() || is_paused()) return;
    const auto deadline = machine_->next_deadline();
    if (!deadline) return;
    const Instant due =
        std::max(world_.now() + std::chrono::microseconds{1}, clock_.true_time(*deadline));
    world_.at(due, [this, timer = ++timer_, life = life_] {
        if (timer == timer_ && life == life_ && !is_paused()) act();
    });
}

void LeaseNode::take_view() {
    const auto state = log_.at(applied_);
    auto view = std::make_shared<lease::View>();
    view->index = state->index;
    view->profile = state->profile;
    view->configuration = state->configuration;
    view->configuration_before = state->configuration_before;
    view->voters = state->voters;
    if (world_.random().chance(0.1)) groups_->settle(state->plan);
    changes_ = groups_->update(state->plan, std::nullopt, [](IpAddress) { return false; }, *view);
    viewed_ = applied_;
    machine_->on_view(std::move(view), local());
}

// ---- its effects --------------------------------------------------------------------------------

void LeaseNode::set_deadline(lease::Group group, Instant until) noexcept {
    after_adopt([this, group, until] {
        gate_deadlines_[group] = until;
        tell_gates(group);
    });
}

/// What follows adopt() in one breath waits for it, and never comes when the process dies
/// meanwhile.
void LeaseNode::after_adopt(std::function<void()> effect) {
    if (world_.now() >= adopted_at_) return effect();
    world_.at(adopted_at_, [this, life = life_, effect = std::move(effect)] {
        if (life == life_) effect();
    });
}

void LeaseNode::adopt(const lease::View&) noexcept {
    // The kernel takes its time for many addresses, and the process stands still meanwhile. What is
    // sent before adopt() is on the wire already.
    const auto move = [this, changes = std::exchange(changes_, {})] {
        for (const IpAddress address : changes.erased) gate_groups_.erase(address);
        for (const auto& [address, group] : changes.set) {
            gate_groups_[address] = group;
            surroundings_.on_gate(*this, address);
        }
    };
    const Duration stall = adopt_time();
    adopted_at_ = world_.now() + stall;
    if (stall != Duration{0}) pause(stall + std::chrono::microseconds{1});
    after_adopt(move);
}

Duration LeaseNode::adopt_time() {
    if (adopt_time_) return *adopt_time_;
    Random& random = world_.random();
    if (!random.chance(0.1)) return {};
    return random.between(Duration{0}, std::chrono::milliseconds{150});
}

void LeaseNode::close_all(bool) noexcept {
    after_adopt([this] {
        for (auto& [group, deadline] : gate_deadlines_) deadline = {};
    });
}

void LeaseNode::tell_gates(lease::Group group) {
    for (const auto& [address, its_group] : gate_groups_)
        if (its_group == group) surroundings_.on_gate(*this, address);
}

void LeaseNode::say(LeaseMessage message) {
    after_adopt([this, message = std::move(message)] { surroundings_.send(message); });
}

void LeaseNode::send(NodeId to, const lease::Renew& renew) noexcept {
    say({id_, to, lease::Boot(boots_), renew});
}
void LeaseNode::send(NodeId to, const lease::Ack& ack) noexcept {
    say({id_, to, lease::Boot(boots_), ack});
}
void LeaseNode::send(NodeId to, const lease::Refuse& refuse) noexcept {
    say({id_, to, lease::Boot(boots_), refuse});
}
void LeaseNode::send(NodeId to, const lease::Release& release) noexcept {
    say({id_, to, lease::Boot(boots_), release});
}
void LeaseNode::on_fenced(NodeId node, Epoch epoch, Duration) noexcept {
    surroundings_.on_fenced(node, epoch);
}
void LeaseNode::on_admission_wanted(Epoch seen) noexcept {
    surroundings_.on_admission_wanted(id_, seen);
}

}  // namespace trivet::sim
