#include "daemon/outcomes.hpp"

#include <algorithm>

namespace trivet::daemon {

void Outcomes::note(LogIndex index, const Applied& applied) {
    if (!applied.result)
        unusual_.insert_or_assign(index, fail(applied.result.error()));
    else if (applied.repeats)
        unusual_.insert_or_assign(index, *applied.repeats);
    if (unusual_.size() > kept_max) forget_up_to(unusual_.begin()->first);
}

Result<LogIndex> Outcomes::of(LogIndex index) const {
    if (index <= horizon_)
        return fail(ErrorCode::timeout,
                    "the change is in the log, but this node was too far behind to see what came "
                    "of it; look, or send it again with its Idempotency-Key");
    const auto found = unusual_.find(index);
    return found == unusual_.end() ? index : found->second;
}

void Outcomes::forget_up_to(LogIndex index) {
    horizon_ = std::max(horizon_, index);
    unusual_.erase(unusual_.begin(), unusual_.upper_bound(index));
}

}  // namespace trivet::daemon
