#include "daemon/lease_relay.hpp"

#include <csignal>
#include <pthread.h>

namespace trivet::daemon {

LeaseRelay::LeaseRelay(announce::L2Service& announcer, std::shared_ptr<LeaseEventPipe> pipe)
    : announcer_(announcer),
      work_(io_.get_executor()),
      reader_(io_.get_executor(), std::move(pipe),
              {.on_event = [this](const LeaseEvent& event) { on_event(event); }, .on_wake = {}}) {
    thread_ = std::thread([this] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        pthread_setname_np(pthread_self(), "lease-relay");
        io_.run();
    });
}

void LeaseRelay::add(LogIndex index, Changes changes) {
    const std::scoped_lock lock(mutex_);
    Changes& waiting = waiting_[index];
    for (auto& [address, target] : changes) waiting[address] = std::move(target);
}

void LeaseRelay::stop() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
    reader_.stop();
}

void LeaseRelay::on_event(const LeaseEvent& event) {
    if (const auto* opened = std::get_if<GroupOpened>(&event))
        announcer_.on_lease({{.group = opened->group, .open = true}});
    else if (const auto* closed = std::get_if<GroupClosed>(&event))
        announcer_.on_lease({{.group = closed->group, .open = false}});
    else if (const auto* applied = std::get_if<PlanApplied>(&event))
        apply_up_to(applied->index);
    else if (std::holds_alternative<EventsLost>(event))
        look_at_all();
}

void LeaseRelay::apply_up_to(LogIndex index) {
    Changes changes;
    {
        const std::scoped_lock lock(mutex_);
        while (!waiting_.empty() && waiting_.begin()->first <= index) {
            for (auto& [address, target] : waiting_.begin()->second)
                changes[address] = std::move(target);
            waiting_.erase(waiting_.begin());
        }
    }
    if (!changes.empty()) announcer_.update(std::move(changes));
}

void LeaseRelay::look_at_all() {
    if (!board_) return;
    std::vector<announce::GroupState> states;
    for (lease::Group group = 1; group <= lease::GroupTable::groups_max; ++group)
        states.push_back({.group = group, .open = board_->is_open(group)});
    if (const auto plan = board_->read().plan) apply_up_to(*plan);
    announcer_.on_lease(std::move(states));
}

}  // namespace trivet::daemon
