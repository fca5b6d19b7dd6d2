#include "tests/support/history.hpp"

#include <fmt/format.h>

namespace trivet::test {
namespace {

std::string quoted(const std::optional<std::string>& value) {
    return value ? fmt::format("\"{}\"", *value) : "nothing";
}

std::string request(const Operation& operation) {
    const std::string kind = to_string(operation.kind);
    switch (operation.kind) {
        case OperationKind::read:
        case OperationKind::remove:
            return kind;
        case OperationKind::write:
            return fmt::format("{} {}", kind, quoted(operation.value));
        case OperationKind::compare_and_set:
            return fmt::format("{} {} to {}", kind, quoted(operation.expected),
                               quoted(operation.value));
        case OperationKind::create:
            return operation.value ? fmt::format("{} {}", kind, quoted(operation.value)) : kind;
    }
    return kind;
}

std::string answer(const Operation& operation) {
    if (!operation.returned) return ", outcome unknown";
    if (operation.kind == OperationKind::read)
        return operation.succeeded ? fmt::format(" found {}", quoted(operation.output))
                                   : ", failed";
    std::string text = operation.succeeded ? "" : ", refused";
    if (operation.output) text += fmt::format(", held {}", quoted(operation.output));
    return text;
}

}  // namespace

std::string to_string(OperationKind kind) {
    switch (kind) {
        case OperationKind::read:
            return "read";
        case OperationKind::write:
            return "write";
        case OperationKind::compare_and_set:
            return "compare_and_set";
        case OperationKind::create:
            return "create";
        case OperationKind::remove:
            return "remove";
    }
    return "";
}

std::string describe(const Operation& operation) {
    const std::string end = operation.returned ? std::to_string(*operation.returned) + "]" : "...";
    return fmt::format("process {}: {}{} [{}, {}", operation.process, request(operation),
                       answer(operation), operation.invoked, end);
}

}  // namespace trivet::test
