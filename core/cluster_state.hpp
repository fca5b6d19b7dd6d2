#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/allocator.hpp"
#include "core/bgp_session_table.hpp"
#include "core/client_table.hpp"
#include "core/command.hpp"
#include "core/ids.hpp"
#include "core/lease_table.hpp"
#include "core/membership_table.hpp"
#include "core/objects.hpp"
#include "core/placement.hpp"
#include "core/records.hpp"
#include "core/token_table.hpp"
#include "core/trouble_table.hpp"
#include "core/vip_planner.hpp"
#include "core/voter_table.hpp"
#include "core/waiting_line.hpp"

namespace trivet {

/// Addresses that stay together, because a VIP holds several or several share one.
struct PlacementUnit {
    std::vector<IpAddress> addresses;       // sorted
    std::vector<const VipRecord*> holders;  // oldest first
};

/// All that users configured and who holds which address: the replicated, deterministic state
/// machine (design section 3). No I/O, no clock, no randomness. One strand owns it.
class ClusterState {
public:
    /// `index` is greater than last_applied(). The command's time takes effect also when its
    /// actions are refused: then `changed` may name rows that an ended cooldown changed.
    /// Errors, in Applied::result: invalid_argument, not_found, conflict, exhausted,
    /// unauthenticated (for a join token); each names the object and the remedy.
    Applied apply(LogIndex index, const Command& command);
    /// As apply(), for an entry that says who votes. True: the row VoterTable::row_key changed.
    bool apply_voters(LogIndex index, std::vector<NodeId> voters);

    /// Rows as row() gave them, in any order, and the index that they were saved with. Errors:
    /// corrupt, naming the row.
    static Result<ClusterState> restore(const std::vector<StateRow>& rows,
                                        LogIndex last_applied = {});
    /// The present value of a row named in Applied::changed; nullopt when it is gone.
    std::optional<std::string> row(const std::string& key) const;
    /// All of them, by key: what restore() takes.
    std::vector<StateRow> rows() const;

    /// When an address that a pending VIP waits for has cooled down, or a token expires: propose
    /// AdvanceTime then.
    std::optional<WallTime> next_deadline() const;

    LogIndex last_applied() const { return last_applied_; }
    WallTime time() const { return time_; }  // of the newest command; never runs backwards
    bool initialised() const { return !cluster_id_.empty(); }
    const std::string& cluster_id() const { return cluster_id_; }
    const std::string& admin_token_hash() const { return admin_token_hash_; }

    const std::map<std::string, Stored<Pool>>& pools() const { return pools_; }
    const std::map<ObjectKey, VipRecord>& vips() const { return vips_; }
    const std::map<std::string, Stored<L2Advertisement>>& l2_advertisements() const {
        return l2_advertisements_;
    }
    const std::map<ObjectKey, Stored<ConfigObject>>& config_objects() const {
        return config_objects_;
    }
    /// Those of one kind, by name.
    std::vector<const ConfigObject*> config_objects(Kind kind) const;
    const std::map<std::string, Stored<Namespace>>& namespaces() const { return namespaces_; }
    const std::map<std::string, Stored<Node>>& nodes() const { return nodes_; }
    const std::map<std::string, BootRecord>& boots() const { return membership_.boots(); }

    const VoterTable& voters() const { return voters_; }
    /// Beside the one of admin_token_hash().
    const TokenTable& tokens() const { return tokens_; }
    /// What nodes find wrong with addresses.
    const TroubleTable& troubles() const { return troubles_; }
    const BgpSessionTable& bgp_sessions() const { return bgp_sessions_; }
    const LeaseTable& leases() const { return leases_; }
    /// Who may own each address, in order. Lists are of addresses that somebody holds; those that
    /// nobody may announce have none.
    const lease::Plan& lease_plan() const { return leases_.plan(); }
    const std::string& lease_profile() const { return leases_.profile(); }
    /// The data directory behind a node's name; 0 while the cluster has seen none at a start, and
    /// for an older name of a directory that has been given another.
    NodeId node_id(const std::string& name) const;
    /// Of a node that left, or was never here: its id in digits.
    std::string node_name(NodeId node) const;
    /// The addresses that are placed together with this one, and who holds them.
    PlacementUnit placement_unit(IpAddress address) const;

    const VipRecord* find_vip(std::string_view name_space, std::string_view name) const;
    /// The pool whose ranges hold `address`; null when none does.
    const Pool* pool_of(IpAddress address) const;
    PoolUse pool_use(std::string_view pool) const;  // see core/allocator.hpp
    PoolUse pool_use(std::string_view pool, IpFamily family) const;
    /// VIPs that hold `address`, oldest first (more than one when it is shared).
    std::vector<const VipRecord*> holders(IpAddress address) const;
    /// As record.pending_reason, with the pools' use of this moment. What the record keeps is of
    /// the last change of the VIP, of a pool or of a namespace.
    std::string why_pending(const VipRecord& record) const;

private:
    /// What one command does: gathered while its actions are applied.
    struct Change {
        std::uint64_t index = 0;
        std::uint64_t place = 0;  // of the action within the command
        WallTime at{};
        std::set<std::string> rows;
        std::vector<Event> events;
        // For the lists, which are made once, after the last action.
        LeaseTable::Changed leases;
        std::set<IpAddress> touched;  // whose list may have to change
        bool touched_all = false;
        std::set<NodeId> joined;             // get their fair share
        std::map<ObjectKey, NodeId> wishes;  // VIPs that are moved by hand
        bool rebalance = false;
        std::string cause;  // of the moves, for people
        /// Whether the command has no other action: then each checks all before it changes
        /// anything. Else what the objects say of each other counts after the last one.
        bool is_alone = true;
        std::set<ObjectKey> conflict_prone;  // core/bgp_conflicts.hpp

        void event(std::string type, std::string object, std::string message);
        std::uint64_t order() const;  // unique for each action of the log
        void touch(const std::vector<IpAddress>& addresses);
        /// The lists of all VIPs are looked at anew. The first cause stands for all.
        void touch_all(std::string why);
    };

    /// Nullopt: the request is new.
    std::optional<Applied> answer_again(const Command& command) const;
    void advance_time(WallTime at, Change& change);
    Result<void> apply_actions(const std::vector<Action>& actions, Change& change);
    Result<void> apply_action(const Action& action, Change& change);

    Result<void> act(const PutObject& put, Change& change);
    Result<void> act(const DeleteObject& deletion, Change& change);
    Result<void> act(const InitCluster& init, Change& change);
    Result<void> act(const RegisterNode& node, Change& change);
    Result<void> act(const DrainNode& drain, Change& change);
    Result<void> act(const AdvanceTime& advance, Change& change);
    // cluster_state_members.cpp
    Result<void> act(const MakeJoinToken& token, Change& change);
    Result<void> act(const UseJoinToken& use, Change& change);
    Result<void> act(const RecordBoot& boot, Change& change);
    Result<void> act(const RemoveNode& removal, Change& change);
    Result<void> act(const ReportBgpSessions& report, Change& change);
    // cluster_state_tokens.cpp
    Result<void> act(const CreateToken& token, Change& change);
    Result<void> act(const DeleteToken& deletion, Change& change);
    void expire_tokens(Change& change);
    // cluster_state_leases.cpp
    Result<void> act(const RecordFence& fence, Change& change);
    Result<void> act(const AdmitNode& admission, Change& change);
    Result<void> act(const MoveVip& move, Change& change);
    Result<void> act(const Rebalance& rebalance, Change& change);
    Result<void> act(const SetLeaseProfile& profile, Change& change);
    // cluster_state_troubles.cpp
    Result<void> act(const ReportTrouble& report, Change& change);

    // Each gets a checked object whose preconditions hold.
    Result<void> put(const Pool& pool, bool force, Change& change);
    Result<void> put(const Vip& vip, bool force, Change& change);
    Result<void> put(const L2Advertisement& l2, bool force, Change& change);
    Result<void> put(const Namespace& name_space, bool force, Change& change);
    Result<void> put(const ConfigObject& config, bool force, Change& change);
    Result<void> check_preconditions(const PutObject& put, const ObjectKey& key) const;
    Result<void> check_conflicts(const Object& object, Change& change) const;
    bool selects_alike(const ConfigObject& config) const;
    std::set<std::string> pools_by_l2() const;
    std::optional<std::uint64_t> revision_of(const ObjectKey& key) const;
    Error not_found(const ObjectKey& key) const;

    // cluster_state_pools.cpp
    Result<void> delete_pool(const std::string& name, bool force, Change& change);
    Error in_use(const std::string& pool,
                 const std::vector<std::pair<IpAddress, VipId>>& used) const;
    void take_by_force(const std::string& pool, IpAddress address, VipId id, Change& change);
    Result<void> free_up(const Pool& pool, const std::vector<AddressRange>& kept, bool force,
                         Change& change);
    void pools_changed();

    // cluster_state_vips.cpp
    VipPlanner planner() const;
    Result<void> delete_vip(const ObjectKey& key, Change& change);
    VipRecord& record_of(VipId id);
    void assign(VipRecord& record, const VipPlanner::Plan& plan, Change& change);
    /// Why it got nothing; nullopt when it did.
    std::optional<std::string> try_to_serve(VipId id, Change& change);
    /// Serves VIPs that wait, after something became free.
    void settle(Change& change);
    /// As settle(), after pools or namespaces changed: then any VIP may be served or not.
    void settle_all(Change& change);
    void stand_in_line(const VipRecord& record);

    // cluster_state_placement.cpp
    /// After the actions of a command: gives the addresses that it touched their lists.
    void settle_lists(Change& change);
    struct Move {
        ObjectKey vip;
        NodeId from;
        NodeId to;
    };
    void arrange(const std::vector<PlacementUnit>& units, Change& change);
    std::vector<PlacementUnit> regroup(std::set<IpAddress> open);
    placement::Hosts placement_hosts() const;
    std::vector<NodeId> live_list_of(const std::vector<IpAddress>& unit) const;
    NodeId owner_of(const std::vector<IpAddress>& unit) const;
    const lease::Plan::Entry* entry_of(const std::vector<IpAddress>& unit) const;
    template <class Act>
    auto rebalanced(NodeId node, Act act);
    void build_units();
    void build_balance();
    void build_names();
    /// The owners of the units that `node` or nobody owns, by first address.
    std::map<IpAddress, NodeId> owners_around(NodeId node) const;
    void report_changes(const std::map<IpAddress, NodeId>& owners_before, const std::string& cause,
                        Change& change);
    void note_move(const VipRecord& vip, NodeId to, std::vector<Move>& moves) const;
    void report(const std::vector<Move>& moves, const std::string& cause, Change& change) const;

    friend class StateRestorer;  // cluster_state_rows.cpp

    LogIndex last_applied_;
    WallTime time_{};
    std::string cluster_id_;
    std::string admin_token_hash_;
    std::map<std::string, Stored<Pool>> pools_;
    std::map<ObjectKey, VipRecord> vips_;
    std::map<std::string, Stored<L2Advertisement>> l2_advertisements_;
    std::map<ObjectKey, Stored<ConfigObject>> config_objects_;
    std::map<std::string, Stored<Namespace>> namespaces_;
    std::map<std::string, Stored<Node>> nodes_;
    ClientTable clients_;
    MembershipTable membership_;
    TokenTable tokens_;
    LeaseTable leases_;
    VoterTable voters_;
    TroubleTable troubles_;
    BgpSessionTable bgp_sessions_;

    // Derived from the above; kept beside it so that one command costs O(log n).
    Allocator allocator_;  // its release records are state of their own
    WaitingLine line_;     // VIPs with a pending_reason
    std::map<VipId, ObjectKey> vip_by_id_;
    std::vector<std::string> pool_order_;       // VipPlanner::in_order()
    bool line_is_stale_ = false;                // within one command: pools or namespaces changed
    std::map<NodeId, std::string> node_names_;  // of nodes with an id
    std::map<IpAddress, std::vector<IpAddress>> units_;  // by their first address
    std::map<IpAddress, IpAddress> unit_of_;             // the first address of an address's unit
    placement::Balance balance_;                         // of the units' lists
    bool lists_are_due_ = false;  // the state is of a version that had no lists
};

}  // namespace trivet
