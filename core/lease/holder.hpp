#pragma once
#include <optional>
#include <vector>

#include "core/lease/view.hpp"

namespace trivet::lease {

class Voter;

/// The half of a node that holds rights (rules H2 to H8 of docs/internals/leases.md): what it
/// wants, what was confirmed, and until when each group of addresses may be open. No I/O, no clock;
/// it allocates only when a view is taken over. Not thread-safe.
class Holder {
public:
    Holder(NodeId self, Boot boot, Instant started);

    /// H5. The deadlines are those of the new view's groups afterwards.
    void on_view(const View& view, Instant now);
    /// Fills in what to ask of every voter. `sent` was read before sending (H4).
    /// False: nothing is sent (H6, H7, or there is no view yet).
    bool make_renew(const Voter& voter, Instant sent, Renew& renew);
    void on_ack(NodeId voter, const Ack& ack, Instant now);
    void on_refuse(NodeId voter, const Refuse& refuse, Instant now);
    /// H6: nothing is open from here on, until the node is admitted again. The epoch to release.
    Epoch release();
    /// After a stall of this process everybody seems silent: they get a little time to be heard.
    void on_stall(Instant now);

    /// H4. In the past: it is not open. The view's order: one for each of its rights.
    struct GroupDeadline {
        Group group = 0;
        Instant until{};
        friend bool operator==(const GroupDeadline&, const GroupDeadline&) = default;
    };
    const std::vector<GroupDeadline>& deadlines() const { return deadlines_; }
    Instant deadline(Group group) const;
    /// Of the node's lease as such: a majority has promised it something.
    Instant lease_deadline() const { return lease_deadline_; }
    bool is_claiming() const { return is_claiming_; }
    Instant claiming_since() const { return claiming_since_; }
    /// Fences that a majority has confirmed for an open group: to be recorded in Raft.
    void append_fenced(Instant now, std::vector<Heard>& fenced) const;
    /// H7. The epoch that is over, wholly or at some voters: ask to be admitted again.
    std::optional<Epoch> wants_admission() const;
    /// H7: closed, and not renewing, until the plan knows a higher epoch.
    bool is_retired() const;
    /// H7: the retired epoch that has not been released yet.
    std::optional<Epoch> take_release_due();
    bool has_release_due() const { return release_due_ != Epoch{}; }
    Epoch epoch() const { return key_.epoch; }

private:
    static constexpr std::size_t configurations_max = 4;  // H4

    struct VoterAck {
        bool is_present = false;
        Sequence sequence;
        Instant sent{};
        Instant until{};             // of what rests on it: by the profile that the RENEW named
        std::vector<Key> confirmed;  // H3: of one ACK; by place in view_nodes_
        std::vector<Epoch> heard;    // likewise
        Key refused_by;              // newest REFUSE, when it is newer than the ACK
        Sequence refused_sequence;
    };
    struct Configuration {
        LogIndex index;
        std::vector<NodeId> voters;
        std::vector<VoterAck> acks;  // by place in voters
        std::size_t majority() const { return voters.size() / 2 + 1; }
    };
    struct Sent {
        Sequence sequence;
        Instant at{};
        LogIndex configuration;
        ProfileId profile = ProfileId::standard;
    };
    struct IndexedNeed {
        std::size_t node;
        Key key;
        bool is_fence;
    };
    struct IndexedRight {
        Group group = 0;
        bool hold = false;
        std::vector<IndexedNeed> needs;
        Instant until{};
    };

    std::size_t place_of(NodeId node) const;
    void enter_configuration(const View& view);
    void remap(const std::vector<View::Node>& before, Instant now);
    VoterAck* ack_of(NodeId voter, LogIndex configuration);
    const Sent* find_sent(Sequence sequence) const;
    Instant until(const std::vector<IndexedNeed>& needs) const;
    void recompute(Instant now);
    void close_all();
    void clear_acks();
    bool is_suspected(std::size_t node, const Voter& voter, Instant now) const;
    bool is_heard_by_majority(std::size_t node, Instant now) const;
    std::size_t refusals() const;
    void gather_wants(const Voter& voter, Instant now);

    NodeId self_;
    Boot boot_;
    Instant silent_since_;  // nobody is suspected for what happened before
    bool has_view_ = false;
    Key key_;
    Epoch own_fence_;
    ProfileId profile_ = ProfileId::standard;
    bool is_voter_ = false;
    std::vector<View::Node> view_nodes_;
    std::vector<Instant> known_since_;           // each node in its epoch; by place in view_nodes_
    std::vector<Configuration> configurations_;  // newest first
    std::vector<IndexedRight> rights_;
    std::vector<GroupDeadline> deadlines_;
    Instant lease_deadline_{};
    Sequence sequence_;
    std::vector<Sent> sent_;  // a ring
    std::size_t sent_next_ = 0;
    std::vector<Key> generation_wants_, fence_wants_;  // by place in view_nodes_; {}: none
    mutable std::vector<Instant> scratch_;
    bool is_claiming_ = false;
    Instant claiming_since_{};
    Epoch released_;     // H6
    Epoch retired_;      // H7
    Epoch release_due_;  // H7
};

}  // namespace trivet::lease
