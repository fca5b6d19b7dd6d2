#include "announce/owner_watch.hpp"

#include <algorithm>

namespace trivet::announce {

namespace {

// What one call looks at: a second's walk through all of a great plan would delay answers.
constexpr std::size_t looked_at_max = 1024;

}  // namespace

bool OwnerWatch::on_claim(IpAddress address, MacAddress mac, Instant now) {
    const auto found = watched_.find(address);
    if (found == watched_.end()) return false;
    Watched& watched = found->second;
    watched.heard_at = now;
    if (watched.reported == mac) {
        if (now - watched.reported_at < repeat_interval) return false;
    } else {
        if (now - watched.second_begin >= std::chrono::seconds{1}) {
            watched.second_begin = now;
            watched.changes = 0;
        }
        if (watched.changes == changes_per_second) return false;
        ++watched.changes;
    }
    watched.reported = mac;
    watched.reported_at = now;
    return true;
}

std::vector<IpAddress> OwnerWatch::take_questions(Instant now) {
    std::vector<IpAddress> questions;
    auto next = watched_.upper_bound(asked_last_);
    const std::size_t count_max = std::min(watched_.size(), looked_at_max);
    for (std::size_t i = 0; i < count_max && questions.size() < questions_per_second; ++i) {
        if (next == watched_.end()) next = watched_.begin();
        auto& [address, watched] = *next++;
        asked_last_ = address;
        if (!is_to_be_asked(watched, now)) continue;
        watched.asked_at = now;
        questions.push_back(address);
    }
    return questions;
}

bool OwnerWatch::is_to_be_asked(const Watched& watched, Instant now) {
    const auto is_recent = [now](const std::optional<Instant>& time) {
        return time && now - *time < ask_interval;
    };
    return !is_recent(watched.heard_at) && !is_recent(watched.asked_at);
}

}  // namespace trivet::announce
