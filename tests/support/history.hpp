#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trivet::test {

enum class OperationKind { read, write, compare_and_set, create, remove };

/// What one client asked of one key, and what it saw. A value that is not there is nullopt.
struct Operation {
    std::int64_t process = 0;  // whoever asked: any number, for people
    std::string key = {};
    OperationKind kind = OperationKind::read;
    /// compare_and_set: what must be held; nullopt: nothing.
    std::optional<std::string> expected = {};
    /// write, compare_and_set: what is held afterwards; nullopt: nothing.
    /// create: what is held afterwards; nullopt: the server chooses, and `output` tells.
    std::optional<std::string> value = {};
    /// read: what was held; nullopt: nothing.
    /// create, remove, and a refused compare_and_set: what the answer told is held (of remove:
    /// was held); nullopt: the answer did not tell.
    std::optional<std::string> output = {};
    /// Any one clock for the whole history, in any unit. Equal times count as simultaneous.
    std::int64_t invoked = 0;
    /// nullopt: nobody knows the outcome. It took effect at any time after `invoked`, or never.
    std::optional<std::int64_t> returned = {};
    /// False: refused, because the key held something else (compare_and_set), something (create) or
    /// nothing (remove). A read or write that failed tells nothing and is passed over.
    /// Of no meaning while the outcome is unknown.
    bool succeeded = true;

    bool operator==(const Operation&) const = default;
};

using History = std::vector<Operation>;

std::string to_string(OperationKind kind);

/// For people: `process 3: compare_and_set "1" to "2", refused, held "3" [120, 140]`.
std::string describe(const Operation& operation);

}  // namespace trivet::test
