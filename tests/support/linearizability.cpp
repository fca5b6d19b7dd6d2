#include "tests/support/linearizability.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace trivet::test {
namespace {

/// The end of a long order is where the contradiction is.
constexpr std::size_t explained_operations_max = 10;

std::string explain(const History& history, const std::string& key, const KeySearch& search) {
    const auto& order = search.longest();
    const std::size_t skipped = order.size() - std::min(order.size(), explained_operations_max);
    std::string text =
        fmt::format("key \"{}\": no order of its operations explains their answers\n", key);
    text +=
        fmt::format("the longest order that can be followed has {} operations{}\n", order.size(),
                    skipped > 0 ? fmt::format("; after the first {} come", skipped)
                                : std::string(order.empty() ? "" : ":"));
    for (std::size_t i = skipped; i < order.size(); ++i)
        text += "  " + describe(history[order[i]]) + "\n";
    text += fmt::format("then the key holds {}, and none of these can come next:\n",
                        search.longest_value());
    for (const std::size_t index : search.stuck()) text += "  " + describe(history[index]) + "\n";
    return text;
}

Verdict check_key(const History& history, const std::string& key,
                  const std::vector<std::size_t>& indexes, const SearchLimits& limits) {
    KeySearch search(history, indexes);
    Verdict verdict{.outcome = search.run(limits.states_max)};
    switch (verdict.outcome) {
        case Outcome::linearizable:
            return verdict;
        case Outcome::violated:
            verdict.longest_order = search.longest();
            verdict.stuck = search.stuck();
            verdict.explanation = explain(history, key, search);
            break;
        case Outcome::undecided:
            verdict.explanation = fmt::format(
                "key \"{}\": undecided after {} states; allow more states, or record histories "
                "with "
                "fewer overlapping operations or unknown outcomes\n",
                key, limits.states_max);
            break;
    }
    verdict.key = key;
    return verdict;
}

}  // namespace

Verdict check_linearizable(const History& history, const SearchLimits& limits) {
    std::map<std::string, std::vector<std::size_t>> keys;
    for (std::size_t i = 0; i < history.size(); ++i) keys[history[i].key].push_back(i);
    Verdict worst;
    for (const auto& [key, indexes] : keys) {
        Verdict verdict = check_key(history, key, indexes, limits);
        if (verdict.outcome == Outcome::violated) return verdict;
        if (worst.outcome == Outcome::linearizable) worst = std::move(verdict);
    }
    return worst;
}

}  // namespace trivet::test
