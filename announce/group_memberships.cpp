#include "announce/group_memberships.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "announce/boot_clock.hpp"

namespace trivet::announce {

namespace {

constexpr std::chrono::seconds log_interval{60};

ipv6_mreq request_for(IpAddress group, LinkIndex index) {
    ipv6_mreq request{};
    std::memcpy(&request.ipv6mr_multiaddr, group.bytes().data(), group.bytes().size());
    request.ipv6mr_interface = index;
    return request;
}

}  // namespace

GroupMemberships::GroupMemberships(boost::asio::any_io_executor executor, LinkIndex index,
                                   std::string interface, Log log)
    : executor_(std::move(executor)),
      index_(index),
      interface_(std::move(interface)),
      log_(std::move(log)),
      log_limit_(log_interval) {}

GroupMemberships::~GroupMemberships() {
    for (const int socket : sockets_) ::close(socket);
}

void GroupMemberships::join(IpAddress group) {
    unwanted_.erase(group);
    if (!joined_.contains(group) && missing_.insert(group).second) work();
}

void GroupMemberships::leave(IpAddress group) {
    missing_.erase(group);
    if (joined_.contains(group) && unwanted_.insert(group).second) work();
}

void GroupMemberships::retry() {
    is_blocked_ = false;
    work();
}

void GroupMemberships::work() {
    for (; turn_left_ > 0; --turn_left_) {
        if (!unwanted_.empty())
            leave_next();
        else if (!missing_.empty() && !is_blocked_)
            join_next();
        else
            break;
    }
    schedule();
}

/// The end of this turn: others go first, then the next one begins.
void GroupMemberships::schedule() {
    if (turn_left_ == per_turn || std::exchange(is_scheduled_, true)) return;
    boost::asio::post(executor_, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->is_scheduled_ = false;
        self->turn_left_ = per_turn;
        self->work();
    });
}

void GroupMemberships::join_next() {
    const IpAddress group = *missing_.begin();
    if (join_now(group)) {
        missing_.erase(group);
        return;
    }
    is_blocked_ = true;  // what is wrong is wrong for all groups of the interface
    if (const auto held_back = log_limit_.admit(boot_now()))
        log_("warning", "cannot join " + group.to_string() + " on " + interface_ + ": " + problem_ +
                            "; IPv6 addresses are found there only once it can be joined" +
                            held_back_note(*held_back));
}

void GroupMemberships::leave_next() {
    const auto found = joined_.find(*unwanted_.begin());
    const ipv6_mreq request = request_for(found->first, index_);
    // The only failure is that the kernel has forgotten it, with the interface: then it is left.
    setsockopt(found->second, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &request, sizeof request);
    // The socket has room again, so it is the next one to be tried.
    std::iter_swap(std::ranges::find(sockets_, found->second), std::prev(sockets_.end()));
    unwanted_.erase(unwanted_.begin());
    joined_.erase(found);
}

bool GroupMemberships::join_now(IpAddress group) {
    if (!sockets_.empty()) {
        const Outcome outcome = join_on(sockets_.back(), group);
        if (outcome != Outcome::full) return outcome == Outcome::joined;
    }
    const int socket = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) {
        problem_ = std::strerror(errno);
        return false;
    }
    if (join_on(socket, group) != Outcome::joined) {
        ::close(socket);
        return false;
    }
    sockets_.push_back(socket);
    return true;
}

GroupMemberships::Outcome GroupMemberships::join_on(int socket, IpAddress group) {
    const ipv6_mreq request = request_for(group, index_);
    if (setsockopt(socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) == 0) {
        joined_.emplace(group, socket);
        return Outcome::joined;
    }
    problem_ = std::strerror(errno);
    return errno == ENOMEM || errno == ENOBUFS ? Outcome::full : Outcome::failed;
}

}  // namespace trivet::announce
