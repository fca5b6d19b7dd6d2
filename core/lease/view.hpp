#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/lease/message.hpp"

namespace trivet::lease {

/// A number for VIP addresses whose rights are equal, so that the gate needs one deadline for all
/// of them. 0 is never open.
using Group = std::uint32_t;

struct Need {
    NodeId node;
    Key key;
    bool is_fence = false;  // the node stands before us in the list
    friend auto operator<=>(const Need&, const Need&) = default;
};

/// H2: what must be confirmed before a group may be open.
struct Right {
    std::vector<Need> needs;  // by node
    bool hold = false;        // on loss of quorum it stays open where it is
    friend auto operator<=>(const Right&, const Right&) = default;
};

/// What a node's newest applied state says, in the form that its voter and its holder work with. A
/// value type, immutable once handed over.
struct View {
    struct Node {
        NodeId id;
        Epoch epoch;
        LogIndex generation;
        Epoch fence;
        bool is_fenced() const { return fence >= epoch; }
        bool operator==(const Node&) const = default;
    };
    struct GroupRight {
        Group group = 0;
        Right right;
        bool operator==(const GroupRight&) const = default;
    };

    LogIndex index;
    NodeId self;
    ProfileId profile = ProfileId::standard;
    std::vector<Node> nodes;  // by id
    LogIndex configuration;   // of the voters, as applied
    LogIndex configuration_before;
    std::vector<NodeId> voters;
    std::vector<GroupRight> rights;  // of the groups for which this node is a candidate, by group

    const Node* find(NodeId id) const;
    /// But for the index: no voter and no holder does anything else because of `other`.
    bool means_the_same(const View& other) const;
};

/// Which address is in which group on one node, and what changed since the last view. Not
/// thread-safe.
class GroupTable {
public:
    // As many as a gate has deadlines; needs that are older than a second become one, so that a
    // view has more only when hundreds of lists change within one.
    static constexpr std::size_t groups_max = 4096;

    struct Changes {
        std::vector<std::pair<IpAddress, Group>> set;
        std::vector<IpAddress> erased;
        std::vector<IpAddress> without_group;  // no group was left: they stay closed here
    };
    using Hold = std::function<bool(IpAddress)>;

    explicit GroupTable(NodeId self) : self_(self) {}

    /// Brings the addresses in step with `plan`; with all of them when `touched` is nullopt. Fills
    /// view.self, view.nodes and view.rights.
    Changes update(const Plan& plan, const std::optional<std::vector<IpAddress>>& touched,
                   const Hold& hold, View& view);
    /// Everything that the plan says now has been in effect for a while: needs up to here count as
    /// one from the next update on.
    void settle(const Plan& plan);

    std::size_t size() const { return rights_.size(); }
    const std::map<IpAddress, Group>& groups() const { return group_of_; }
    /// H2.
    static std::optional<Right> right_of(const Plan& plan, NodeId self, IpAddress address);

private:
    struct Use {
        Group group = 0;
        std::size_t addresses = 0;
    };

    void round_up(Right& right) const;
    Group enter(Right right);
    void leave(Group group);

    NodeId self_;
    Keys settled_;
    std::map<IpAddress, Group> group_of_;
    std::map<Right, Use> rights_;
    std::map<Group, std::map<Right, Use>::iterator> by_group_;
    std::deque<Group> free_;  // the longest unused is taken first
    Group next_ = 1;
};

}  // namespace trivet::lease
