#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_timer.hpp>

#include "announce/l2_service.hpp"
#include "api/control.hpp"
#include "core/single_node_log.hpp"
#include "daemon/config.hpp"
#include "daemon/log.hpp"
#include "daemon/pki.hpp"
#include "store/storage.hpp"

namespace trivet::daemon {

/// One node: the state machine, its log and storage, and the announcer that follows the state. The
/// API calls it through api::Control. Everything runs on the thread of `io`, but for what the
/// storage and the announcer do on threads of their own and post back.
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
    /// Stops announcing and takes the addresses off this machine. Idempotent.
    void withdraw();
    /// Withdraws, writes what waits and closes the storage. Idempotent.
    void stop();
    /// What may change while running: labels, interfaces, log level.
    void reload(const Config& config);

    const Pki& pki() const { return pki_; }
    void set_api_address(std::string address) { api_address_ = std::move(address); }

    boost::asio::any_io_executor executor() override { return io_.get_executor(); }
    const ClusterState& state() const override { return state_; }
    boost::asio::awaitable<Result<LogIndex>> propose(api::Proposal proposal) override;
    boost::asio::awaitable<Result<void>> read_barrier() override;
    boost::asio::awaitable<Result<api::InitAnswer>> init() override;
    boost::asio::awaitable<Result<std::vector<Event>>> events(
        std::size_t limit, std::optional<std::string> object) override;
    std::optional<api::AddressRuntime> address_runtime(IpAddress address) const override;
    api::NodeRuntime node_runtime() const override;

private:
    Result<void> open_storage();
    Result<void> restore_state();
    Result<void> start_announcer();
    Result<void> check_certificate();
    CertificateNames certificate_names() const;
    void apply(const LogEntry& entry);
    void follow(const std::vector<std::string>& changed);
    void touch(const std::string& row_key, std::set<IpAddress>& touched);
    void replan_all();
    void forget_status(const std::map<IpAddress, std::optional<L2Target>>& changes);
    void propose_in_background(std::vector<Action> actions, std::string what);
    std::optional<Error> take_refusal(LogIndex index);
    void register_self();
    void arm_state_timer();
    void watch_certificate();
    void on_l2_status(IpAddress address, announce::L2Status status);
    void on_read_only(std::optional<std::string> reason);
    void record(std::string type, std::string object, std::string message);

    static constexpr std::size_t refusals_max = 8192;  // twice what the log lets wait

    boost::asio::io_context& io_;
    Config config_;
    Log& log_;
    Hooks hooks_;
    Pki pki_;
    ClusterState state_;
    std::unique_ptr<store::Storage> storage_;
    std::unique_ptr<SingleNodeLog> replicated_log_;
    std::unique_ptr<announce::L2Service> announcer_;
    std::map<IpAddress, announce::L2Status> l2_status_;          // of the addresses in the plan
    std::map<ObjectKey, std::vector<IpAddress>> vip_addresses_;  // as last planned
    /// For the proposers of these entries: what was refused, and what was a repetition of which.
    std::map<LogIndex, Error> refused_;
    std::map<LogIndex, LogIndex> repeats_;
    boost::asio::system_timer state_timer_;   // when the state wants its time moved on
    std::optional<WallTime> state_deadline_;  // what it is set to
    boost::asio::steady_timer certificate_timer_;
    std::optional<std::string> read_only_;
    std::string api_address_;
    bool init_running_ = false;
    std::chrono::steady_clock::time_point started_;
};

}  // namespace trivet::daemon
