#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "tests/support/history.hpp"

namespace trivet::test {

/// More is a mistake, or more than a test should ask of the search.
constexpr std::size_t operations_max = 1'000'000;

/// One operation as a line of JSON without its end, its fields named as in Operation:
///   {"process":1,"key":"a","kind":"write","value":"7","invoked":10,"returned":25}
///   {"process":2,"key":"a","kind":"read","output":"7","invoked":12,"returned":20}
///   {"process":2,"key":"a","kind":"compare_and_set","expected":"7","value":"8",
///    "invoked":30,"returned":null}
/// What is absent is null; `returned` is null when the outcome is unknown. `succeeded` is true, and
/// `expected`, `value` and `output` are null, when they are left out; the other fields, `value` of
/// a write and of a compare_and_set, its `expected`, and `output` of a read that has succeeded are
/// always there.
std::string to_json_line(const Operation& operation);

/// A history, one operation a line, in any order; empty lines are passed over.
/// Errors: invalid_argument, naming the line; too_large.
Result<History> parse_history(std::string_view lines);

}  // namespace trivet::test
