#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "core/cluster_state.hpp"
#include "core/link_address.hpp"

namespace trivet::api {

/// How one address fares on this node's network, as the announcer reports it.
struct AddressRuntime {
    std::string phase;                         // "no_interface", "probing", "announced", "conflict"
    std::vector<std::string> interfaces = {};  // where it is announced
    std::optional<MacAddress> conflict_mac = {};
    std::string message = {};
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

    /// Replicates the actions as one command; returns its index after it was applied with success,
    /// or that of the command which did the same under this key before.
    /// Errors: those of ClusterState::apply and ReplicatedLog::propose.
    virtual boost::asio::awaitable<Result<LogIndex>> propose(Proposal proposal) = 0;
    virtual boost::asio::awaitable<Result<void>> read_barrier() = 0;
    /// Makes this node a cluster of one. Errors: conflict, it belongs to one already.
    virtual boost::asio::awaitable<Result<InitAnswer>> init() = 0;
    virtual boost::asio::awaitable<Result<std::vector<Event>>> events(
        std::size_t limit, std::optional<std::string> object) = 0;

    virtual std::optional<AddressRuntime> address_runtime(IpAddress address) const = 0;
    virtual NodeRuntime node_runtime() const = 0;
};

}  // namespace trivet::api
