#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "announce/bind_delivery.hpp"
#include "announce/boot_timer.hpp"
#include "announce/interface_match.hpp"
#include "announce/l2_port.hpp"
#include "announce/l2_service.hpp"
#include "announce/link_monitor.hpp"
#include "announce/link_table.hpp"
#include "announce/owner_watch.hpp"

namespace trivet::announce {

/// What L2Service does, on its thread: brings plan, leases, interfaces, addresses of lo and
/// sessions in step. Not thread-safe, except counters(): everything happens on the executor's one
/// thread.
class L2Engine {
public:
    using Plan = std::map<IpAddress, LeasedTarget>;
    using Changes = std::map<IpAddress, std::optional<LeasedTarget>>;
    using Leases = std::vector<GroupState>;
    using Bound = std::set<IpAddress>;
    using Order = std::variant<Plan, Changes, Leases, Bound>;

    L2Engine(boost::asio::any_io_executor executor, L2Service::Config config,
             L2Service::Callbacks callbacks);

    /// Errors: unavailable, netlink or a timer.
    Result<void> start();
    /// In their order. What is not open any more has fallen silent when this returns; the rest
    /// takes effect step by step, and not before the first plan.
    void perform(std::vector<Order> orders);
    void set_interfaces(std::vector<std::string> interfaces);
    /// Withdraws everything and closes everything; no callback after it.
    void shutdown();
    L2Counters counters() const;  // from any thread

private:
    struct Record {
        LeasedTarget leased;
        ClaimKind kind = ClaimKind::planned;  // take_over once it was announced, or open and closed
        bool was_claimed = false;
        std::string why_none;  // as match_interfaces() says
        std::optional<L2Status> told;
    };
    /// What one pass of reconcile() is going to do on the ports.
    struct PortWork {
        std::map<LinkIndex, std::set<IpAddress>> release;
        std::map<LinkIndex, std::vector<IpAddress>> arm;
    };

    bool is_ready() const;
    void take(Plan plan);
    void take(Changes changes);
    void take(const Leases& states);
    void take(Bound addresses);
    bool is_open(IpAddress address) const;
    /// Open, and nothing stands against it.
    bool may_answer(IpAddress address) const;
    void fall_silent(IpAddress address);
    void mark_all_dirty();
    /// Reconciles a part of what is dirty, and leaves the rest for after other events.
    void work();
    std::set<IpAddress> take_dirty();
    void on_links();
    void on_link(const LinkChange& change, Instant now);
    bool may_use(LinkIndex index, const std::string& name);
    void check_uplinks(Instant now);
    void tell_interfaces();
    void on_timer(Instant now);
    void on_tick(Instant now);
    void on_phase(IpAddress address);
    void on_seen(IpAddress address, MacAddress mac);
    void ask_owners(Instant now);
    /// Brings ports and lo in step with the records of `addresses`: first withdraws, then puts on
    /// lo if they are few, then claims.
    void reconcile(const std::set<IpAddress>& addresses);
    PortWork plan_ports(const std::set<IpAddress>& addresses, Instant now);
    void bind_some();
    void claim(IpAddress address, Instant now);
    void publish(IpAddress address);
    std::vector<std::string> notes_on(IpAddress address, const Record& record, bool is_up) const;
    void after_events();

    boost::asio::any_io_executor executor_;
    L2Service::Config config_;
    L2Service::Callbacks callbacks_;
    LinkTable table_;
    Log log_;
    std::shared_ptr<LinkMonitor> monitor_;
    std::shared_ptr<BootTimer> timer_;       // the sessions' deadlines
    std::shared_ptr<BootTimer> tick_timer_;  // once a second: what no event tells
    std::optional<BindDelivery> bind_;
    std::map<LinkIndex, std::unique_ptr<L2Port>> ports_;
    std::map<LinkIndex, LinkChange> refused_;  // by Callbacks::on_uplink
    Instant check_uplinks_at_{};
    std::optional<std::vector<NodeInterface>> interfaces_told_;
    std::map<IpAddress, Record> records_;
    Bound bound_;  // on lo also without a lease
    LeaseGroups groups_;
    OwnerWatch watch_;
    std::set<IpAddress> dirty_;                      // to be reconciled
    std::set<IpAddress> to_publish_;                 // whose phase changed during reconcile()
    std::multimap<IpAddress, std::string> foreign_;  // see LinkTable
    std::uint64_t foreign_revision_ = 0;
    bool has_plan_ = false;
    bool links_known_ = false;
    bool is_settled_ = false;  // the first plan is in effect: what is left on lo is stale
    bool is_work_posted_ = false;
    bool is_reconciling_ = false;
    L2Counters closed_;  // of ports that are gone
    mutable std::mutex counters_mutex_;
    L2Counters counters_;  // guarded by counters_mutex_
};

}  // namespace trivet::announce
