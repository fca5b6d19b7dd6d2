#include "store/log_terms.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::store {

Term LogTerms::at(LogIndex index) const {
    TRIVET_ASSERT(index >= starts_.front().index);
    const auto behind = std::ranges::upper_bound(starts_, index, {}, &Start::index);
    return std::prev(behind)->term;
}

void LogTerms::append(LogIndex index, Term term) {
    TRIVET_ASSERT(index > starts_.back().index);
    if (term != last()) starts_.push_back({index, term});
}

void LogTerms::truncate_from(LogIndex index) {
    TRIVET_ASSERT(index > starts_.front().index);
    while (starts_.back().index >= index) starts_.pop_back();
}

void LogTerms::move_base(LogIndex base) {
    const Start first{base, at(base)};
    std::erase_if(starts_, [&](const Start& start) { return start.index <= base; });
    starts_.insert(starts_.begin(), first);
}

}  // namespace trivet::store
