#include "tests/sim/lease/lease_world.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "tests/sim/violation.hpp"

namespace trivet::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// P4.
constexpr Duration voter_spacing = lease::promise_max * 34 / 10;
// Whoever asks for the same again is not heard for so long.
constexpr Duration ask_again = milliseconds{50};

}  // namespace

IpAddress lease_address(std::size_t n) {
    return IpAddress::parse(fmt::format("192.0.2.{}", n + 1)).value();
}

LeaseCounts& LeaseCounts::operator+=(const LeaseCounts& other) {
    runs += other.runs;
    opens += other.opens;
    moves += other.moves;
    fences += other.fences;
    admissions += other.admissions;
    plans += other.plans;
    crashes += other.crashes;
    pauses += other.pauses;
    voter_changes += other.voter_changes;
    digest ^= other.digest;
    return *this;
}

LeaseWorld::LeaseWorld(const Options& options)
    : world_(options.seed),
      log_([&] {
          std::vector<NodeId> voters;
          for (std::size_t i = 0; i < options.voters; ++i) voters.emplace_back(i + 1);
          return voters;
      }()),
      random_lag_(options.random_lag) {
    if (options.profile != lease::ProfileId::standard)
        log_.append([&](PlanLog::State& state) { state.profile = options.profile; });
    for (std::size_t i = 0; i < options.voters + options.agents; ++i) {
        const double unit =
            static_cast<double>(world_.random().below(2'000'001)) / 1'000'000.0 - 1.0;
        nodes_.push_back(std::make_unique<LeaseNode>(
            world_, log_, NodeId(i + 1), 1.0 + unit * options.drift,
            LeaseNode::Surroundings{
                .send = [this](LeaseMessage message) { send(std::move(message)); },
                .on_fenced = [this](NodeId node, Epoch epoch) { record_fence_soon(node, epoch); },
                .on_admission_wanted = [this](NodeId node, Epoch seen) { admit_soon(node, seen); },
                .on_gate = [this](LeaseNode& node,
                                  IpAddress address) { check_gate(node, address); }}));
    }
    for (const auto& node : nodes_) {
        node->apply(log_.last());
        if (!random_lag_) node->set_adopt_time(Duration{0});
    }
    configured_ = now();
}

void LeaseWorld::start_all() {
    for (const auto& node : nodes_)
        if (!node->runs()) node->start();
}

void LeaseWorld::run(Duration duration) {
    const Instant end = now() + duration;
    while (world_.step(end))
        if (!violation_.empty()) throw Violation{violation_};
    if (!violation_.empty()) throw Violation{violation_};
}

void LeaseWorld::check_gate(LeaseNode& node, IpAddress address) {
    if (!node.is_open(address) || !violation_.empty()) return;
    for (const auto& other : nodes_)
        if (other.get() != &node && other->is_open(address))
            violation_ =
                fmt::format("two open gates for {}: node {} and node {}\n{}", address.to_string(),
                            node.id().value(), other->id().value(), describe());
    const std::size_t number = number_of(node.id());
    const auto [last, is_new] = last_server_.try_emplace(address, number);
    if (is_new) ++counts_.opens;
    if (!is_new && last->second != number) ++counts_.moves;
    last->second = number;
    counts_.digest = (counts_.digest ^ (number + 1)) * 0x100000001b3 +
                     static_cast<std::uint64_t>(now().time_since_epoch().count());
}

std::size_t LeaseWorld::number_of(NodeId id) const { return id.value() - 1; }

// ---- the plan -----------------------------------------------------------------------------------

void LeaseWorld::set_list(IpAddress address, const std::vector<std::size_t>& numbers) {
    std::vector<NodeId> list;
    for (const std::size_t number : numbers) list.push_back(id(number));
    log_.append([&](PlanLog::State& state) { state.plan.set_list(address, list, state.index); });
    spread();
}

void LeaseWorld::set_profile(lease::ProfileId profile) {
    log_.append([&](PlanLog::State& state) { state.profile = profile; });
    spread();
}

void LeaseWorld::admit(NodeId node, Epoch seen) {
    ++counts_.admissions;
    log_.append([&](PlanLog::State& state) {
        std::vector<IpAddress> changed;
        state.plan.admit(node, seen, state.index, changed);
    });
    spread();
}

void LeaseWorld::record_fence(NodeId node, Epoch epoch) {
    ++counts_.fences;
    log_.append([&](PlanLog::State& state) { state.plan.record_fence(node, epoch); });
    spread();
}

void LeaseWorld::change_voters(const std::vector<std::size_t>& numbers) {
    std::vector<NodeId> voters;
    for (const std::size_t number : numbers) voters.push_back(id(number));
    ++counts_.voter_changes;
    configured_ = {};
    log_.change_voters(std::move(voters));
    spread();
}

bool LeaseWorld::voters_settled() const {
    return configured_ != Instant{} && now() >= configured_ + voter_spacing;
}

void LeaseWorld::hold_plans(std::size_t number, bool held) {
    if (held)
        held_.insert(number);
    else if (held_.erase(number) != 0)
        apply_at(number, log_.last(), milliseconds{1});
}

void LeaseWorld::spread() {
    ++counts_.plans;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        Duration lag = milliseconds{1};
        if (random_lag_) {
            Random& random = world_.random();
            lag = random.between(microseconds{200}, milliseconds{3});
            if (random.chance(0.2)) lag = random.between(Duration{0}, milliseconds{80});
            if (random.chance(0.05)) lag = random.between(Duration{0}, milliseconds{800});
        }
        apply_at(i, log_.last(), lag);
    }
}

void LeaseWorld::apply_at(std::size_t number, LogIndex index, Duration lag) {
    world_.in(lag, [this, number, index] {
        LeaseNode& node = *nodes_[number];
        if (held_.contains(number)) return;
        // A node that is down, or stands still, catches up later.
        if (!node.runs() || node.is_paused()) return apply_at(number, index, milliseconds{5});
        node.apply(index);
        if (configured_ != Instant{}) return;
        const PlanLog::State& newest = log_.newest();
        std::size_t applied = 0;
        for (const NodeId voter : newest.voters)
            if (nodes_[number_of(voter)]->applied() >= newest.configuration) ++applied;
        if (applied >= newest.voters.size() / 2 + 1) configured_ = now();
    });
}

void LeaseWorld::record_fence_soon(NodeId node, Epoch epoch) {
    propose({node, Epoch(epoch.value() * 2)}, [this, node, epoch] { record_fence(node, epoch); });
}

void LeaseWorld::admit_soon(NodeId node, Epoch seen) {
    propose({node, Epoch(seen.value() * 2 + 1)}, [this, node, seen] { admit(node, seen); });
}

void LeaseWorld::propose(std::pair<NodeId, Epoch> what, std::function<void()> change) {
    const auto [asked, is_new] = asked_.try_emplace(what, now());
    if (!is_new && now() < asked->second + ask_again) return;
    asked->second = now();
    if (proposal_delay_) world_.in(*proposal_delay_, std::move(change));
}

// ---- the network --------------------------------------------------------------------------------

void LeaseWorld::cut(std::size_t from, std::size_t to, bool is_cut) {
    if (is_cut)
        cuts_.emplace(id(from), id(to));
    else
        cuts_.erase({id(from), id(to)});
}

void LeaseWorld::isolate(std::size_t number, bool is_cut) {
    for (std::size_t other = 0; other < size(); ++other) {
        if (other == number) continue;
        cut(number, other, is_cut);
        cut(other, number, is_cut);
    }
}

void LeaseWorld::heal() {
    cuts_.clear();
    weather_ = {};
}

void LeaseWorld::send(LeaseMessage message) {
    Random& random = world_.random();
    if (filter_ && !filter_(message)) return;
    if (weather_.loss > 0 && random.chance(weather_.loss)) return;
    Duration delay = random.between(microseconds{100}, microseconds{300});
    if (weather_.late > 0 && random.chance(weather_.late))
        delay = random.between(Duration{0}, weather_.late_max);
    if (weather_.duplicate > 0 && random.chance(weather_.duplicate))
        deliver(message, random.between(Duration{0}, weather_.late_max));
    deliver(std::move(message), delay);
}

void LeaseWorld::deliver(LeaseMessage message, Duration delay) {
    if (cuts_.contains({message.from, message.to})) return;
    world_.in(delay, [this, message = std::move(message)]() mutable {
        if (cuts_.contains({message.from, message.to})) return;
        nodes_[number_of(message.to)]->receive(std::move(message));
    });
}

// ---- what is seen -------------------------------------------------------------------------------

std::size_t LeaseWorld::server(IpAddress address) const {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (nodes_[i]->is_open(address)) return i;
    return nodes_.size();
}

std::vector<IpAddress> LeaseWorld::unserved() const {
    std::vector<IpAddress> unserved;
    for (const auto& [address, entry] : log_.newest().plan.entries()) {
        const bool has_candidate = std::ranges::any_of(entry.list, [&](const auto& candidate) {
            return nodes_[number_of(candidate.node)]->runs();
        });
        if (has_candidate && server(address) == nodes_.size()) unserved.push_back(address);
    }
    return unserved;
}

std::string LeaseWorld::describe() const {
    const PlanLog::State& newest = log_.newest();
    std::string text =
        fmt::format("  plan {} cfg {} voters", newest.index.value(), newest.configuration.value());
    for (const NodeId voter : newest.voters) text += fmt::format(" {}", voter.value());
    for (const auto& [address, entry] : newest.plan.entries()) {
        text += fmt::format("\n  {}:", address.to_string());
        for (const auto& candidate : entry.list) text += fmt::format(" {}", candidate.node.value());
    }
    for (const auto& node : nodes_) {
        const lease::Plan::Node* planned = newest.plan.find(node->id());
        text += fmt::format(
            "\n  node {}: {}{} applied {} epoch {} of {} fence {}{}", node->id().value(),
            node->runs() ? "up" : "down", node->is_paused() ? " paused" : "",
            node->applied().value(), node->epoch().value(), planned ? planned->epoch.value() : 0,
            planned ? planned->fence.value() : 0, node->is_retired() ? " retired" : "");
    }
    return text;
}

}  // namespace trivet::sim
