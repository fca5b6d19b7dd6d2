#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "api/bgp_runtime.hpp"
#include "api/change_feed.hpp"
#include "api/check.hpp"
#include "api/cluster_view.hpp"
#include "core/cluster_state.hpp"
#include "core/link_address.hpp"

namespace trivet::api {

/// How one address fares on this node's network, as the announcer reports it.
struct AddressRuntime {
    /// "no_interface", "standby" (its lease is not held here), "probing", "announced", "conflict".
    std::string phase;
    std::vector<std::string> interfaces = {};  // where it is announced, or would be
    std::optional<MacAddress> conflict_mac = {};
    std::string message = {};
};

/// The bounds of Histogram's buckets, in seconds: from what the fastest profile does to what a
/// cluster without leases would.
inline constexpr std::array<double, 11> failover_bounds{0.01, 0.025, 0.05, 0.1, 0.15, 0.25,
                                                        0.5,  1,     2.5,  5,   10};

/// How long take-overs lasted: from the dead node's last sign of life to this node's gate. A value
/// type.
struct FailoverHistogram {
    std::array<std::uint64_t, failover_bounds.size()> counts{};  // each of its own bucket
    std::uint64_t count = 0;
    double sum = 0;  // seconds

    void add(double seconds) {
        const auto bucket = std::ranges::lower_bound(failover_bounds, seconds);
        if (bucket != failover_bounds.end())
            ++counts[static_cast<std::size_t>(bucket - failover_bounds.begin())];
        ++count;
        sum += seconds;
    }
};

/// Facts about this lbd, for /v1/status, /readyz and /metrics.
struct NodeRuntime {
    std::string node;
    std::string version;
    std::string api_address = {};  // empty before init
    std::chrono::milliseconds uptime{0};
    std::optional<std::string> read_only = {};  // why writes are refused
    std::vector<std::string> warnings = {};     // shown by lbctl status
    std::map<std::string, std::uint64_t> counters =
        {};                                     // "arp_received", ...: become trivet_<name>_total
    std::map<std::string, double> gauges = {};  // become trivet_<name>
    FailoverHistogram failovers = {};
};

struct InitAnswer {
    std::string node;
    std::string api;  // "https://10.0.0.1:7480"
    std::string admin_token;
    std::string ca_hash;  // "sha256:<hex>" of the CA certificate's DER
};

struct Proposal {
    std::vector<Action> actions;
    /// One for each request of a client: sent again, the request is answered as it was and takes
    /// no effect again. Empty: no such promise.
    std::string idempotency_key = {};
};

/// The application calls that the routes make; no HTTP in it. Lives on one strand (executor()):
/// routes hop there before they touch it. daemon/ implements it, tests fake it.
class Control {
public:
    virtual ~Control() = default;
    virtual boost::asio::any_io_executor executor() = 0;
    virtual const ClusterState& state() const = 0;
    /// What changed in the state, as it was applied here.
    virtual std::shared_ptr<ChangeFeed> changes() = 0;

    /// Replicates the actions as one command; returns its index after it was applied with success,
    /// or that of the command which did the same under this key before.
    /// Errors: those of ClusterState::apply and ReplicatedLog::propose.
    virtual boost::asio::awaitable<Result<LogIndex>> propose(Proposal proposal) = 0;
    virtual boost::asio::awaitable<Result<void>> read_barrier() = 0;
    /// Makes this node a cluster of one. Errors: conflict, it belongs to one already.
    virtual boost::asio::awaitable<Result<InitAnswer>> init() = 0;
    /// This node asks a member to take it in, and becomes one; catching up and the vote come after
    /// the answer. Errors: conflict, it belongs to a cluster already; those of the member that was
    /// asked; unavailable, it cannot be reached.
    virtual boost::asio::awaitable<Result<void>> join(JoinRequest request) = 0;
    /// A token for one node, good for `life`. Errors: those of propose().
    virtual boost::asio::awaitable<Result<InviteAnswer>> invite(std::chrono::seconds life) = 0;
    /// Takes a node in that shows a token. Again with the same token and id: the same answer.
    /// Errors: unauthenticated, the token is unknown, spent or has expired; conflict, another
    /// member has this name; those of propose().
    virtual boost::asio::awaitable<Result<AdmitAnswer>> admit(AdmitRequest request) = 0;
    /// Done when it is committed; a removed node is forgotten as a node as well, with what belongs
    /// to it. Errors: not_found; conflict, it makes no sense for this cluster; unavailable, not yet
    /// (and why); those of propose().
    virtual boost::asio::awaitable<Result<void>> change_member(std::string node,
                                                               MemberChange change) = 0;
    /// Hands leadership to a voter, or to the best one when `node` is empty; returns its name once
    /// it leads. Errors: not_found; conflict, it does not vote; unavailable, it did not take over.
    virtual boost::asio::awaitable<Result<std::string>> transfer(std::string node) = 0;
    /// For good after the permanent loss of the majority: this node becomes the only voter, with
    /// what it has. Errors: conflict, a leader is known or this node never was a member.
    virtual boost::asio::awaitable<Result<void>> recover() = 0;
    /// The whole replicated state as a file (docs/reference/snapshots.md).
    virtual boost::asio::awaitable<Result<std::string>> save_snapshot() = 0;
    /// Makes this node a cluster of one with the state in a file on its own disk. The answer as
    /// for init(), with an empty admin_token: that of the saved cluster is valid.
    /// Errors: conflict, it belongs to one already; not_found; corrupt, naming what is wrong.
    virtual boost::asio::awaitable<Result<InitAnswer>> restore_snapshot(std::string path) = 0;
    virtual ClusterView cluster_view() const = 0;
    virtual boost::asio::awaitable<Result<std::vector<Event>>> events(
        std::size_t limit, std::optional<std::string> object) = 0;

    virtual const std::string& node() const = 0;  // this one's name
    virtual std::vector<Check> checks() const = 0;
    virtual std::optional<AddressRuntime> address_runtime(IpAddress address) const = 0;
    virtual NodeRuntime node_runtime() const = 0;

    /// Of this node; as of a second ago at most.
    virtual std::vector<BgpSessionRuntime> bgp_sessions() const = 0;
    /// What this node has told its peers. Errors: unavailable, this node speaks no BGP.
    virtual boost::asio::awaitable<Result<std::vector<BgpRouteRuntime>>> bgp_routes(
        BgpRouteQuery query) = 0;
    /// Ends this node's sessions with a bgp-peer; they come back by themselves.
    /// Errors: unavailable, this node has none with it.
    virtual Result<void> reset_bgp(std::string peer) = 0;
};

}  // namespace trivet::api
