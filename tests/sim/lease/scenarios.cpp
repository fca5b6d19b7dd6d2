#include "tests/sim/lease/scenarios.hpp"

#include <fmt/format.h>

#include "tests/sim/lease/lease_world.hpp"
#include "tests/sim/violation.hpp"

namespace trivet::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const IpAddress vip = lease_address(0);

/// A cluster in which the first node of `list` serves the address.
class Story : public LeaseWorld {
public:
    explicit Story(const std::vector<std::size_t>& list, std::size_t agents = 0)
        : LeaseWorld({.voters = 3, .agents = agents}) {
        set_list(vip, list);
        start_all();
        run(milliseconds{700});  // V1, and the first renewals
        expect_server(list.front());
    }

    void expect_server(std::size_t number) {
        if (server(vip) == number) return;
        throw Violation{fmt::format("node {} should serve, but {} does\n{}", number + 1,
                                    server(vip) + 1, describe())};
    }
    void restart(std::size_t number) {
        node(number).kill();
        node(number).start();
    }
};

// 1. Failback: the node that was fenced comes back while the one that fenced it serves.
void fenced_node_is_admitted_again() {
    Story story({0, 1, 2});
    story.node(0).power_off();
    story.run(milliseconds{200});
    story.expect_server(1);
    story.node(0).start();
    story.run(seconds{1});
    story.expect_server(1);
    // And once more, with the plan late at the one that serves.
    story.hold_plans(1, true);
    story.admit(story.id(0), story.log().newest().plan.find(story.id(0))->epoch);
    story.run(milliseconds{40});
    story.hold_plans(1, false);
    story.run(seconds{1});
    story.expect_server(1);
}

// 2. What a voter confirmed before its restart still counts at the claimant.
void voter_forgets_a_fence() {
    Story story({0, 1});
    story.set_proposals(std::nullopt);  // the fence is not recorded
    story.isolate(0);
    story.run(milliseconds{200});
    story.expect_server(1);
    story.heal();
    story.cut(1, 2);  // what node 2 confirmed to node 1 stays valid for its time
    story.cut(2, 1);
    story.cut(0, 1);
    story.cut(1, 0);
    story.restart(2);
    story.run(seconds{2});
    story.heal();
    story.set_proposals(milliseconds{3});
    story.run(seconds{2});
    if (!story.unserved().empty()) throw Violation{"nobody serves\n" + story.describe()};
}

// 3. A list change drops the node that holds the address; nobody told it.
void holder_is_dropped() {
    Story story({0});
    story.hold_plans(0, true);
    story.set_list(vip, {1});
    story.run(milliseconds{400});
    story.expect_server(1);

    Story quick({0});  // and across two changes
    quick.hold_plans(0, true);
    quick.set_list(vip, {1});
    quick.set_list(vip, {2});
    quick.run(milliseconds{400});
    quick.expect_server(2);
}

// 4. The address is deleted, and made again for another node.
void address_is_made_again() {
    Story story({0});
    story.hold_plans(0, true);
    story.set_list(vip, {});
    story.run(milliseconds{2});
    story.set_list(vip, {1});
    story.run(milliseconds{400});
    story.expect_server(1);
}

// 5. Raft records a fence while a voter's promise to the node is alive.
void recorded_fence_meets_a_live_promise() {
    Story story({0, 1});
    story.hold_plans(0, true);
    story.record_fence(story.id(0), Epoch(1));
    story.run(milliseconds{400});
    story.expect_server(1);
}

const std::vector<std::vector<std::size_t>> voter_steps{
    {0, 1, 2, 3}, {1, 2, 3}, {1, 2, 3, 4}, {1, 3, 4}};

/// Asks for one change of the voters after another, while the owner and one voter hear of none; in
/// the end the old majority hears the owner, and the new one does not.
void change_voters_past_laggards(Story& story, Duration between) {
    story.hold_plans(0, true);
    story.hold_plans(2, true);
    for (const auto& voters : voter_steps) {
        story.run(between);
        if (story.voters_settled()) story.change_voters(voters);
    }
    story.cut(0, 1);
    story.cut(0, 3);
    story.cut(0, 4);
    story.run(milliseconds{400});
}

// 6. Old and new majority of the voters, with one of them lagging and one node renewing as before.
void voters_change() {
    Story story({0, 1}, 2);
    change_voters_past_laggards(story, milliseconds{10});
    story.heal();
    story.hold_plans(0, false);
    story.hold_plans(2, false);
    for (const auto& voters : voter_steps) {
        story.run(seconds{3});
        if (story.voters_settled() && story.log().newest().voters.size() != voters.size())
            story.change_voters(voters);
    }
    story.run(seconds{2});
    if (!story.unserved().empty()) throw Violation{"nobody serves\n" + story.describe()};
}

// 6a. The same in no hurry: long after the change was committed the old majority has not applied
// it.
void voters_change_slowly() {
    Story story({0, 1}, 2);
    change_voters_past_laggards(story, seconds{2});
}

// 6b. A node goes on renewing under the old configuration, which a voter that lags still accepts.
void voters_change_and_one_lags() {
    Story story({0, 1}, 2);
    story.hold_plans(0, true);
    story.run(milliseconds{10});
    story.change_voters({0, 1, 2, 3});
    story.run(seconds{2});  // settled: 1, 2 and 3 have applied it
    story.hold_plans(2, true);
    story.cut(0, 1);
    story.cut(0, 3);
    story.change_voters({1, 2, 3});
    story.run(seconds{2});
    if (story.server(vip) == story.size()) throw Violation{"nobody serves\n" + story.describe()};
}

// 7. A RENEW from before the RELEASE arrives after it.
void late_renew_after_release() {
    Story story({0, 1});
    std::vector<LeaseMessage> kept;
    story.set_filter([&](LeaseMessage& message) {
        if (message.from == story.id(0) && std::holds_alternative<lease::Renew>(message.body))
            kept.push_back(message);
        return true;
    });
    story.run(milliseconds{60});
    story.node(0).release();
    story.set_filter({});
    story.run(milliseconds{3});
    story.expect_server(1);
    for (const LeaseMessage& message : kept) story.deliver(message, milliseconds{1});
    story.run(milliseconds{300});
    story.expect_server(1);
}

// 8. The process is killed and started again while the kernel's gate is open.
void restart_within_the_lease() {
    Story story({0, 1});
    story.node(0).kill();
    story.set_list(vip, {1, 0});
    story.node(0).start();
    story.run(milliseconds{600});
    story.expect_server(1);

    // And it was killed before the kernel heard that the address is gone, of which the new process
    // knows nothing any more.
    Story gone({0, 1});
    gone.node(0).set_adopt_time(milliseconds{50});
    gone.set_list(vip, {});
    gone.run(milliseconds{5});
    gone.restart(0);
    gone.run(milliseconds{5});
    gone.set_list(vip, {1});
    gone.run(milliseconds{600});
    gone.expect_server(1);
}

// 9. The kernel needs a while to close what the new plan took away.
void gate_closes_slowly() {
    Story story({0, 1});
    story.node(0).set_adopt_time(milliseconds{50});
    story.set_list(vip, {1, 0});
    story.run(milliseconds{300});
    story.expect_server(1);
}

// 10. The second and the third candidate both claim; then the first returns.
void rival_claims() {
    Story story({0, 1, 2}, 1);
    story.set_proposals(std::nullopt);
    story.isolate(0);
    story.cut(1, 2);
    story.cut(2, 1);
    story.run(milliseconds{150});
    story.heal();
    story.run(milliseconds{300});
    story.set_proposals(milliseconds{3});
    story.run(seconds{2});
    if (!story.unserved().empty()) throw Violation{"nobody serves\n" + story.describe()};
}

// 11a. A RELEASE of an older boot arrives when the newer one holds the address.
void message_of_an_older_boot() {
    Story story({0, 1});
    std::vector<LeaseMessage> kept;
    story.set_filter([&](LeaseMessage& message) {
        if (!std::holds_alternative<lease::Release>(message.body)) return true;
        kept.push_back(message);
        return false;
    });
    story.node(0).release();
    story.restart(0);
    story.run(milliseconds{700});
    story.set_filter({});
    const std::size_t before = story.server(vip);
    for (const LeaseMessage& message : kept) story.deliver(message, milliseconds{1});
    story.run(milliseconds{300});
    story.expect_server(before);
}

// 11b. A node is put into the list again with another epoch: it waits for whoever was there.
void put_back_with_another_epoch() {
    Story story({0});
    story.hold_plans(0, true);
    story.set_list(vip, {1});
    story.admit(story.id(1), Epoch(1));
    story.run(milliseconds{400});
    story.expect_server(1);
}

// 11c. Sequence numbers begin again with each boot: an ACK to the older one is worth nothing.
void ack_to_an_older_boot() {
    Story story({0, 1});
    std::vector<LeaseMessage> kept;
    story.set_filter([&](LeaseMessage& message) {
        const bool is_ack = std::holds_alternative<lease::Ack>(message.body);
        if (is_ack && message.to == story.id(0) && message.from == story.id(1))
            kept.push_back(message);
        return true;
    });
    story.run(seconds{2});
    story.set_filter({});
    story.restart(0);
    story.run(seconds{1});
    story.expect_server(0);
    story.hold_plans(0, true);
    story.isolate(0);
    story.run(milliseconds{600});  // it asks quickly now: its numbers reach those of the ACKs
    story.expect_server(1);
    for (const LeaseMessage& message : kept) story.node(0).receive(message);
    story.run(milliseconds{100});
    story.expect_server(1);
}

// V8: a RELEASE of an epoch that is long over arrives when the node holds the address in a later
// one.
void release_of_an_older_epoch() {
    Story story({0, 1});
    std::vector<LeaseMessage> kept;
    story.set_filter([&](LeaseMessage& message) {
        if (std::holds_alternative<lease::Release>(message.body)) kept.push_back(message);
        return true;
    });
    story.node(0).release();
    story.run(milliseconds{50});
    story.set_filter({});
    story.expect_server(1);
    story.admit(story.id(0), Epoch(1));
    story.set_list(vip, {0, 1});
    story.run(milliseconds{200});
    story.expect_server(0);
    story.isolate(0);
    story.run(milliseconds{50});
    for (const LeaseMessage& message : kept) story.node(message.to.value() - 1).receive(message);
    story.run(milliseconds{200});
    story.expect_server(1);
}

// The grace in V3: an owner that hears late of a change of the voters goes on serving.
void owner_hears_late_of_new_voters() {
    Story story({0, 1}, 1);
    story.hold_plans(0, true);
    story.change_voters({0, 1, 2, 3});
    for (int i = 0; i < 20; ++i) {
        story.run(milliseconds{20});
        story.expect_server(0);
    }
    story.hold_plans(0, false);
    story.run(seconds{1});
    story.expect_server(0);
}

// H8: a standby that dies while its owner lives is fenced by nobody, and comes back as it was.
void dead_standby_is_not_fenced() {
    Story story({0, 1, 2});
    story.node(1).power_off();
    story.run(milliseconds{300});
    story.node(1).start();
    story.run(seconds{1});
    story.expect_server(0);
    if (story.node(1).is_retired() ||
        story.log().newest().plan.find(story.id(1))->epoch != Epoch(1))
        throw Violation{"a standby was fenced\n" + story.describe()};
}

// The chain: the next candidate is dead too; and the owner dies right after it took over, before
// Raft has heard of it.
void chain_of_deaths() {
    Story story({0, 1, 2, 3, 4}, 2);
    story.set_proposals(std::nullopt);
    story.node(4).kill();
    story.node(0).power_off();
    story.run(milliseconds{150});
    story.expect_server(1);

    Story both({0, 3, 1}, 1);
    both.node(0).power_off();
    both.node(3).power_off();
    both.run(milliseconds{150});
    both.expect_server(1);

    Story late({0, 3, 1}, 1);
    late.set_proposals(milliseconds{400});
    late.node(0).power_off();
    late.run(milliseconds{120});
    late.expect_server(3);
    late.node(3).power_off();
    late.run(milliseconds{150});
    late.expect_server(1);
}

// A node that does not vote learns of silence from the voters, and takes over.
void agent_takes_over() {
    Story story({0, 3}, 1);
    story.isolate(0);
    story.run(milliseconds{150});
    story.expect_server(3);
}

// V5: a candidate that misses the owner, whom the other voters hear, changes nothing.
void false_alarm_of_one() {
    Story story({0, 1, 2}, 1);
    story.cut(0, 1);
    story.run(milliseconds{500});
    story.expect_server(0);
}

// A planned move: the next owner is there within some round trips, and nobody waits for a lease.
void planned_move_is_quick() {
    Story story({0, 1, 2});
    story.set_list(vip, {1, 0, 2});
    story.run(milliseconds{12});
    story.expect_server(1);
}

// V8: a clean stop costs no lease.
void release_is_quick() {
    Story story({0, 1, 2});
    story.node(0).release();
    story.run(milliseconds{3});
    story.expect_server(1);
}

}  // namespace

const std::vector<LeaseScenario>& lease_scenarios() {
    static const std::vector<LeaseScenario> scenarios{
        {"fenced_node_is_admitted_again", fenced_node_is_admitted_again},
        {"voter_forgets_a_fence", voter_forgets_a_fence},
        {"holder_is_dropped", holder_is_dropped},
        {"address_is_made_again", address_is_made_again},
        {"recorded_fence_meets_a_live_promise", recorded_fence_meets_a_live_promise},
        {"voters_change", voters_change},
        {"voters_change_slowly", voters_change_slowly},
        {"voters_change_and_one_lags", voters_change_and_one_lags},
        {"late_renew_after_release", late_renew_after_release},
        {"restart_within_the_lease", restart_within_the_lease},
        {"gate_closes_slowly", gate_closes_slowly},
        {"rival_claims", rival_claims},
        {"message_of_an_older_boot", message_of_an_older_boot},
        {"put_back_with_another_epoch", put_back_with_another_epoch},
        {"ack_to_an_older_boot", ack_to_an_older_boot},
        {"release_of_an_older_epoch", release_of_an_older_epoch},
        {"owner_hears_late_of_new_voters", owner_hears_late_of_new_voters},
        {"dead_standby_is_not_fenced", dead_standby_is_not_fenced},
        {"chain_of_deaths", chain_of_deaths},
        {"agent_takes_over", agent_takes_over},
        {"false_alarm_of_one", false_alarm_of_one},
        {"planned_move_is_quick", planned_move_is_quick},
        {"release_is_quick", release_is_quick},
    };
    return scenarios;
}

}  // namespace trivet::sim
