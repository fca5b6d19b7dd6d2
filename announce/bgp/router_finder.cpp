#include "announce/bgp/router_finder.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "announce/boot_clock.hpp"
#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp {

namespace asio = boost::asio;

namespace {

constexpr std::uint8_t type_router_solicitation = 133;   // RFC 4861 section 4.1
constexpr std::uint8_t type_router_advertisement = 134;  // section 4.2
constexpr std::size_t advertisement_size = 16;           // without options
constexpr std::uint8_t hop_limit_of_neighbours = 255;    // section 6.1.2
constexpr std::uint8_t default_hop_limit = 64;           // what hosts are told to send with
// Until the router is found, often; then as FRR's `ipv6 nd ra-interval 10`.
constexpr std::chrono::seconds while_searching{1};
constexpr std::chrono::seconds when_found{10};
constexpr const char* all_nodes = "ff02::1";
constexpr const char* all_routers = "ff02::2";

auto refused(const std::string& interface, std::string_view what) {
    return fail(ErrorCode::unavailable, fmt::format("router advertisements on {}: {}: {}",
                                                    interface, what, std::strerror(errno)));
}

bool set(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

std::uint8_t hop_limit_of(msghdr& header) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part))
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_HOPLIMIT) {
            int value = 0;
            std::memcpy(&value, CMSG_DATA(part), sizeof value);
            return static_cast<std::uint8_t>(value);
        }
    return 0;
}

}  // namespace

std::optional<RouterAdvertisement> decode_router_advertisement(std::span<const std::byte> icmp,
                                                               IpAddress source,
                                                               std::uint8_t hop_limit) {
    // RFC 4861 section 6.1.2
    if (source.is_v4() || !source.is_link_local() || hop_limit != hop_limit_of_neighbours)
        return std::nullopt;
    ByteReader reader(icmp);
    const std::uint8_t type = reader.u8(), code = reader.u8();
    reader.u16();  // checksum
    reader.u8();   // current hop limit
    reader.u8();   // flags
    const std::uint16_t lifetime = reader.u16();
    reader.u32();  // reachable time
    reader.u32();  // retransmission timer
    if (!reader.ok() || type != type_router_advertisement || code != 0) return std::nullopt;
    while (
        !reader.rest().empty()) {  // "All included options have a length that is greater than zero"
        reader.u8();
        const std::size_t units = reader.u8();
        if (units == 0) return std::nullopt;
        reader.take(units * 8 - 2);
        if (!reader.ok()) return std::nullopt;
    }
    return RouterAdvertisement{.router_lifetime_s = lifetime, .hop_limit_received = hop_limit};
}

std::vector<std::byte> encode_router_advertisement() {
    ByteWriter writer(advertisement_size);
    writer.u8(type_router_advertisement);
    writer.u8(0);
    writer.u16(0);  // the kernel fills in the checksum
    writer.u8(default_hop_limit);
    writer.u8(0);
    writer.u16(0);  // router lifetime
    writer.u32(0);
    writer.u32(0);
    return writer.take();
}

std::vector<std::byte> encode_router_solicitation() {
    ByteWriter writer(8);
    writer.u8(type_router_solicitation);
    writer.u8(0);
    writer.u16(0);
    writer.u32(0);
    return writer.take();
}

RouterFinder::RouterFinder(asio::any_io_executor executor, std::string interface, Handler on_router,
                           Log log)
    : executor_(std::move(executor)),
      interface_(std::move(interface)),
      on_router_(std::move(on_router)),
      log_(std::move(log)) {}

std::shared_ptr<RouterFinder> RouterFinder::start(asio::any_io_executor executor,
                                                  std::string interface, Handler on_router,
                                                  Log log) {
    auto finder = std::make_shared<RouterFinder>(std::move(executor), std::move(interface),
                                                 std::move(on_router), std::move(log));
    auto timer = BootTimer::open(finder->executor_, [weak = finder->weak_from_this()](Instant now) {
        if (const auto self = weak.lock()) self->on_timer(now);
    });
    if (!timer) {
        finder->problem_ = timer.error().message;
        finder->log_("error", finder->problem_);
        return finder;
    }
    finder->timer_ = std::move(*timer);
    finder->on_timer(boot_now());
    return finder;
}

void RouterFinder::close() {
    is_closed_ = true;
    if (timer_) timer_->close();
    boost::system::error_code ignored;
    if (descriptor_) descriptor_->close(ignored);
    descriptor_.reset();
}

/// The interface may come later, or go: it is tried again with each round.
void RouterFinder::on_timer(Instant now) {
    if (is_closed_) return;
    if (!descriptor_) {
        const auto opened = open();
        const std::string problem = opened ? "" : opened.error().message;
        if (problem != problem_ && !problem.empty()) log_("warning", problem);
        problem_ = problem;
    }
    if (descriptor_) send(encode_router_advertisement(), all_nodes);
    if (descriptor_ && !router_) send(encode_router_solicitation(), all_routers);
    timer_->arm(now + (router_ ? when_found : while_searching));
}

Result<void> RouterFinder::open() {
    const unsigned index = if_nametoindex(interface_.c_str());
    if (index == 0) return refused(interface_, "no such interface");
    const int raw = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
    if (raw < 0) return refused(interface_, "no socket");
    auto descriptor = std::make_shared<asio::posix::stream_descriptor>(executor_, raw);
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(type_router_advertisement, &filter);
    ICMP6_FILTER_SETPASS(type_router_solicitation, &filter);
    ipv6_mreq group{};
    group.ipv6mr_multiaddr = {{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}};
    group.ipv6mr_interface = index;
    const bool is_set =
        setsockopt(raw, SOL_SOCKET, SO_BINDTODEVICE, interface_.data(),
                   static_cast<socklen_t>(interface_.size())) == 0 &&
        setsockopt(raw, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0 &&
        set(raw, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
        set(raw, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hop_limit_of_neighbours) &&
        set(raw, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hop_limit_of_neighbours) &&
        set(raw, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) &&
        set(raw, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(index)) &&
        setsockopt(raw, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group) == 0;
    if (!is_set) return refused(interface_, "an option of the socket");
    descriptor_ = descriptor;
    asio::co_spawn(executor_, receive(shared_from_this(), std::move(descriptor)), asio::detached);
    return {};
}

void RouterFinder::send(std::span<const std::byte> message, const char* group) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = {{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}};
    to.sin6_addr.s6_addr[15] = group == all_routers ? 2 : 1;
    to.sin6_scope_id = if_nametoindex(interface_.c_str());
    const auto sent = sendto(descriptor_->native_handle(), message.data(), message.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (sent >= 0) return;
    const std::string problem =
        fmt::format("router advertisements on {}: {}", interface_, std::strerror(errno));
    if (problem != problem_) log_("warning", problem);
    problem_ = problem;
    // The interface went away, or is another one now: a new socket finds out.
    boost::system::error_code ignored;
    descriptor_->close(ignored);
    descriptor_.reset();
}

asio::awaitable<void> RouterFinder::receive(
    std::shared_ptr<RouterFinder> self,
    std::shared_ptr<asio::posix::stream_descriptor> descriptor) {
    for (;;) {
        const auto [error] = co_await descriptor->async_wait(
            asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
        if (error || self->is_closed_ || !descriptor->is_open()) co_return;
        self->take_one(descriptor->native_handle());
    }
}

void RouterFinder::take_one(int descriptor) {
    std::array<std::byte, 1500> bytes{};
    alignas(cmsghdr) std::array<std::byte, 256> control{};
    sockaddr_in6 from{};
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = recvmsg(descriptor, &header, 0);
    if (size <= 0) return;
    IpAddress::V6Bytes source_bytes{};
    std::memcpy(source_bytes.data(), from.sin6_addr.s6_addr, source_bytes.size());
    const IpAddress source = IpAddress::v6(source_bytes);
    const auto icmp = std::span(bytes).first(static_cast<std::size_t>(size));
    if (std::to_integer<std::uint8_t>(icmp[0]) == type_router_solicitation)
        return send(encode_router_advertisement(), all_nodes);  // RFC 4861 section 6.2.6
    if (!decode_router_advertisement(icmp, source, hop_limit_of(header))) return;
    if (router_ == source) return;
    log_("info", fmt::format("the router on {} is {}", interface_, source.to_string()));
    router_ = source;
    on_router_(source);
}

}  // namespace trivet::announce::bgp
