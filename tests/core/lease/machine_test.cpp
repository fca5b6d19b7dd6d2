#include "core/lease/machine.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace trivet::lease {
namespace {

using namespace std::chrono_literals;

const NodeId self{1}, other{2}, third{3};
constexpr Instant start{std::chrono::hours{1}};

/// Counts what is sent.
class Recorder final : public Effects {
public:
    int renews = 0;
    int releases = 0;

    void set_deadline(Group, Instant) noexcept override {}
    void adopt(const View&) noexcept override {}
    void close_all(bool) noexcept override {}
    void send(NodeId, const Renew&) noexcept override { ++renews; }
    void send(NodeId, const Ack&) noexcept override {}
    void send(NodeId, const Refuse&) noexcept override {}
    void send(NodeId, const Release&) noexcept override { ++releases; }
    void on_open(Group, Instant) noexcept override {}
    void on_close(Group) noexcept override {}
    void on_fenced(NodeId, Epoch, Duration) noexcept override {}
    void on_admission_wanted(Epoch) noexcept override {}
};

std::shared_ptr<View> view_at(std::uint64_t index) {
    auto view = std::make_shared<View>();
    view->index = LogIndex(index);
    view->self = self;
    for (const NodeId node : {self, other, third})
        view->nodes.push_back({node, Epoch(1), LogIndex(1), Epoch(0)});
    view->configuration = LogIndex(1);
    view->voters = {self, other, third};
    view->rights.push_back({.group = 1, .right = {}});
    return view;
}

class LeaseMachine : public testing::Test {
protected:
    LeaseMachine() {
        machine.on_view(view_at(1), start);
        machine.on_timer(start);
        effects.renews = 0;
    }
    int renews_after(std::shared_ptr<const View> view) {
        machine.on_view(std::move(view), start + 1ms);
        machine.on_timer(start + 1ms);
        return effects.renews;
    }

    Recorder effects;
    Machine machine{self, Boot(1), start, effects};
};

TEST_F(LeaseMachine, APlanThatChangesNothingHereIsNoReasonToRenew) {
    EXPECT_EQ(renews_after(view_at(2)), 0);
}

TEST_F(LeaseMachine, ANewGenerationIsToldAtOnce) {
    auto view = view_at(2);
    view->nodes.front().generation = LogIndex(2);
    EXPECT_EQ(renews_after(view), 2);
}

TEST_F(LeaseMachine, ANewRightIsAskedForAtOnce) {
    auto view = view_at(2);
    view->rights.push_back({.group = 2, .right = {}});
    view->rights.back().right.needs.push_back({.node = other, .key = {Epoch(1), LogIndex(1)}});
    EXPECT_EQ(renews_after(view), 2);
}

TEST_F(LeaseMachine, OtherVotersAreAskedAtOnce) {
    auto view = view_at(2);
    view->configuration_before = view->configuration;
    view->configuration = LogIndex(2);
    view->voters = {self, other};
    EXPECT_EQ(renews_after(view), 1);
}

TEST_F(LeaseMachine, H6AReleaseIsToldThreeTimesInCaseOneIsLost) {
    machine.release(start + 1ms);
    EXPECT_EQ(effects.releases, 2);  // to each of the others
    for (int i = 1; i <= 10; ++i) {
        const auto due = machine.next_deadline();
        ASSERT_TRUE(due);
        machine.on_timer(*due);
    }
    EXPECT_EQ(effects.releases, 6);
    EXPECT_EQ(effects.renews, 0);
}

}  // namespace
}  // namespace trivet::lease
