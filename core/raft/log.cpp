#include "core/raft/log.hpp"

#include <algorithm>

#include "core/assert.hpp"
#include "core/raft/configuration_codec.hpp"

namespace trivet::raft {

Log::Log(LogBase base, std::vector<LogEntry> entries) {
    reset(std::move(base));
    for (LogEntry& entry : entries) append(std::move(entry));
}

LogIndex Log::last_index() const { return LogIndex(base_.index.value() + entries_.size()); }

Term Log::last_term() const { return entries_.empty() ? base_.term : entries_.back().term; }

std::size_t Log::offset(LogIndex index) const {
    TRIVET_ASSERT(index > base_.index);
    TRIVET_ASSERT(index <= last_index());
    return index.value() - base_.index.value() - 1;
}

std::optional<Term> Log::term_at(LogIndex index) const {
    if (index == base_.index) return base_.term;
    if (index < base_.index || index > last_index()) return std::nullopt;
    return entries_[offset(index)].term;
}

const LogEntry& Log::at(LogIndex index) const { return entries_[offset(index)]; }

std::vector<LogEntry> Log::slice(LogIndex from, std::size_t entries_max,
                                 std::size_t bytes_max) const {
    std::vector<LogEntry> slice;
    if (from > last_index()) return slice;
    std::size_t bytes = 0;
    for (std::size_t i = offset(from); i < entries_.size() && slice.size() < entries_max; ++i) {
        bytes += entries_[i].payload.size();
        if (!slice.empty() && bytes > bytes_max) break;
        slice.push_back(entries_[i]);
    }
    return slice;
}

LogIndex Log::last_not_newer(LogIndex index, Term term) const {
    index = std::min(index, last_index());
    while (index > base_.index && at(index).term > term) index = LogIndex(index.value() - 1);
    return std::max(index, base_.index);
}

void Log::append(LogEntry entry) {
    TRIVET_ASSERT(entry.index.value() == last_index().value() + 1);
    TRIVET_ASSERT(entry.term >= last_term());
    if (entry.kind == EntryKind::configuration) {
        auto configuration = decode_configuration(entry.payload);
        TRIVET_ASSERT(configuration);  // was checked when it came in
        configurations_.emplace_back(entry.index, std::move(*configuration));
    }
    bytes_ += entry.payload.size();
    entries_.push_back(std::move(entry));
}

void Log::truncate_from(LogIndex index) {
    for (std::size_t i = offset(index); i < entries_.size(); ++i)
        bytes_ -= entries_[i].payload.size();
    entries_.resize(offset(index));
    // Thesis 4.1: a server falls back to the configuration before, when the entry goes.
    while (configurations_.back().first >= index) configurations_.pop_back();
}

void Log::compact(LogIndex index) {
    if (index <= base_.index) return;
    LogBase base{index, at(index).term, configuration_at(index)};
    const std::size_t gone = offset(index) + 1;
    for (std::size_t i = 0; i < gone; ++i) bytes_ -= entries_[i].payload.size();
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(gone));
    while (configurations_.size() > 1 && configurations_[1].first <= index)
        configurations_.pop_front();
    base_ = std::move(base);
}

void Log::reset(LogBase base) {
    entries_.clear();
    bytes_ = 0;
    configurations_.clear();
    configurations_.emplace_back(base.index, base.configuration);
    base_ = std::move(base);
}

const Configuration& Log::configuration_at(LogIndex index) const {
    TRIVET_ASSERT(index >= base_.index);
    const auto after =
        std::ranges::upper_bound(configurations_, index, {}, [](const auto& c) { return c.first; });
    return std::prev(after)->second;
}

}  // namespace trivet::raft
