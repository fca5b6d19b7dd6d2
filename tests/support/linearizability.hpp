#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/history.hpp"
#include "tests/support/key_search.hpp"

namespace trivet::test {

struct SearchLimits {
    /// For each key; about a second's worth of optimised code.
    std::size_t states_max = 2'000'000;
};

struct Verdict {
    Outcome outcome = Outcome::linearizable;
    /// Of a violation, or of what could not be decided: the first such key; the rest tells more.
    std::string key = {};
    /// Of a violation: the longest order that can be followed, and the operations of which none can
    /// come next. Indexes into the history.
    std::vector<std::size_t> longest_order = {};
    std::vector<std::size_t> stuck = {};
    /// For people, several lines; empty when linearizable.
    std::string explanation = {};
};

/// Whether one order of the operations explains every answer and contradicts no clock: each
/// operation took effect at one moment between its call and its return. Every key starts with
/// nothing in it; keys are independent of each other. A violation on one key outweighs that
/// another one could not be decided.
/// That no operation returned before it was invoked is an assertion.
Verdict check_linearizable(const History& history, const SearchLimits& limits = {});

}  // namespace trivet::test
