#include "cloud/work_queue.hpp"

#include "core/assert.hpp"

namespace trivet::cloud {

void WorkQueue::add(const std::string& key) { make_ready(items_.try_emplace(key).first); }

void WorkQueue::add_at(const std::string& key, Instant due) {
    const auto item = items_.try_emplace(key).first;
    if (item->second.state == State::ready) return;
    if (!item->second.due || due < *item->second.due) set_due(item, due);
}

std::optional<std::string> WorkQueue::pop(Instant now) {
    while (!due_.empty() && due_.begin()->first <= now)
        make_ready(items_.find(due_.begin()->second));
    if (ready_.empty()) return std::nullopt;
    std::string key = std::move(ready_.front());
    ready_.pop_front();
    items_.at(key).state = State::running;
    return key;
}

void WorkQueue::done(const std::string& key) {
    const auto item = items_.find(key);
    TRIVET_ASSERT(item != items_.end() && item->second.state == State::running);
    item->second.failures = 0;
    settle(item);
}

void WorkQueue::failed(const std::string& key, Instant now) {
    const auto item = items_.find(key);
    TRIVET_ASSERT(item != items_.end() && item->second.state == State::running);
    const Instant due = now + backoff_.delay(++item->second.failures);
    if (!item->second.due || due < *item->second.due) set_due(item, due);
    settle(item);
}

std::optional<Instant> WorkQueue::next_deadline() const {
    if (due_.empty()) return std::nullopt;
    return due_.begin()->first;
}

unsigned WorkQueue::failures(const std::string& key) const {
    const auto item = items_.find(key);
    return item == items_.end() ? 0 : item->second.failures;
}

void WorkQueue::set_due(Items::iterator item, std::optional<Instant> due) {
    if (item->second.due) due_.erase({*item->second.due, item->first});
    item->second.due = due;
    if (due) due_.emplace(*due, item->first);
}

void WorkQueue::make_ready(Items::iterator item) {
    set_due(item, std::nullopt);
    switch (item->second.state) {
        case State::idle:
            item->second.state = State::ready;
            ready_.push_back(item->first);
            break;
        case State::ready:
            break;
        case State::running:
            item->second.again = true;
            break;
    }
}

/// After the work on a key: what was asked for meanwhile comes first.
void WorkQueue::settle(Items::iterator item) {
    item->second.state = State::idle;
    if (std::exchange(item->second.again, false)) return make_ready(item);
    if (!item->second.due) items_.erase(item);
}

}  // namespace trivet::cloud
