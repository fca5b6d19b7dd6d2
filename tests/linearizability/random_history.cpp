#include "tests/linearizability/random_history.hpp"

#include <algorithm>
#include <map>

namespace trivet::test {
namespace {

using Value = std::optional<std::string>;

/// One moment at which an operation of the history takes effect.
struct Effect {
    std::int64_t time;
    std::size_t index;
    bool happens;
};

}  // namespace

Operation RandomHistory::request(int values) {
    Operation operation{.key = "k", .kind = static_cast<OperationKind>(below(5))};
    switch (operation.kind) {
        case OperationKind::read:
        case OperationKind::remove:
            break;
        case OperationKind::compare_and_set:
            if (!percent(10)) operation.expected = value(values);
            [[fallthrough]];
        case OperationKind::write:
            if (!percent(10)) operation.value = value(values);
            break;
        case OperationKind::create:
            if (percent(70)) operation.value = value(values);
            break;
    }
    return operation;
}

void RandomHistory::answer(Operation& operation, Value& held) {
    switch (operation.kind) {
        case OperationKind::read:
            operation.output = held;
            return;
        case OperationKind::write:
            held = operation.value;
            return;
        case OperationKind::compare_and_set:
            operation.succeeded = held == operation.expected;
            if (operation.succeeded)
                held = operation.value;
            else if (percent(50))
                operation.output = held;
            return;
        case OperationKind::create:
            operation.succeeded = !held;
            if (operation.succeeded) held = operation.value ? operation.value : value(3);
            if (percent(50) || !operation.value) operation.output = held;
            return;
        case OperationKind::remove:
            operation.succeeded = held.has_value();
            if (operation.succeeded && percent(50)) operation.output = held;
            held = std::nullopt;
            return;
    }
}

History RandomHistory::stretched(const Shape& shape) {
    constexpr int step = 10;
    History history;
    Value held;
    for (int i = 0; i < shape.operations; ++i) {
        Operation operation = request(shape.values);
        operation.process = i;
        const bool known = !percent(shape.unknown_percent);
        if (known || percent(50)) answer(operation, held);
        operation.invoked = step * i - below(step * shape.width);
        if (known) operation.returned = step * i + below(step * shape.width);
        if (!known) {
            operation.output = std::nullopt;
            operation.succeeded = true;
        }
        history.push_back(operation);
    }
    std::ranges::shuffle(history, random_);
    return history;
}

History RandomHistory::of_clients(const Clients& shape) {
    History history;
    std::vector<Effect> effects;
    for (int client = 0; client < shape.clients; ++client) {
        std::int64_t now = below(100);
        for (int i = 0; i < shape.operations; ++i) {
            Operation operation = request(10);
            operation.process = client;
            operation.key = std::to_string(below(shape.keys));
            if (operation.value || operation.kind == OperationKind::create)
                operation.value = std::to_string(history.size());
            operation.invoked = now;
            const bool known = !percent(shape.unknown_percent);
            const std::int64_t effect = now + below(known ? 100 : 2000);
            now = effect + below(100);
            if (known)
                operation.returned = now;
            else
                now = operation.invoked + 200;
            effects.push_back({effect, history.size(), known || percent(50)});
            history.push_back(operation);
            now += below(20);
        }
    }
    std::ranges::stable_sort(effects, {}, &Effect::time);
    std::map<std::string, Value> held;
    for (const Effect& effect : effects) {
        Operation& operation = history[effect.index];
        Value& value = held[operation.key];
        // Most comparisons are with what the client has just seen.
        if (operation.kind == OperationKind::compare_and_set && percent(70))
            operation.expected = value;
        if (effect.happens) answer(operation, value);
        if (operation.returned) continue;
        operation.output = std::nullopt;
        operation.succeeded = true;
    }
    return history;
}

void RandomHistory::mutate(History& history, int values) {
    Operation& operation =
        history[static_cast<std::size_t>(below(static_cast<int>(history.size())))];
    switch (below(5)) {
        case 0:
            operation.output = percent(20) ? Value() : Value(value(values));
            break;
        case 1:
            operation.value = percent(20) ? Value() : Value(value(values));
            break;
        case 2:
            operation.succeeded = !operation.succeeded;
            break;
        case 3:
            operation.returned = operation.invoked;
            break;
        case 4:
            operation.invoked -= below(30);
            break;
    }
}

}  // namespace trivet::test
