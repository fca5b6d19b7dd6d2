#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_timer.hpp>

#include "announce/bfd/bfd_service.hpp"
#include "announce/bgp/bgp_service.hpp"
#include "announce/l2_service.hpp"
#include "api/control.hpp"
#include "core/bgp_policy.hpp"
#include "daemon/cluster_log.hpp"
#include "daemon/config.hpp"
#include "daemon/gate_adapter.hpp"
#include "daemon/interface_report.hpp"
#include "daemon/lease/lease_service.hpp"
#include "daemon/lease_relay.hpp"
#include "daemon/log.hpp"
#include "daemon/outcomes.hpp"
#include "daemon/pki.hpp"
#include "daemon/transport.hpp"
#include "store/disk_space.hpp"
#include "store/storage.hpp"

namespace trivet::daemon {

std::vector<NodeId> voters_of(const raft::Configuration& configuration);

/// One node: the state machine, its log, storage and links to other nodes, and the announcer that
/// follows the state. The API calls it through api::Control. Everything runs on the thread of `io`,
/// but for what the storage and the announcer do on threads of their own and post back.
class Node final : public api::Control {
public:
    struct Hooks {
        /// After init, and whenever the node's certificate was renewed: (re)start the TLS listener.
        std::function<void()> on_certificate;
        /// The disk failed: withdraw and end the process, so that another node can take over.
        std::function<void(Error)> on_fatal;
    };

    Node(boost::asio::io_context& io, Config config, Log& log, Hooks hooks);
    ~Node() override;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Opens the storage, restores and replays the state, starts the announcer.
    /// Errors: those of Storage::open and L2Service::start; corrupt, an entry that cannot be
    /// applied.
    Result<void> start();
    /// Gives the VIPs away, so that the next owners are there in one round trip. What still arrives
    /// is accepted until withdraw().
    void release_leases();
    /// Stops announcing and takes the addresses off this machine. Idempotent.
    void withdraw();
    /// Begins to give leadership to another voter, so that a stop costs no election. It takes a
    /// few round trips, during which `io` must go on turning.
    void hand_over();
    bool leads_others() const;  // and there is somebody to hand over to
    /// Withdraws, writes what waits and closes the storage. Idempotent.
    void stop();
    /// What may change while running: labels, interfaces, log level.
    void reload(const Config& config);

    const Pki& pki() const { return pki_; }
    void set_api_address(std::string address) { api_address_ = std::move(address); }
    /// It has a certificate: it belongs to a cluster, or is on its way into one.
    bool has_identity() const;

    boost::asio::any_io_executor executor() override { return io_.get_executor(); }
    const ClusterState& state() const override { return state_; }
    std::shared_ptr<api::ChangeFeed> changes() override { return changes_; }
    boost::asio::awaitable<Result<LogIndex>> propose(api::Proposal proposal) override;
    boost::asio::awaitable<Result<void>> read_barrier() override;
    boost::asio::awaitable<Result<api::InitAnswer>> init() override;
    boost::asio::awaitable<Result<void>> join(api::JoinRequest request) override;
    boost::asio::awaitable<Result<api::InviteAnswer>> invite(std::chrono::seconds life) override;
    boost::asio::awaitable<Result<api::AdmitAnswer>> admit(api::AdmitRequest request) override;
    boost::asio::awaitable<Result<void>> change_member(std::string node,
                                                       api::MemberChange change) override;
    boost::asio::awaitable<Result<std::string>> transfer(std::string node) override;
    boost::asio::awaitable<Result<void>> recover() override;
    boost::asio::awaitable<Result<std::string>> save_snapshot() override;
    boost::asio::awaitable<Result<api::InitAnswer>> restore_snapshot(std::string path) override;
    api::ClusterView cluster_view() const override;
    boost::asio::awaitable<Result<std::vector<Event>>> events(
        std::size_t limit, std::optional<std::string> object) override;
    const std::string& node() const override { return config_.node; }
    std::vector<api::Check> checks() const override;
    std::optional<api::AddressRuntime> address_runtime(IpAddress address) const override;
    api::NodeRuntime node_runtime() const override;
    std::vector<api::BgpSessionRuntime> bgp_sessions() const override;
    boost::asio::awaitable<Result<std::vector<api::BgpRouteRuntime>>> bgp_routes(
        api::BgpRouteQuery query) override;
    Result<void> reset_bgp(std::string peer) override;

private:
    // node.cpp
    Result<void> open_storage();
    Result<void> restore_state();
    Result<void> start_announcer();
    void apply(const LogEntry& entry);
    void take_snapshot(const raft::Snapshot& snapshot);
    void follow(const std::vector<std::string>& changed);
    void touch(const std::string& row_key, std::set<IpAddress>& touched);
    void apply_configuration(const LogEntry& entry);
    void arm_state_timer();
    boost::asio::awaitable<Result<void>> pause(std::chrono::milliseconds duration);

    // node_leases.cpp: who may answer for a VIP, and from when
    Result<void> open_gate();
    Result<void> start_leases();
    void on_lease_key(raft::RaftId peer, LeaseKeyUse use, const LeaseKey& key);
    void set_lease_peers(const std::map<raft::RaftId, raft::Member>& members);
    std::shared_ptr<lease::View> make_view() const;
    bool holds_on(IpAddress address) const;
    announce::LeasedTarget leased(IpAddress address, L2Target target, bool is_new) const;
    void replan(const std::set<IpAddress>& touched);
    void replan_all();
    void hand_out(std::shared_ptr<lease::View> view, const lease::GroupTable::Changes& changes,
                  LeaseRelay::Changes targets);
    void on_lease_event(const LeaseEvent& event);
    void on_fenced(const NodeFenced& fenced);
    void ask_for_admission(Epoch seen);
    void on_plan_applied();

    // node_bgp.cpp: routes to the peers
    void look_at_boot();
    void plan_bgp_soon();
    void plan_bgp();
    DrainStage drain_stage();
    BgpSessions bgp_sessions_here() const;
    void start_bgp();
    void release_bgp();
    void on_bgp_event(const announce::bgp::PeerEvent& event);
    void start_bfd();
    void watch_peers(const std::map<std::string, announce::bgp::BfdWish>& wishes);
    void on_bfd_event(const std::string& peer, const announce::bfd::SessionEvent& event);

    // node_cluster.cpp: this node among the others
    void start_cluster_log(raft::DurableState durable);
    Result<void> start_transport();
    void confirm_boot();
    Transport::Callbacks transport_callbacks();
    Result<void> check_peer(raft::RaftId peer, const std::string& node,
                            const raft::BootHistory& boots);
    void on_cluster_change();
    bool is_worth_telling(const NodeInterface& interface) const;
    RegisterNode self_registration() const;
    void keep_registered();
    void on_interfaces(std::vector<NodeInterface> interfaces);
    void tell_interfaces();
    void propose_in_background(std::vector<Action> actions, std::string what,
                               std::function<void(const Result<LogIndex>&)> done = {});
    raft::Member self_as_member() const;
    std::vector<std::string> cluster_warnings() const;

    // node_membership.cpp, node_join.cpp, node_snapshot.cpp: the life of a cluster
    Result<void> check_new() const;
    Result<void> prepare_identity(const std::string& cluster_id);
    boost::asio::awaitable<Result<void>> change(raft::MembershipChange change);
    boost::asio::awaitable<Result<void>> change_when_ready(raft::MembershipChange change);
    boost::asio::awaitable<Result<void>> become_sole_voter();
    boost::asio::awaitable<Result<void>> adopt(raft::Snapshot snapshot);
    boost::asio::awaitable<Result<void>> lead();
    boost::asio::awaitable<Result<void>> forget_others();
    boost::asio::awaitable<Result<api::AdmitAnswer>> ask_to_be_admitted(api::JoinRequest request);
    boost::asio::awaitable<void> pursue_vote(api::JoinAs as);
    raft::RaftId best_successor() const;
    const raft::Member* find_member(const std::string& node, raft::RaftId& id) const;

    // node_troubles.cpp: what is wrong with addresses, told to the cluster; and which BGP sessions
    // there are
    void on_seen(IpAddress address, MacAddress mac, Instant at);
    void watch_troubles();
    void report_troubles();
    std::map<IpAddress, Trouble> troubles_here();
    std::vector<Action> trouble_reports();
    std::set<std::string> nodes_not_heard() const;

    // node_status.cpp
    Result<void> check_certificate();
    CertificateNames certificate_names() const;
    void watch_certificate();
    void on_l2_status(IpAddress address, announce::L2Status status);
    void tell_announced();
    Result<void> check_space();
    void watch_space();
    void on_read_only(std::optional<std::string> reason);
    void record(std::string type, std::string object, std::string message);

    boost::asio::io_context& io_;
    Config config_;
    Log& log_;
    Hooks hooks_;
    Pki pki_;
    ClusterState state_;
    std::shared_ptr<api::ChangeFeed> changes_ = std::make_shared<api::ChangeFeed>();
    Outcomes outcomes_;
    store::DiskSpace space_;  // looked at before a change is taken
    std::unique_ptr<store::Storage> storage_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<ClusterLog> cluster_log_;
    raft::RaftId raft_id_;
    raft::BootHistory boots_;
    bool boot_is_durable_ = true;
    /// The newest start of each peer that this process saw; those of before are in the state.
    std::map<raft::RaftId, raft::Boot> seen_boots_;
    std::set<raft::RaftId> old_copies_;  // members whose disk was put back
    /// Those that called this node before it knows the members: it answers them.
    std::map<raft::RaftId, raft::Member> introduced_;
    std::shared_ptr<SharedGate> gate_;
    std::unique_ptr<announce::L2Service> announcer_;
    std::unique_ptr<announce::bgp::BgpService> bgp_;  // from the first bgp-peer on
    std::unique_ptr<announce::bfd::BfdService> bfd_;  // ends first, for it calls bgp_
    announce::bfd::SessionConfigs bfd_sessions_;
    BgpPlan bgp_plan_;                           // as handed out last
    DrainStage drain_stage_ = DrainStage::none;  // of that plan
    std::set<IpAddress> bgp_bound_;
    std::set<std::string> bgp_up_;  // established sessions, by name
    std::atomic<bool> is_bfd_ending_ = false;
    bool is_bgp_planned_ = false;                                // the timer runs
    std::chrono::steady_clock::time_point bgp_plan_not_before_;  // after one that took long
    std::optional<Instant> drained_at_;
    bool has_planned_bgp_ = false;
    bool is_bgp_restart_ = false;  // an earlier life of this node was a member, and ended just now
    std::unique_ptr<LeaseRelay> relay_;
    std::unique_ptr<LeaseService> lease_;
    std::optional<lease::GroupTable> groups_;
    std::map<std::pair<raft::RaftId, LeaseKeyUse>, LeaseKey> lease_keys_;  // before lease_ starts
    InterfaceReport interfaces_;
    struct Claim {
        MacAddress mac;
        Instant at{};
    };
    std::map<IpAddress, Claim> claims_;       // by others, of addresses that stand by here
    std::map<IpAddress, Instant> bad_since_;  // what is told when it lasts
    bool is_reporting_ = false;
    std::vector<std::pair<IpAddress, std::string>> announced_;  // and where; not told yet
    std::set<IpAddress> l2_known_;                              // of which the announcer was told
    std::set<std::pair<NodeId, Epoch>> fences_asked_;
    api::FailoverHistogram failovers_;
    bool has_planned_ = false;
    bool has_replaced_gate_ = false;
    bool is_released_ = false;
    bool is_asking_admission_ = false;
    std::map<IpAddress, announce::L2Status> l2_status_;          // of the addresses in the plan
    std::map<ObjectKey, std::vector<IpAddress>> vip_addresses_;  // as last planned
    boost::asio::system_timer state_timer_;   // when the state wants its time moved on
    std::optional<WallTime> state_deadline_;  // what it is set to
    boost::asio::steady_timer certificate_timer_;
    boost::asio::steady_timer register_timer_;
    boost::asio::steady_timer boot_timer_;
    boost::asio::steady_timer space_timer_;
    boost::asio::steady_timer settle_timer_;
    boost::asio::steady_timer admission_timer_;
    boost::asio::steady_timer interfaces_timer_;
    boost::asio::steady_timer trouble_timer_;
    boost::asio::steady_timer announced_timer_;
    boost::asio::steady_timer bgp_timer_;
    boost::asio::steady_timer drain_timer_;
    std::optional<std::string> read_only_;
    std::optional<std::string> old_copy_;  // why the others do not take this node's disk
    std::string api_address_;
    raft::RaftId last_leader_;
    bool is_becoming_member_ = false;  // init, join or restore runs
    bool is_registering_ = false;
    bool is_stopped_ = false;
    std::jthread join_thread_;  // asks another node over its API, which blocks
    std::chrono::steady_clock::time_point started_;
};

}  // namespace trivet::daemon
