#include "announce/group_memberships.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

GroupMemberships::GroupMemberships(LinkIndex index, std::string interface, Log log)
    : index_(index),
      interface_(std::move(interface)),
      log_(std::move(log)),
      log_limit_(log_interval) {}

GroupMemberships::~GroupMemberships() {
    for (const int socket : sockets_) ::close(socket);
}

void GroupMemberships::join(IpAddress group) {
    if (joined_.contains(group) || missing_.contains(group) || join_now(group)) return;
    missing_.insert(group);
    if (const auto held_back = log_limit_.admit(boot_now()))
        log_("warning", "cannot join " + group.to_string() + " on " + interface_ + ": " + problem_ +
                            "; IPv6 addresses are found there only once it can be joined" +
                            held_back_note(*held_back));
}

void GroupMemberships::leave(IpAddress group) {
    missing_.erase(group);
    const auto found = joined_.find(group);
    if (found == joined_.end()) return;
    const ipv6_mreq request = request_for(group, index_);
    // The only failure is that the kernel has forgotten it, with the interface: then it is left.
    setsockopt(found->second, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &request, sizeof request);
    // The socket has room again, so it is the next one to be tried.
    std::iter_swap(std::ranges::find(sockets_, found->second), std::prev(sockets_.end()));
    joined_.erase(found);
}

void GroupMemberships::retry() {
    while (!missing_.empty() && join_now(*missing_.begin())) missing_.erase(missing_.begin());
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
