#pragma once
#include <vector>

#include "core/ids.hpp"

namespace trivet::store {

/// The term of every entry of the log, from its base on: where each term begins, so a handful of
/// pairs. A value type.
class LogTerms {
public:
    LogTerms() = default;  // of an empty log: entry 0 of term 0
    LogTerms(LogIndex base, Term term) : starts_{{base, term}} {}

    Term at(LogIndex index) const;  // the base or behind it; past the end: the last
    Term last() const { return starts_.back().term; }

    void append(LogIndex index, Term term);  // behind all before
    void truncate_from(LogIndex index);      // behind the base
    void move_base(LogIndex base);

private:
    struct Start {
        LogIndex index;
        Term term;
    };
    std::vector<Start> starts_{{}};  // never empty: the first is the base
};

}  // namespace trivet::store
