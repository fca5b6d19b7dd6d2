#pragma once
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "announce/bound_plan.hpp"
#include "announce/log_limit.hpp"
#include "announce/netlink_socket.hpp"
#include "core/ip_address.hpp"
#include "core/result.hpp"

namespace trivet::announce {

/// The addresses of delivery `bind`: on lo, as /32 or /128, while they are wanted. Not thread-safe.
///
/// Nothing is touched before the first reconcile(), so that what a crashed process left behind
/// stays in use when the plan still asks for it.
class BoundAddresses {
public:
    /// What could not be done, by address; empty when lo holds what it should.
    using Failures = std::map<IpAddress, Error>;

    /// Errors: unavailable, netlink or lo is missing.
    static Result<BoundAddresses> open(Log log);

    /// From now on they belong on lo, but those that fail; packets for them are delivered when this
    /// returns. Errors: not_allowed, lacks
    /// CAP_NET_ADMIN; unavailable.
    Failures add(const std::vector<IpAddress>& addresses);
    /// It belongs there no more; the next reconcile() takes it off.
    void drop(IpAddress address);
    void drop_all();
    bool has_dropped() const { return !dropped_.empty(); }
    /// Makes lo hold exactly the wanted addresses of ours. Wanted ones that somebody else put there
    /// are left as they are. Errors: unavailable, lo could not be read.
    Result<Failures> reconcile();

private:
    BoundAddresses(NetlinkSocket socket, unsigned loopback, Log log);
    Result<std::vector<PresentAddress>> present();
    Failures put(const std::vector<IpAddress>& addresses);
    void write_request(NetlinkRequest& request, IpAddress address) const;
    void wait_for_routes(std::span<const IpAddress> addresses);
    bool is_delivered(IpAddress address);
    Result<void> take_off(IpAddress address);

    NetlinkSocket socket_;
    unsigned loopback_;
    Log log_;
    std::set<IpAddress> wanted_;
    std::set<IpAddress> dropped_;  // since the last reconcile()
};

}  // namespace trivet::announce
