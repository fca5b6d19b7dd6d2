#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "announce/arp_sysctls.hpp"
#include "announce/boot_timer.hpp"
#include "announce/bound_addresses.hpp"
#include "announce/interface_match.hpp"
#include "announce/l2_port.hpp"
#include "announce/l2_service.hpp"
#include "announce/link_monitor.hpp"
#include "announce/link_table.hpp"

namespace trivet::announce {

/// What L2Service does, on its thread: brings plan, interfaces, addresses of lo and sessions in
/// step. Not thread-safe, except counters(): everything happens on the executor's one thread.
class L2Engine {
public:
    using Plan = std::map<IpAddress, L2Target>;
    using Changes = std::map<IpAddress, std::optional<L2Target>>;

    L2Engine(boost::asio::any_io_executor executor, L2Service::Config config,
             L2Service::Callbacks callbacks);

    /// Errors: unavailable, netlink or a timer.
    Result<void> start();
    /// The addresses of the first plan are taken over without a probe: the plan says that this
    /// node holds them, and before a restart it did. All later ones are probed for first.
    void set_plan(Plan plan);
    /// Takes effect with, or after, the first set_plan().
    void update(Changes changes);
    void set_interfaces(std::vector<std::string> interfaces);
    /// Withdraws everything and closes everything; no callback after it.
    void shutdown();
    L2Counters counters() const;  // from any thread

private:
    struct Record {
        L2Target target;
        ClaimKind kind = ClaimKind::planned;  // take_over once it has been announced
        std::string why_none;                 // as match_interfaces() says
        std::string bind_problem;             // why it is not on lo, and therefore not claimed
        std::optional<L2Status> told;
    };
    /// What one pass of reconcile() is going to do on the ports.
    struct PortWork {
        std::map<LinkIndex, std::set<IpAddress>> release;
        std::map<LinkIndex, L2Port::Claims> claim;
    };

    bool is_ready() const;
    void change_records(Changes changes, ClaimKind kind);
    void mark_all_dirty();
    /// Reconciles a part of what is dirty, and leaves the rest for after other events.
    void work();
    std::set<IpAddress> take_dirty();
    void on_links();
    void on_link(const LinkChange& change, Instant now);
    void on_timer(Instant now);
    void on_tick(Instant now);
    void on_phase(IpAddress address);
    /// Brings ports and lo in step with the records of `addresses`: first withdraws, then puts on
    /// lo, then claims.
    void reconcile(const std::set<IpAddress>& addresses);
    PortWork plan_ports(const std::set<IpAddress>& addresses);
    void bind(const std::set<IpAddress>& addresses, PortWork& work);
    void check_bound_addresses();
    /// True: no address is left on lo that does not belong there.
    bool reconcile_loopback();
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
    ArpSysctls sysctls_;
    std::string sysctl_problem_;
    std::optional<BoundAddresses> bound_;
    std::map<LinkIndex, std::unique_ptr<L2Port>> ports_;
    std::map<IpAddress, Record> records_;
    std::set<IpAddress> dirty_;                      // to be reconciled
    std::set<IpAddress> to_bind_;                    // those that belong on lo
    std::multimap<IpAddress, std::string> foreign_;  // see LinkTable
    std::uint64_t foreign_revision_ = 0;
    bool has_plan_ = false;
    bool links_known_ = false;
    bool is_settled_ = false;  // the first plan is in effect: what is left on lo is stale
    bool is_work_posted_ = false;
    L2Counters closed_;  // of ports that are gone
    mutable std::mutex counters_mutex_;
    L2Counters counters_;  // guarded by counters_mutex_
};

}  // namespace trivet::announce
