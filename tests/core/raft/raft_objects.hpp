#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/raft/configuration_codec.hpp"
#include "core/raft/raft.hpp"

namespace trivet::test {

using namespace std::chrono_literals;

using Number = std::uint64_t;

inline raft::Configuration members(std::initializer_list<Number> voters,
                                   std::initializer_list<Number> learners = {}) {
    raft::Configuration configuration;
    const auto add = [&](Number id, raft::MemberRole role) {
        const std::string name = "n" + std::to_string(id);
        configuration.members[raft::RaftId(id)] = {role, name, name + ":7480"};
    };
    for (const Number id : voters) add(id, raft::MemberRole::voter);
    for (const Number id : learners) add(id, raft::MemberRole::learner);
    return configuration;
}

inline LogEntry entry(Number index, Number term, std::string payload = {}) {
    return {LogIndex(index), Term(term), std::move(payload)};
}

inline LogEntry configuration_entry(Number index, Number term, const raft::Configuration& value) {
    return {LogIndex(index), Term(term), raft::encode(value), EntryKind::configuration};
}

/// Entries of these terms, as the paper draws logs: from `first` on.
inline std::vector<LogEntry> entries(std::initializer_list<Number> terms, Number first = 1) {
    std::vector<LogEntry> list;
    for (const Number term : terms) list.push_back(entry(first++, term));
    return list;
}

inline std::vector<Number> terms(const raft::Log& log) {
    std::vector<Number> list;
    for (Number i = log.base().index.value() + 1; i <= log.last_index().value(); ++i)
        list.push_back(log.at(LogIndex(i)).term.value());
    return list;
}

/// The bodies of this kind among the messages, in order.
template <class Body>
std::vector<Body> sent(const raft::Actions& actions) {
    std::vector<Body> bodies;
    for (const raft::Message& message : actions.messages)
        if (const auto* body = std::get_if<Body>(&message.body)) bodies.push_back(*body);
    return bodies;
}

/// The one message that there should be; fails the test otherwise.
template <class Body>
Body the(const raft::Actions& actions) {
    EXPECT_EQ(actions.messages.size(), 1u);
    const auto bodies = sent<Body>(actions);
    EXPECT_EQ(bodies.size(), 1u);
    return bodies.empty() ? Body{} : bodies.front();
}

inline bool writes_nothing(const raft::Actions& actions) { return actions.write.id == 0; }

}  // namespace trivet::test
