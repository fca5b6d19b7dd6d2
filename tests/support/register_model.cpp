#include "tests/support/register_model.hpp"

#include <algorithm>

namespace trivet::test {
namespace {

/// The register as one who sees `value` in it knows it; nullopt when it does not hold `value`.
std::optional<Register> holding(const Register& before, ValueId value) {
    if (before.value == value) return before;
    if (before.value != chosen || value == absent) return std::nullopt;
    if (std::ranges::binary_search(before.not_chosen, value)) return std::nullopt;
    return Register{.value = value};
}

/// The register as one who sees that it does not hold `value` knows it; nullopt when it does.
std::optional<Register> not_holding(const Register& before, ValueId value) {
    if (before.value == value) return std::nullopt;
    Register after = before;
    if (before.value != chosen || value == absent) return after;
    const auto place = std::ranges::lower_bound(after.not_chosen, value);
    if (place == after.not_chosen.end() || *place != value) after.not_chosen.insert(place, value);
    return after;
}

std::optional<Register> holding_if_told(std::optional<Register> before, const Step& step) {
    if (!before || !step.output) return before;
    return holding(*before, *step.output);
}

std::optional<Register> apply_refused(const Step& step, const Register& before) {
    switch (step.kind) {
        case OperationKind::read:
        case OperationKind::write:
            return before;
        case OperationKind::compare_and_set:
            return holding_if_told(not_holding(before, step.expected), step);
        case OperationKind::create:
            return holding_if_told(not_holding(before, absent), step);
        case OperationKind::remove:
            return holding(before, absent);
    }
    return std::nullopt;
}

std::optional<Register> apply_create(const Step& step, const Register& before) {
    if (!holding(before, absent)) return std::nullopt;
    return holding_if_told(Register{.value = step.value}, step);
}

}  // namespace

void ValueIds::learn(const Operation& operation) {
    for (const auto& value : {operation.expected, operation.output})
        if (value) ids_.try_emplace(*value, static_cast<ValueId>(ids_.size() + 1));
}

ValueId ValueIds::of(const std::optional<std::string>& value) const {
    if (!value) return absent;
    const auto found = ids_.find(*value);
    return found == ids_.end() ? untold : found->second;
}

std::string ValueIds::text(ValueId id) const {
    if (id == absent) return "nothing";
    for (const auto& [text, known_id] : ids_)
        if (known_id == id) return "\"" + text + "\"";
    return id == untold ? "a value that no answer tells" : "a value that the server chose";
}

std::optional<Step> step_of(const Operation& operation, const ValueIds& ids) {
    const bool known = operation.returned.has_value();
    const OperationKind kind = operation.kind;
    if (kind == OperationKind::read && (!known || !operation.succeeded)) return std::nullopt;
    if (kind == OperationKind::write && known && !operation.succeeded) return std::nullopt;

    Step step{.kind = kind,
              .known = known,
              .succeeded = operation.succeeded || !known,
              .expected = ids.of(operation.expected),
              .value = ids.of(operation.value),
              .output = std::nullopt};
    if (kind == OperationKind::create && !operation.value) step.value = chosen;
    if (kind == OperationKind::read || (known && operation.output))
        step.output = ids.of(operation.output);
    return step;
}

std::optional<Register> apply(const Step& step, const Register& before) {
    if (!step.succeeded) return apply_refused(step, before);
    switch (step.kind) {
        case OperationKind::read:
            return holding(before, *step.output);
        case OperationKind::write:
            return Register{.value = step.value};
        case OperationKind::compare_and_set:
            if (!holding(before, step.expected)) return std::nullopt;
            return Register{.value = step.value};
        case OperationKind::create:
            return apply_create(step, before);
        case OperationKind::remove:
            if (!holding_if_told(not_holding(before, absent), step)) return std::nullopt;
            return Register{};
    }
    return std::nullopt;
}

}  // namespace trivet::test
