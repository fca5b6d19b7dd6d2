#include "tests/linearizability/brute_force.hpp"

#include <algorithm>
#include <set>

namespace trivet::test {
namespace {

using Value = std::optional<std::string>;

/// What one operation does to a value, told as one who answers requests would.
struct Answer {
    bool succeeded;
    Value after;
};

Answer ask(const Operation& operation, const Value& held, const Value& choice) {
    switch (operation.kind) {
        case OperationKind::read:
            return {true, held};
        case OperationKind::write:
            return {true, operation.value};
        case OperationKind::compare_and_set:
            if (held != operation.expected) return {false, held};
            return {true, operation.value};
        case OperationKind::create:
            if (held) return {false, held};
            return {true, operation.value ? operation.value : choice};
        case OperationKind::remove:
            return {held.has_value(), std::nullopt};
    }
    return {false, held};
}

bool is_as_seen(const Operation& operation, const Value& held, const Answer& answer) {
    if (!operation.returned) return true;
    if (answer.succeeded != operation.succeeded) return false;
    switch (operation.kind) {
        case OperationKind::read:
            return operation.output == held;
        case OperationKind::write:
            return true;
        case OperationKind::compare_and_set:
            return answer.succeeded || !operation.output || operation.output == held;
        case OperationKind::create:
            return !operation.output || operation.output == answer.after;
        case OperationKind::remove:
            return !answer.succeeded || !operation.output || operation.output == held;
    }
    return false;
}

class Permutations {
public:
    explicit Permutations(const History& history) : history_(history), placed_(history.size()) {
        choices_.insert("a value that nobody mentions");
        for (const Operation& operation : history)
            for (const Value& value : {operation.expected, operation.value, operation.output})
                if (value) choices_.insert(*value);
    }

    bool any_from(const Value& held) {
        if (is_complete()) return true;
        for (std::size_t i = 0; i < history_.size(); ++i) {
            if (placed_[i] || !may_come_next(i)) continue;
            placed_[i] = true;
            const bool found = any_after(history_[i], held);
            placed_[i] = false;
            if (found) return true;
        }
        return false;
    }

private:
    bool any_after(const Operation& operation, const Value& held) {
        for (const std::string& choice : choices_) {
            const Answer answer = ask(operation, held, choice);
            if (is_as_seen(operation, held, answer) && any_from(answer.after)) return true;
            if (operation.kind != OperationKind::create || operation.value) break;
        }
        return false;
    }

    bool is_complete() const {
        for (std::size_t i = 0; i < history_.size(); ++i)
            if (!placed_[i] && history_[i].returned) return false;
        return true;
    }

    bool may_come_next(std::size_t index) const {
        for (std::size_t i = 0; i < history_.size(); ++i)
            if (!placed_[i] && history_[i].returned &&
                *history_[i].returned < history_[index].invoked)
                return false;
        return true;
    }

    const History& history_;
    std::vector<bool> placed_;
    std::set<std::string> choices_;
};

bool tells_nothing(const Operation& operation) {
    if (!operation.returned) return operation.kind == OperationKind::read;
    const bool is_plain =
        operation.kind == OperationKind::read || operation.kind == OperationKind::write;
    return is_plain && !operation.succeeded;
}

}  // namespace

bool is_linearizable_by_brute_force(const History& history) {
    History telling = history;
    std::erase_if(telling, tells_nothing);
    return Permutations(telling).any_from(std::nullopt);
}

}  // namespace trivet::test
