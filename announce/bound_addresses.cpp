#include "announce/bound_addresses.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <span>
#include <thread>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "announce/link_event.hpp"
#include "announce/netlink_attributes.hpp"

namespace trivet::announce {

namespace {

// In one datagram: some 3 KiB, and the answers fit the socket's buffer even if all of them fail.
constexpr std::size_t requests_max = 32;
constexpr std::chrono::milliseconds route_wait_max{5};
constexpr std::chrono::microseconds route_look_again{50};
constexpr std::uint32_t forever = 0xffffffff;  // INFINITY_LIFE_TIME, linux/if_addr.h of the kernel

Error address_error(const std::string& what, IpAddress address, const Error& reason) {
    std::string message = "cannot " + what + " " + address.to_string() + ": " + reason.message;
    if (reason.code == ErrorCode::not_allowed)
        message += "; lbd needs the capability CAP_NET_ADMIN";
    return {reason.code, message};
}

void put_address(nlmsghdr& message, std::uint16_t type, IpAddress address) {
    const std::size_t size = address.is_v4() ? 4 : 16;
    mnl_attr_put(&message, type, size, address.bytes().data() + (16 - size));
}

}  // namespace

BoundAddresses::BoundAddresses(NetlinkSocket socket, unsigned loopback, Log log)
    : socket_(std::move(socket)), loopback_(loopback), log_(std::move(log)) {}

Result<BoundAddresses> BoundAddresses::open(Log log) {
    auto socket = NetlinkSocket::open();
    if (!socket) return fail(socket.error());
    const unsigned loopback = if_nametoindex("lo");
    if (loopback == 0)
        return fail(ErrorCode::unavailable,
                    std::string("no interface lo for the addresses of delivery bind: ") +
                        std::strerror(errno));
    return BoundAddresses(std::move(*socket), loopback, std::move(log));
}

BoundAddresses::Failures BoundAddresses::add(const std::vector<IpAddress>& addresses) {
    std::vector<IpAddress> missing;
    for (const IpAddress address : addresses) {
        dropped_.erase(address);
        if (wanted_.insert(address).second) missing.push_back(address);
    }
    Failures failures = put(missing);
    for (const auto& [address, error] : failures) wanted_.erase(address);
    return failures;
}

void BoundAddresses::drop(IpAddress address) {
    if (wanted_.erase(address) != 0) dropped_.insert(address);
}

void BoundAddresses::drop_all() { dropped_.merge(wanted_); }

Result<BoundAddresses::Failures> BoundAddresses::reconcile() {
    auto there = present();
    if (!there) return fail(there.error());
    const BoundPlan plan = plan_bound_addresses(wanted_, *there);
    Failures failures = put(plan.add);
    for (const IpAddress address : plan.add)
        if (!failures.contains(address))
            log_("warning", "somebody took " + address.to_string() + " off lo; it is there again");
    for (const IpAddress address : plan.remove) {
        auto removed = take_off(address);
        if (!removed)
            failures.emplace(address, removed.error());
        else if (!dropped_.contains(address))
            log_("info",
                 "took " + address.to_string() + " off lo, where an earlier run had left it");
    }
    dropped_.clear();
    return failures;
}

Result<std::vector<PresentAddress>> BoundAddresses::present() {
    std::vector<PresentAddress> present;
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        const std::size_t kept = present.size();
        NetlinkRequest request(RTM_GETADDR, 0);
        auto& header = request.add_header<ifaddrmsg>();
        header.ifa_family = family;
        header.ifa_index = loopback_;
        auto read = socket_.dump(
            request,
            {.on_restart = [&] { present.resize(kept); },
             .on_message =
                 [&](std::span<const std::byte> bytes) {
                     const auto event = parse_link_event(bytes);
                     const auto* seen = event ? std::get_if<AddressSeen>(&*event) : nullptr;
                     if (seen != nullptr && seen->index == loopback_)
                         present.push_back({seen->address, seen->subnet.length(), seen->protocol});
                 }});
        if (!read)
            return fail(ErrorCode::unavailable,
                        "cannot read the addresses of lo: " + read.error().message);
    }
    return present;
}

BoundAddresses::Failures BoundAddresses::put(const std::vector<IpAddress>& addresses) {
    Failures failures;
    for (std::size_t begin = 0; begin < addresses.size(); begin += requests_max) {
        const std::size_t count = std::min(requests_max, addresses.size() - begin);
        const auto some = std::span(addresses).subspan(begin, count);
        std::deque<NetlinkRequest> requests;
        for (const IpAddress address : some)
            write_request(requests.emplace_back(std::uint16_t{RTM_NEWADDR},
                                                std::uint16_t{NLM_F_CREATE | NLM_F_EXCL}),
                          address);
        for (const auto& [index, error] : socket_.perform(requests))
            if (error.code != ErrorCode::conflict)  // it is there already
                failures.emplace(some[index],
                                 address_error("put on lo the address", some[index], error));
        std::vector<IpAddress> placed;
        std::ranges::copy_if(some, std::back_inserter(placed),
                             [&](IpAddress address) { return !failures.contains(address); });
        wait_for_routes(placed);
    }
    return failures;
}

/// The kernel makes the route of an IPv6 address later, in a thread of its own (its duplicate
/// address detection, also where that has nothing to do). A packet that comes before is dropped:
/// seen in 6 of 160 clean stops. The wait is bounded, because whoever is behind it waits, too.
void BoundAddresses::wait_for_routes(std::span<const IpAddress> addresses) {
    const auto give_up_at = std::chrono::steady_clock::now() + route_wait_max;
    for (const IpAddress address : addresses)
        while (!address.is_v4() && !is_delivered(address)) {
            if (std::chrono::steady_clock::now() >= give_up_at) return;
            std::this_thread::sleep_for(route_look_again);
        }
}

bool BoundAddresses::is_delivered(IpAddress address) {
    NetlinkRequest request(RTM_GETROUTE, 0);
    auto& header = request.add_header<rtmsg>();
    header.rtm_family = AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(address.bits());
    put_address(request.message(), RTA_DST, address);
    bool is_local = false;
    // No route at all is an answer, too: not yet.
    (void)socket_.ask(request, [&](const nlmsghdr& message) {
        if (mnl_nlmsg_get_payload_len(&message) < sizeof(rtmsg)) return;
        is_local =
            static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message))->rtm_type == RTN_LOCAL;
    });
    return is_local;
}

void BoundAddresses::write_request(NetlinkRequest& request, IpAddress address) const {
    auto& header = request.add_header<ifaddrmsg>();
    header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
    header.ifa_prefixlen = static_cast<unsigned char>(address.bits());
    header.ifa_index = loopback_;
    put_address(request.message(), IFA_LOCAL, address);
    put_address(request.message(), IFA_ADDRESS, address);
    mnl_attr_put_u8(&request.message(), IFA_PROTO, bound_address_protocol);
    // Nothing that this machine starts by itself may come from a VIP: it would break when the VIP
    // moves. An answer still does, as its source is given. So that the kernel never chooses it:
    if (address.is_v4()) {
        // an interface without an address of its own borrows one from lo, but none of scope host;
        header.ifa_scope = RT_SCOPE_HOST;
    } else {
        // a deprecated address is avoided (RFC 6724 section 5, rule 3).
        const ifa_cacheinfo lifetimes{
            .ifa_prefered = 0, .ifa_valid = forever, .cstamp = 0, .tstamp = 0};
        mnl_attr_put(&request.message(), IFA_CACHEINFO, sizeof lifetimes, &lifetimes);
        // The session has probed already, on the wire where it matters.
        mnl_attr_put_u32(&request.message(), IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
    }
}

Result<void> BoundAddresses::take_off(IpAddress address) {
    NetlinkRequest request(RTM_DELADDR, 0);
    auto& header = request.add_header<ifaddrmsg>();
    header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
    header.ifa_prefixlen = static_cast<unsigned char>(address.bits());
    header.ifa_index = loopback_;
    put_address(request.message(), IFA_LOCAL, address);
    put_address(request.message(), IFA_ADDRESS, address);
    auto removed = socket_.perform(request);
    if (removed || removed.error().code == ErrorCode::not_found) return {};  // gone already
    return fail(address_error("take off lo the address", address, removed.error()));
}

}  // namespace trivet::announce
