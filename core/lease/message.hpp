#pragma once
#include <vector>

#include "core/ids.hpp"
#include "core/lease/profile.hpp"
#include "core/lease_plan.hpp"

/// What nodes tell each other on UDP port 7482 (docs/internals/leases.md). Plain values; whoever
/// keeps one for reuse keeps the memory of its lists.
namespace trivet::lease {

/// Grows with every start of a node, and is durable.
using Boot = Strong<struct LeaseBootTag, std::uint64_t>;
/// Grows with every RENEW of a boot.
using Sequence = Strong<struct LeaseSequenceTag, std::uint64_t>;

constexpr std::size_t nodes_max = 256;  // with more, a RENEW would need dozens of fragments

struct Want {
    NodeId node;
    Key key;
    bool is_fence = false;
    friend bool operator==(const Want&, const Want&) = default;
};

/// "Promise me." The claim of a dead node's addresses is one with fence wants.
struct Renew {
    Sequence sequence;
    Key key;  // the sender's epoch and generation
    LogIndex configuration;
    ProfileId profile = ProfileId::standard;
    std::vector<Want> wants;  // for each node at most one of each kind
    friend bool operator==(const Renew&, const Renew&) = default;
};

struct Confirmed {
    NodeId node;
    Key key;  // no promise to it below this is alive, and there will be none
    friend bool operator==(const Confirmed&, const Confirmed&) = default;
};

struct Heard {
    NodeId node;
    Epoch epoch;
    friend bool operator==(const Heard&, const Heard&) = default;
};

struct Ack {
    Sequence sequence;                 // of the RENEW answered
    Boot boot;                         // likewise
    std::vector<Confirmed> confirmed;  // each node wanted, once
    std::vector<Heard> heard;          // who renewed lately
    friend bool operator==(const Ack&, const Ack&) = default;
};

/// "I know something newer about you."
struct Refuse {
    Sequence sequence;
    Boot boot;
    Key floor;
    friend bool operator==(const Refuse&, const Refuse&) = default;
};

struct Release {
    Epoch epoch;
    friend bool operator==(const Release&, const Release&) = default;
};

}  // namespace trivet::lease
