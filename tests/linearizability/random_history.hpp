#pragma once
#include <cstdint>
#include <random>

#include "tests/support/history.hpp"

namespace trivet::test {

/// Makes up histories from a seed.
class RandomHistory {
public:
    explicit RandomHistory(std::uint64_t seed) : random_(seed) {}

    struct Shape {
        int operations;
        int values;           // few values make coincidences
        int width;            // how far an operation reaches from its moment, in operations
        int unknown_percent;  // half of them take effect
    };
    /// Operations on one key, one after the other, and then each stretched over a time around its
    /// moment: linearizable by construction.
    History stretched(const Shape& shape);

    struct Clients {
        int clients;
        int operations;  // of each client
        int keys;
        int unknown_percent;
    };
    /// Clients that each wait for an answer before they ask again, and a store that gives it:
    /// linearizable by construction. No two operations set the same value.
    History of_clients(const Clients& shape);

    /// Changes one answer, value or time of one operation.
    void mutate(History& history, int values);

private:
    int below(int bound) { return std::uniform_int_distribution(0, bound - 1)(random_); }
    bool percent(int chance) { return below(100) < chance; }
    std::string value(int values) { return std::to_string(1 + below(values)); }
    Operation request(int values);
    void answer(Operation& operation, std::optional<std::string>& held);

    std::mt19937_64 random_;
};

}  // namespace trivet::test
