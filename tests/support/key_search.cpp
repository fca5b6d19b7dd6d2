#include "tests/support/key_search.hpp"

#include <algorithm>
#include <utility>

#include "core/assert.hpp"

namespace trivet::test {
namespace {

/// To compare with so many other ways to a point takes about as long as to look at a state, and
/// counts as one.
constexpr std::size_t ways_a_state = 16;

struct Event {
    std::int64_t time;
    bool is_return;
    std::size_t index;  // into the history

    /// Calls before returns of the same time: what may have overlapped is taken to have.
    auto operator<=>(const Event&) const = default;
};

std::vector<Event> events_of(const History& history, const std::vector<std::size_t>& indexes) {
    std::vector<Event> events;
    for (const std::size_t index : indexes) {
        const Operation& operation = history[index];
        events.push_back({operation.invoked, false, index});
        if (!operation.returned) continue;
        TRIVET_ASSERT(*operation.returned >= operation.invoked);
        events.push_back({*operation.returned, true, index});
    }
    std::ranges::sort(events);
    return events;
}

void mix(std::size_t& hash, std::size_t value) {
    hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
}

}  // namespace

std::size_t KeySearch::PointHash::operator()(const Point& point) const {
    std::size_t hash = point.first_open;
    for (const std::uint32_t step : point.later) mix(hash, step);
    mix(hash, point.value.value);
    for (const ValueId id : point.value.not_chosen) mix(hash, id);
    return hash;
}

KeySearch::KeySearch(const History& history, const std::vector<std::size_t>& indexes)
    : entries_{Entry{}, Entry{.previous = unknown_head, .next = unknown_head}} {
    for (const std::size_t index : indexes) ids_.learn(history[index]);
    std::unordered_map<std::size_t, EntryId> calls;  // by index into the history
    for (const Event& event : events_of(history, indexes)) {
        const auto id = static_cast<EntryId>(entries_.size());
        if (event.is_return) {
            const auto call = calls.find(event.index);
            if (call == calls.end()) continue;  // it tells nothing
            entries_[call->second].answer = id;
            entries_.push_back({.step = entries_[call->second].step, .is_return = true});
            append(known_head, id);
            continue;
        }
        const std::optional<Step> step = step_of(history[event.index], ids_);
        if (!step) continue;
        calls[event.index] = id;
        add_call(*step, event.index);
    }
    is_taken_.resize(steps_.size());
}

void KeySearch::add_call(const Step& step, std::size_t index) {
    const auto id = static_cast<EntryId>(entries_.size());
    entries_.push_back({.step = static_cast<std::uint32_t>(steps_.size())});
    append(step.known ? known_head : unknown_head, id);
    call_of_.push_back(id);
    history_index_.push_back(index);
    twin_.push_back(std::nullopt);
    if (!step.known)
        for (std::uint32_t i = 0; i < steps_.size(); ++i)
            if (steps_[i] == step) twin_.back() = i;
    steps_.push_back(step);
}

Outcome KeySearch::run(std::size_t states_max) {
    candidate_ = first_candidate();
    while (entries_[known_head].next != known_head) {
        if (advance()) {
            if (states_ > states_max) return Outcome::undecided;
        } else if (!retreat()) {
            return Outcome::violated;
        }
    }
    return Outcome::linearizable;
}

void KeySearch::append(EntryId head, EntryId entry) {
    entries_[entry].previous = entries_[head].previous;
    entries_[entry].next = head;
    relink(entry);
}

void KeySearch::unlink(EntryId entry) {
    entries_[entries_[entry].previous].next = entries_[entry].next;
    entries_[entries_[entry].next].previous = entries_[entry].previous;
}

void KeySearch::relink(EntryId entry) {
    entries_[entries_[entry].previous].next = entry;
    entries_[entries_[entry].next].previous = entry;
}

void KeySearch::lift(EntryId call) {
    const std::uint32_t id = entries_[call].step;
    is_taken_[id] = true;
    unlink(call);
    if (step(call).known)
        unlink(entries_[call].answer);
    else
        unknown_taken_.insert(std::ranges::lower_bound(unknown_taken_, id), id);
}

/// Undoes the last lift: neighbours are as they were then.
void KeySearch::put_back(EntryId call) {
    const std::uint32_t id = entries_[call].step;
    is_taken_[id] = false;
    if (step(call).known)
        relink(entries_[call].answer);
    else
        unknown_taken_.erase(std::ranges::lower_bound(unknown_taken_, id));
    relink(call);
}

/// What is called after this return has to come after the operation that returned.
KeySearch::EntryId KeySearch::first_return() const {
    EntryId entry = entries_[known_head].next;
    while (entry != known_head && !entries_[entry].is_return) entry = entries_[entry].next;
    return entry;
}

/// The candidate to try after this one: known outcomes in the order of their calls, then unknown
/// ones; `none` after the last.
KeySearch::EntryId KeySearch::following(EntryId candidate) const {
    EntryId next = entries_[candidate].next;
    if (step(candidate).known) {
        if (!entries_[next].is_return) return next;
        next = entries_[unknown_head].next;
    }
    if (next == unknown_head || next > first_return()) return none;
    return next;
}

/// Gives the next place in the order to the first candidate that can have it.
bool KeySearch::advance() {
    for (; candidate_ != none; candidate_ = following(candidate_))
        if (take(candidate_)) return true;
    return false;
}

bool KeySearch::take(EntryId call) {
    const bool after_unknown = !taken_.empty() && !step(taken_.back().call).known;
    if (after_unknown && step(call).kind == OperationKind::write) return false;
    const std::optional<std::uint32_t> twin = twin_[entries_[call].step];
    if (twin && !is_taken_[*twin]) return false;
    std::optional<Register> after = apply(step(call), value_);
    if (!after) return false;
    lift(call);
    if (!is_new(*after)) {
        put_back(call);
        return false;
    }
    taken_.push_back({call, std::exchange(value_, std::move(*after))});
    candidate_ = first_candidate();
    return true;
}

/// Takes the last place back; false when there is none left to take back.
bool KeySearch::retreat() {
    note_dead_end();
    if (taken_.empty()) return false;
    const EntryId call = taken_.back().call;
    value_ = std::move(taken_.back().before);
    taken_.pop_back();
    put_back(call);
    candidate_ = following(call);
    return true;
}

bool KeySearch::is_new(const Register& value) {
    std::vector<StepIds>& ways = seen_[point_of(value)];
    const auto does_no_less = [&](const StepIds& way) {
        return std::ranges::includes(unknown_taken_, way);
    };
    states_ += 1 + ways.size() / ways_a_state;
    if (std::ranges::any_of(ways, does_no_less)) return false;
    std::erase_if(ways,
                  [&](const StepIds& way) { return std::ranges::includes(way, unknown_taken_); });
    ways.push_back(unknown_taken_);
    return true;
}

/// The steps that have their place, as a number and the few after it: no more than overlap.
KeySearch::Point KeySearch::point_of(const Register& value) const {
    const EntryId first = entries_[known_head].next;
    const auto count = static_cast<std::uint32_t>(steps_.size());
    Point point{.first_open = first == known_head ? count : entries_[first].step, .value = value};
    const EntryId bound = first_return();
    for (std::uint32_t i = point.first_open; i < count && call_of_[i] < bound; ++i)
        if (is_taken_[i] && steps_[i].known) point.later.push_back(i);
    return point;
}

void KeySearch::note_dead_end() {
    const std::size_t known = taken_.size() - unknown_taken_.size();
    const bool is_longer = known > longest_known_;
    const bool is_shorter_way = known == longest_known_ && taken_.size() < longest_.size();
    if (any_dead_end_ && !is_longer && !is_shorter_way) return;
    any_dead_end_ = true;
    longest_known_ = known;
    longest_value_ = value_.value;
    longest_.clear();
    for (const Taken& taken : taken_) longest_.push_back(history_index_[entries_[taken.call].step]);
    stuck_.clear();
    for (EntryId entry = entries_[known_head].next; !entries_[entry].is_return;
         entry = entries_[entry].next)
        stuck_.push_back(history_index_[entries_[entry].step]);
}

}  // namespace trivet::test
