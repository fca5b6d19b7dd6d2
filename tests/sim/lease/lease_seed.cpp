#include <algorithm>
#include <fmt/format.h>

#include "tests/sim/lease/lease_world.hpp"
#include "tests/sim/violation.hpp"

namespace trivet::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t addresses = 3;
// right / (1 - rho) < promise / (1 + rho) holds up to 1/9; a little is left for rounding.
constexpr double drift_max = 0.11;

/// Random plans and faults for some seconds, each seed with a temper of its own.
class Turmoil {
public:
    explicit Turmoil(std::uint64_t seed)
        : random_(seed * 0x9e3779b97f4a7c15 + 77), world_(options(seed)) {
        plan_every_ = random_.between(milliseconds{15}, milliseconds{500});
        fault_every_ = random_.between(milliseconds{40}, milliseconds{600});
        changes_voters_ = random_.chance(0.4);
        changes_profiles_ = random_.chance(0.1);
        favourite_ = random_.below(addresses);
    }

    LeaseCounts run() {
        for (std::size_t n = 0; n < addresses; ++n) world_.set_list(lease_address(n), some_nodes());
        world_.start_all();
        world_.run(milliseconds{600});
        const Instant end = world_.now() + random_.between(seconds{2}, seconds{5});
        schedule_plan(end);
        schedule_fault(end);
        world_.run(end - world_.now());
        bring_peace();
        LeaseCounts counts = world_.counts();
        counts.runs = 1;
        return counts;
    }

private:
    LeaseWorld::Options options(std::uint64_t seed) {
        LeaseWorld::Options options{.seed = seed};
        options.voters = random_.chance(0.75) ? 3 : random_.chance(0.5) ? 5 : 4;
        options.agents = random_.below(3);
        options.drift = random_.chance(0.5) ? drift_max : 0;
        options.random_lag = true;
        const std::uint64_t profile = random_.below(8);
        if (profile == 0) options.profile = lease::ProfileId::fast;
        if (profile == 1) options.profile = lease::ProfileId::fastest;
        return options;
    }

    std::size_t any_node() { return random_.below(world_.size()); }
    std::vector<std::size_t> some_nodes() {
        std::vector<std::size_t> numbers;
        for (std::size_t i = 0; i < world_.size(); ++i) numbers.push_back(i);
        for (std::size_t i = numbers.size(); i > 1; --i)
            std::swap(numbers[i - 1], numbers[random_.below(i)]);
        numbers.resize(random_.between(1, numbers.size()));
        return numbers;
    }

    void schedule_plan(Instant end) {
        world_.world().in(random_.between(Duration{0}, 2 * plan_every_), [this, end] {
            if (world_.now() >= end) return;
            change_plan();
            if (random_.chance(0.3)) change_plan();  // in quick succession
            schedule_plan(end);
        });
    }

    void change_plan() {
        const std::size_t n = random_.chance(0.5) ? favourite_ : random_.below(addresses);
        const IpAddress address = lease_address(n);
        const std::uint64_t dice = random_.below(20);
        if (dice == 0) return world_.set_list(address, {});
        if (dice == 1 && changes_voters_) return change_voters();
        if (dice == 2 && changes_profiles_)
            return world_.set_profile(static_cast<lease::ProfileId>(random_.below(4)));
        if (dice <= 3) return admit_somebody();
        world_.set_list(address, some_nodes());
    }

    void admit_somebody() {
        const NodeId id = world_.id(any_node());
        const lease::Plan::Node* node = world_.log().newest().plan.find(id);
        if (node != nullptr) world_.admit(id, node->epoch);
    }

    /// P4: one at a time, and not before the last change has settled.
    void change_voters() {
        if (!world_.voters_settled()) return;
        std::vector<std::size_t> voters;
        for (const NodeId voter : world_.log().newest().voters) voters.push_back(voter.value() - 1);
        const std::size_t number = any_node();
        const auto place = std::ranges::find(voters, number);
        if (place == voters.end())
            voters.push_back(number);
        else if (voters.size() > 1)
            voters.erase(place);
        world_.change_voters(voters);
    }

    void schedule_fault(Instant end) {
        world_.world().in(random_.between(Duration{0}, 2 * fault_every_), [this, end] {
            if (world_.now() >= end) return;
            do_harm();
            schedule_fault(end);
        });
    }

    Duration while_of(Duration longest) {
        return random_.chance(0.5) ? random_.between(Duration{0}, longest / 5)
                                   : random_.between(Duration{0}, longest);
    }

    void do_harm() {
        const std::size_t number = any_node(), other = any_node();
        switch (random_.below(9)) {
            case 0:
            case 1:
                return stop(number, &LeaseNode::kill, while_of(milliseconds{400}));
            case 2:
                return stop(number, &LeaseNode::power_off, while_of(milliseconds{800}));
            case 3:
            case 4:
                ++world_.counts().pauses;
                return world_.node(number).pause(while_of(milliseconds{500}));
            case 5: {
                if (number == other) return;
                world_.cut(number, other);
                world_.world().in(while_of(milliseconds{900}),
                                  [this, number, other] { world_.cut(number, other, false); });
                return;
            }
            case 6: {
                world_.isolate(number);
                world_.world().in(while_of(milliseconds{700}),
                                  [this, number] { world_.isolate(number, false); });
                return;
            }
            case 7: {
                world_.set_weather(
                    {.loss = random_.chance(0.5) ? 0.3 : 0.05,
                     .duplicate = 0.1,
                     .late = 0.2,
                     .late_max = random_.between(milliseconds{1}, milliseconds{200})});
                world_.world().in(while_of(milliseconds{900}), [this] { world_.set_weather({}); });
                return;
            }
            default: {
                LeaseNode& node = world_.node(number);
                if (!node.runs() || node.is_paused()) return;
                node.release();
                if (random_.chance(0.3)) return;  // it stays, and must be admitted again
                world_.world().in(random_.between(Duration{0}, milliseconds{100}), [this, number] {
                    stop(number, &LeaseNode::kill, while_of(milliseconds{300}));
                });
                return;
            }
        }
    }

    void stop(std::size_t number, void (LeaseNode::*how)(), Duration duration) {
        LeaseNode& node = world_.node(number);
        if (!node.runs()) return;
        ++world_.counts().crashes;
        (node.*how)();
        world_.world().in(duration, [&node] {
            if (!node.runs()) node.start();
        });
    }

    /// Everything is mended; but one or two may stay dead, if a majority lives.
    void bring_peace() {
        world_.heal();
        world_.start_all();
        world_.run(milliseconds{500});  // the longest pause
        for (std::size_t i = 0; i < world_.size(); ++i) {
            LeaseNode& node = world_.node(i);
            if (!node.is_retired()) continue;
            node.kill();  // it has released everything, and was about to stop
            node.start();
        }
        if (random_.chance(0.5)) kill_a_minority();
        world_.run(seconds{2} + milliseconds{800});  // the slowest plan takes 800 ms
        const std::vector<IpAddress> unserved = world_.unserved();
        if (!unserved.empty())
            throw Violation{fmt::format("nobody serves {} although peace has come\n{}",
                                        unserved.front().to_string(), world_.describe())};
    }

    void kill_a_minority() {
        const auto& voters = world_.log().newest().voters;
        const std::size_t dead_max = (voters.size() - 1) / 2;
        for (std::size_t i = 0; i < dead_max; ++i) {
            LeaseNode& node = world_.node(voters[random_.below(voters.size())].value() - 1);
            if (node.runs()) node.power_off();
        }
    }

    Random random_;
    LeaseWorld world_;
    Duration plan_every_, fault_every_;
    bool changes_voters_ = false, changes_profiles_ = false;
    std::size_t favourite_ = 0;
};

}  // namespace

LeaseCounts run_lease_seed(std::uint64_t seed) { return Turmoil(seed).run(); }

}  // namespace trivet::sim
