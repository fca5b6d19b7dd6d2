#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/history.hpp"

namespace trivet::test {

/// The values of one key as numbers, so that states compare quickly.
using ValueId = std::uint32_t;
constexpr ValueId absent = 0;
/// Present, but chosen by a server whose answer was lost: whoever sees it first finds out.
constexpr ValueId chosen = std::numeric_limits<ValueId>::max();

/// Present, and told by no answer and asked for by nobody: all such values are as good as one.
constexpr ValueId untold = chosen - 1;

class ValueIds {
public:
    /// Gives numbers to what the operation compares or tells; to be called for all of them first.
    void learn(const Operation& operation);
    ValueId of(const std::optional<std::string>& value) const;
    /// For people.
    std::string text(ValueId id) const;

private:
    std::map<std::string, ValueId> ids_;
};

/// What one key holds.
struct Register {
    ValueId value = absent;
    std::vector<ValueId> not_chosen = {};  // sorted; what a `chosen` value is known not to be

    bool operator==(const Register&) const = default;
};

/// An operation in numbers, reduced to what the order must explain.
struct Step {
    OperationKind kind;
    bool known;  // false: the outcome is unknown, and the step may be left out
    bool succeeded;
    ValueId expected;
    ValueId value;
    std::optional<ValueId> output;  // nullopt: not told

    bool operator==(const Step&) const = default;
};

/// The step of an operation; nullopt when it tells nothing and changes nothing.
std::optional<Step> step_of(const Operation& operation, const ValueIds& ids);

/// The register after the step, if the step can be answered as it was on this register.
std::optional<Register> apply(const Step& step, const Register& before);

}  // namespace trivet::test
