#pragma once
#include <map>

#include "core/ids.hpp"
#include "core/records.hpp"
#include "core/result.hpp"

namespace trivet::daemon {

/// What applying the newest commands came to, for those who proposed them, here or through another
/// node, and learn their index only afterwards. A value type; one strand owns it.
class Outcomes {
public:
    /// Refusals and repetitions that are remembered; twice what a leader lets wait.
    static constexpr std::size_t kept_max = 8192;

    void note(LogIndex index, const Applied& applied);
    /// A snapshot took the place of commands up to `index`: how those went is not known here.
    void skip_to(LogIndex index) { forget_up_to(index); }

    /// Of an applied command: the index that did what was asked for, maybe that of an earlier
    /// request under the same name. Errors: the refusal; timeout, it is not known any more.
    Result<LogIndex> of(LogIndex index) const;

private:
    void forget_up_to(LogIndex index);

    std::map<LogIndex, Result<LogIndex>> unusual_;  // all others succeeded
    LogIndex horizon_;                              // up to here nothing is known
};

}  // namespace trivet::daemon
