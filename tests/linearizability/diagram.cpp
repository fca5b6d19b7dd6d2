#include "tests/linearizability/diagram.hpp"

#include <algorithm>
#include <map>

#include "core/assert.hpp"

namespace trivet::test {
namespace {

std::optional<std::string> value_of(char letter) {
    return letter == '_' ? std::nullopt : std::optional(std::string(1, letter));
}

/// Reads a word's characters one after the other.
class Word {
public:
    explicit Word(std::string_view word) : rest_(word.substr(0, word.find_first_of(".?"))) {}

    void read_into(Operation& operation) {
        operation.kind = kind(next());
        switch (operation.kind) {
            case OperationKind::read:
                operation.output = value();
                break;
            case OperationKind::compare_and_set:
                operation.expected = value();
                [[fallthrough]];
            case OperationKind::write:
                operation.value = value();
                break;
            case OperationKind::create:
                if (!rest_.empty() && rest_[0] != '=') operation.value = value();
                break;
            case OperationKind::remove:
                break;
        }
        read_answer(operation);
    }

private:
    void read_answer(Operation& operation) {
        if (rest_.empty()) return;
        const char mark = next();
        TRIVET_ASSERT(mark == '!' || mark == '=');
        operation.succeeded = mark == '=';
        if (!rest_.empty()) operation.output = value();
        TRIVET_ASSERT(rest_.empty());
    }

    static OperationKind kind(char letter) {
        static const std::map<char, OperationKind> kinds{{'r', OperationKind::read},
                                                         {'w', OperationKind::write},
                                                         {'c', OperationKind::compare_and_set},
                                                         {'+', OperationKind::create},
                                                         {'x', OperationKind::remove}};
        return kinds.at(letter);
    }

    std::optional<std::string> value() { return value_of(next()); }

    char next() {
        TRIVET_ASSERT(!rest_.empty());
        const char letter = rest_[0];
        rest_.remove_prefix(1);
        return letter;
    }

    std::string_view rest_;
};

}  // namespace

History drawn(std::string_view picture, std::string_view key) {
    History history;
    std::int64_t process = 1;
    for (; !picture.empty(); ++process) {
        const std::string_view row = picture.substr(0, picture.find('\n'));
        picture.remove_prefix(std::min(picture.size(), row.size() + 1));
        for (std::size_t begin = row.find_first_not_of(' '); begin != std::string_view::npos;) {
            const std::size_t end = std::min(row.find(' ', begin), row.size());
            const std::string_view word = row.substr(begin, end - begin);
            Operation operation{.process = process,
                                .key = std::string(key),
                                .invoked = static_cast<std::int64_t>(begin)};
            Word(word).read_into(operation);
            if (!word.ends_with('?')) operation.returned = static_cast<std::int64_t>(end - 1);
            history.push_back(operation);
            begin = row.find_first_not_of(' ', end);
        }
    }
    return history;
}

}  // namespace trivet::test
