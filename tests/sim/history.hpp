#pragma once
#include <map>
#include <optional>
#include <vector>

#include "core/time.hpp"
#include "tests/sim/kv_machine.hpp"

namespace trivet::sim {

/// What clients saw. Lists only grow, so their final order decides: it is linearizable exactly when
/// no call that began after another had ended stands before it in that order.
class History {
public:
    struct Call {
        std::uint32_t key = 0;
        bool is_write = false;
        std::uint32_t token = 0;  // of a write
        TokenList seen;           // by a read
        Instant began{};
        std::optional<Instant> ended;  // nullopt: outcome unknown
    };

    std::size_t begin(Call call);
    void end(std::size_t call, Instant at, TokenList seen);
    std::size_t size() const { return calls_.size(); }
    std::size_t answered() const { return answered_; }

    /// Throws Violation. `lists`: the final ones.
    void check(const std::map<std::uint32_t, TokenList>& lists) const;

private:
    std::vector<Call> calls_;
    std::size_t answered_ = 0;
};

}  // namespace trivet::sim
