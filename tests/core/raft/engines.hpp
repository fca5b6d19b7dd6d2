#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/replicated_log.hpp"

namespace trivet::raft {

/// An engine with a disk that the test holds: what every ReplicatedLog must look like to the
/// conformance suite. A further engine joins by one more of these.
class Engine {
public:
    virtual ~Engine() = default;
    virtual ReplicatedLog& log() = 0;
    /// Lets it come to where it takes proposals.
    virtual void get_ready() = 0;
    /// Answers the oldest write that waits, and lets everything that follows from it happen.
    virtual void finish_write(Result<void> result) = 0;
    virtual bool has_writes() const = 0;
    /// Time goes by until something that waits for time has happened.
    virtual void let_time_pass() = 0;
    /// Commands on the disk, oldest first.
    virtual std::vector<std::string> durable() const = 0;
    virtual void destroy() = 0;

    virtual void deliver_messages() = 0;  // between its nodes, and what follows from them

    void finish_writes() {
        do {
            deliver_messages();
            if (has_writes()) finish_write({});
        } while (has_writes());
    }
};

using MakeEngine = std::unique_ptr<Engine> (*)();

std::unique_ptr<Engine> make_single_node();
std::unique_ptr<Engine> make_raft_of_one();
std::unique_ptr<Engine> make_raft_of_three();

}  // namespace trivet::raft
