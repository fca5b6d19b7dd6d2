#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "announce/link_event.hpp"
#include "announce/log_limit.hpp"
#include "core/ip_address.hpp"

namespace trivet::announce {

/// The IPv6 multicast groups joined on one interface; left when it is destroyed. Joining by
/// IPV6_JOIN_GROUP programs the network card's filter and makes the kernel report the group by MLD,
/// so that switches which snoop forward it (a packet socket's membership would do only the former).
///
/// The groups of one socket share net.core.optmem_max (20 KiB before Linux 6.7: about 400 groups;
/// 128 KiB since: about 2,700), so more sockets are opened as they fill. The kernel takes the
/// longer the more there are (10,000: 1.7 s in all), so only some are joined at once and the others
/// in turn with whatever else the thread has to do. Not thread-safe: everything happens on the
/// executor's one thread.
class GroupMemberships : public std::enable_shared_from_this<GroupMemberships> {
public:
    GroupMemberships(boost::asio::any_io_executor executor, LinkIndex index, std::string interface,
                     Log log);
    ~GroupMemberships();
    GroupMemberships(const GroupMemberships&) = delete;
    GroupMemberships& operator=(const GroupMemberships&) = delete;

    /// A group that cannot be joined, as while IPv6 is disabled on the interface, is logged and
    /// joined later by retry(). Both are idempotent.
    void join(IpAddress group);
    void leave(IpAddress group);
    /// To be called about once a second.
    void retry();

private:
    enum class Outcome { joined, full, failed };

    // Joins and leaves in one go: 3 ms among 10,000 groups, which an answer may wait.
    static constexpr std::size_t per_turn = 16;

    void work();
    void schedule();
    void join_next();
    void leave_next();
    bool join_now(IpAddress group);
    Outcome join_on(int socket, IpAddress group);

    boost::asio::any_io_executor executor_;
    LinkIndex index_;
    std::string interface_;
    Log log_;
    std::vector<int> sockets_;         // the last one may have room
    std::map<IpAddress, int> joined_;  // by which socket
    std::set<IpAddress> missing_;      // wanted, not joined yet
    std::set<IpAddress> unwanted_;     // joined, to be left
    std::size_t turn_left_ = per_turn;
    bool is_scheduled_ = false;
    bool is_blocked_ = false;  // the last one failed: wait for retry()
    std::string problem_;      // of the last failure
    LogLimit log_limit_;
};

}  // namespace trivet::announce
