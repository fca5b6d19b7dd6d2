#pragma once
#include <functional>

#include "tests/sim/history.hpp"
#include "tests/sim/node.hpp"

namespace trivet::sim {

/// Calls one after the other; sends a call again, to another node, until it is answered.
class Client {
public:
    struct Surroundings {
        World& world;
        const Profile& profile;
        History& history;
        /// Brings `what` to the node after a while, or never.
        std::function<void(std::size_t node, std::function<void(Node&)> what)> call;
        std::function<void(std::function<void()>)> answer;  // likewise, back
        std::function<std::size_t()> nodes;
        std::function<std::optional<std::size_t>(raft::RaftId)> place_of;
        std::function<std::uint32_t()> new_token;
    };

    Client(Surroundings surroundings, std::string name)
        : around_(std::move(surroundings)), name_(std::move(name)) {}

    void start();
    /// The call that is on its way is the last one.
    void stop() { is_stopped_ = true; }
    std::uint64_t finished() const { return finished_; }
    std::uint64_t begun() const { return number_; }

private:
    void next();
    void attempt(std::uint64_t number);
    void again(std::uint64_t number, raft::RaftId leader);
    void on_answer(std::uint64_t number, TokenList seen);

    Surroundings around_;
    std::string name_;
    std::uint64_t number_ = 0;  // of the call, which is its sequence too
    std::uint64_t attempt_ = 0;
    std::uint64_t finished_ = 0;
    std::size_t call_ = 0;  // in the history
    bool is_write_ = false;
    bool is_stopped_ = false;
    AppendToken command_;
    std::size_t target_ = 0;
};

}  // namespace trivet::sim
