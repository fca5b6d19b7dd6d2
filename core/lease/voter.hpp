#pragma once
#include <optional>
#include <vector>

#include "core/lease/view.hpp"

namespace trivet::lease {

/// The half of a node that promises (rules V1 to V8 of docs/internals/leases.md). Everything in it
/// is forgotten at a restart. No I/O, no clock; allocates only when it meets a node for the first
/// time. Not thread-safe.
class Voter {
public:
    /// V1: `started` is when this process began to count.
    explicit Voter(Instant started);

    /// V7. Also before the first message: floors start from the applied plan.
    void on_view(const View& view, Instant now);

    enum class Answer : std::uint8_t { none, ack, refuse };
    /// `received` was read after the message arrived (V6). Fills `ack` or `refuse`.
    Answer on_renew(NodeId from, Boot boot, const Renew& renew, Instant received, Ack& ack,
                    Refuse& refuse);
    /// V8.
    void on_release(NodeId from, Boot boot, Epoch epoch, Instant now);

    /// The epoch in which `node` renewed here since `since`; 0 when it did not.
    Epoch heard(NodeId node, Instant since) const;
    /// When it last renewed here; the epoch of the clock when it never did.
    Instant heard_at(NodeId node) const;
    /// The epoch that `node` has released; 0 when none.
    Epoch released(NodeId node) const;

private:
    struct Node {
        NodeId id;
        Boot boot;
        Key floor;  // it is never promised anything below
        Key promise_key;
        Instant promise_until{};
        Instant heard_at{};
        Epoch heard_epoch;
        Instant lags_since{};  // refused for its generation since then
        Epoch released;
        bool is_promised(Instant now) const { return now < promise_until; }
    };

    Node* find(NodeId id);
    const Node* find(NodeId id) const;
    Node* enter(NodeId id);  // null: too many nodes
    bool accepts(LogIndex configuration, Instant now) const;
    void note_lag(Node& node, Key key, Instant now);
    void learn(const Want& want, Instant now);
    Key confirmed(const Node& node, Instant now) const;

    Instant started_;
    LogIndex configuration_, configuration_before_;
    Instant configured_{};  // when the newest configuration was applied here
    bool has_view_ = false;
    std::vector<Node> nodes_;  // by id
};

}  // namespace trivet::lease
