#pragma once
#include <compare>
#include <map>
#include <span>
#include <vector>

#include "core/ids.hpp"
#include "core/ip_address.hpp"

/// Leases: who may answer for a layer 2 VIP, and from when (docs/internals/leases.md). P1 to P4, V1
/// to V8 and H1 to H8 are its rules; they stand at the lines that obey them.
namespace trivet::lease {

/// What a node's right is dated with, compared epoch first. A right dies when something greater is
/// confirmed.
struct Key {
    Epoch epoch;
    LogIndex generation;
    friend auto operator<=>(const Key&, const Key&) = default;
};

using Keys = std::map<NodeId, Key>;

/// The durable half of the leases, a part of the replicated state: the candidates of each VIP
/// address in order, and what each of them has to wait for before it may open its gate. A value
/// type; no clock.
class Plan {
public:
    /// P1. A node that left stays here: others may still have to wait for it.
    struct Node {
        Epoch epoch{1};       // grows when the node is admitted again
        LogIndex generation;  // of the last change of a list that named the node before it
        Epoch fence;          // the highest epoch known to be fenced
        Key past;             // of lists that are gone altogether
        bool is_fenced() const { return fence >= epoch; }
        friend bool operator==(const Node&, const Node&) = default;
    };
    struct Candidate {
        NodeId node;
        Keys after;  // whom it has to wait for, apart from the candidates before it
        friend bool operator==(const Candidate&, const Candidate&) = default;
    };
    /// P1.
    struct Entry {
        std::vector<Candidate> list;
        Keys past;
        friend bool operator==(const Entry&, const Entry&) = default;
        std::vector<NodeId> nodes() const;
    };

    /// P2: gives `address` this list, and the nodes of the old one the generation `index`; an empty
    /// list deletes. Nothing happens when the list is the same. Nodes that were
    /// never named before come into being. Precondition: no node stands twice in `list`.
    bool set_list(IpAddress address, const std::vector<NodeId>& list, LogIndex index);
    /// The epoch of a node is known to be fenced. False: it was known, or is not that far yet.
    bool record_fence(NodeId node, Epoch epoch);
    /// P3. False when the epoch has moved on. Otherwise `changed` gets the addresses whose lists
    /// changed: the node went to their end.
    bool admit(NodeId node, Epoch seen, LogIndex index, std::vector<IpAddress>& changed);

    const std::map<NodeId, Node>& nodes() const { return nodes_; }
    const std::map<IpAddress, Entry>& entries() const { return entries_; }
    const Node* find(NodeId node) const;
    const Entry* find(IpAddress address) const;
    /// The first candidate whose epoch is not fenced; 0 when there is none.
    NodeId owner(IpAddress address) const;

    // For whoever reads it back from its persisted form.
    void restore(NodeId id, Node node) { nodes_[id] = node; }
    void restore(IpAddress address, Entry entry) { entries_[address] = std::move(entry); }

    friend bool operator==(const Plan&, const Plan&) = default;

private:
    bool change_list(IpAddress address, const std::vector<NodeId>& list, LogIndex index,
                     NodeId admitted);
    Key before(NodeId node, LogIndex index, NodeId admitted) const;

    std::map<NodeId, Node> nodes_;
    std::map<IpAddress, Entry> entries_;  // of addresses with a list
};

}  // namespace trivet::lease
