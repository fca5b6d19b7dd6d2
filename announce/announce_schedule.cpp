#include "announce/announce_schedule.hpp"

#include "core/assert.hpp"

namespace trivet::announce {

namespace {

// A queue that waits for the budget is woken when a batch may go, not for each frame: 1 ms of
// 80,000 frames a second.
constexpr std::uint32_t batch_frames = 80;

}  // namespace

void AnnounceSchedule::put(IpAddress address, Round round, Instant due) {
    remove(address);
    turns_.emplace(address, Turn{.round = round, .due = due});
    waiting_.emplace(due, address);
}

void AnnounceSchedule::remove(IpAddress address) {
    const auto it = turns_.find(address);
    if (it == turns_.end()) return;
    const Turn turn = it->second;
    turns_.erase(it);
    const auto erased =
        waiting_.erase({turn.due, address}) + ready_.erase({turn.round, turn.due, address});
    TRIVET_ASSERT(erased == 1);
}

void AnnounceSchedule::clear() {
    turns_.clear();
    waiting_.clear();
    ready_.clear();
}

std::optional<IpAddress> AnnounceSchedule::take(std::uint32_t frames, Instant now) {
    make_ready(now);
    if (ready_.empty() || !budget_.allows(frames, now)) return std::nullopt;
    const IpAddress address = std::get<IpAddress>(*ready_.begin());
    ready_.erase(ready_.begin());
    turns_.erase(address);
    return address;
}

std::optional<Instant> AnnounceSchedule::next_deadline() const {
    if (turns_.empty()) return std::nullopt;
    const Instant due =
        ready_.empty() ? std::get<Instant>(*waiting_.begin()) : std::get<Instant>(*ready_.begin());
    return std::max(due, budget_.ready_at(std::min(batch_frames, budget_.burst())));
}

void AnnounceSchedule::make_ready(Instant now) {
    while (!waiting_.empty() && std::get<Instant>(*waiting_.begin()) <= now) {
        const IpAddress address = std::get<IpAddress>(*waiting_.begin());
        const Turn& turn = turns_.at(address);
        ready_.emplace(turn.round, turn.due, address);
        waiting_.erase(waiting_.begin());
    }
}

}  // namespace trivet::announce
