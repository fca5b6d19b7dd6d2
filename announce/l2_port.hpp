#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "announce/arp_session.hpp"
#include "announce/capture.hpp"
#include "announce/frame_sender.hpp"
#include "announce/group_memberships.hpp"
#include "announce/interface_match.hpp"
#include "announce/link_table.hpp"
#include "announce/ndp_session.hpp"

namespace trivet::announce {

/// One interface: carries frames, groups and time between its sockets and its two sessions, and
/// holds no protocol rule. Not thread-safe: everything happens on the executor's one thread.
class L2Port {
public:
    struct Handlers {
        std::function<void(IpAddress)> on_phase;             // phase() of it may have changed
        std::function<void(IpAddress, MacAddress)> on_seen;  // somebody claims what stands by here
        std::function<void()> after_events;                  // deadlines may have changed
        Log log;
    };

    L2Port(boost::asio::any_io_executor executor, LinkIndex index, Handlers handlers);
    ~L2Port();
    L2Port(const L2Port&) = delete;
    L2Port& operator=(const L2Port&) = delete;

    /// Opens or closes the sockets as the link comes up or goes down.
    void on_link(const LinkChange& change, Instant now);
    /// From here on they stand by: frames about them are let in and looked at, groups joined, so
    /// that nothing is left to be done at a claim but to answer and to announce.
    void arm(const std::vector<IpAddress>& added, Instant now);
    /// It must be armed. Idempotent.
    void claim(IpAddress address, ClaimKind kind, Instant now);
    /// Stops answering at once, silently; armed it stays. Whether it was claimed.
    bool stand_by(IpAddress address);
    void release(const std::set<IpAddress>& removed, Instant now);
    /// Asks the network who has it. Whether a question could be sent.
    bool ask(IpAddress address);
    void on_timer(Instant now);
    /// Tries again what failed, about once a second.
    void on_tick(Instant now);

    const std::string& name() const { return name_; }
    const std::set<IpAddress>& armed() const { return armed_; }
    /// Nullopt while the link is down or its sockets cannot be opened: problem() says why.
    std::optional<InterfacePhase> phase(IpAddress address) const;
    const std::string& problem() const { return problem_; }
    std::optional<Instant> next_deadline() const;
    L2Counters counters() const;

private:
    bool is_open() const { return capture_ != nullptr; }
    void open();
    void close();
    bool stands_by(IpAddress address) const;
    void on_filter(const Result<void>& changed);
    void tell_sessions(Instant now);
    void on_lost(const std::string& reason);
    void on_frame(std::span<const std::byte> frame);
    void perform(L2Actions actions);
    void perform(SendFrame& send);
    void perform(const JoinGroup& join) { groups_->join(join.group); }
    void perform(const LeaveGroup& leave) { groups_->leave(leave.group); }
    void perform(const Announced& announced);
    void perform(const ConflictDetected& conflict);
    void perform(const ConflictEnded& ended);
    void perform(const Seen& seen) { handlers_.on_seen(seen.address, seen.mac); }

    boost::asio::any_io_executor executor_;
    LinkIndex index_;
    Handlers handlers_;
    std::string name_;
    LinkState link_;
    std::set<IpAddress> armed_;  // the claimed ones among them
    std::map<IpAddress, MacAddress> conflicts_;
    ArpSession arp_;
    NdpSession ndp_;
    std::shared_ptr<GroupMemberships> groups_;
    std::shared_ptr<Capture> capture_;     // null: the link is down, or it cannot be opened
    std::shared_ptr<FrameSender> sender_;  // likewise
    bool is_filter_loose_ = false;         // it lets in more than it must
    std::string problem_;
    std::uint64_t kernel_drops_ = 0;  // of the open capture, as of the last second
    L2Counters closed_;               // of sockets that are closed already
};

}  // namespace trivet::announce
