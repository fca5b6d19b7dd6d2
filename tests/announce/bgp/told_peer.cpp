#include "tests/announce/bgp/told_peer.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace trivet::announce::bgp::update_test {

namespace {

void append(Bytes& to, std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void append(Bytes& to, IpAddress address) {
    const auto bytes = address.bytes();
    to.insert(to.end(), bytes.begin() + (address.is_v4() ? 12 : 0), bytes.end());
}

Bytes number(std::uint64_t value, std::size_t size) {
    Bytes bytes;
    append(bytes, value, size);
    return bytes;
}

Bytes sequence(std::uint32_t as, std::size_t hops, std::size_t as_size) {
    Bytes bytes;
    while (hops > 0) {
        const std::size_t count = hops > 255 ? 255 : hops;
        bytes.push_back(2);
        bytes.push_back(static_cast<std::uint8_t>(count));
        for (std::size_t i = 0; i < count; ++i) append(bytes, as, as_size);
        hops -= count;
    }
    return bytes;
}

std::vector<ReadAttribute> expected_attributes(const BgpAttributes& attributes,
                                               const SessionCase& session) {
    const Negotiated& negotiated = session.negotiated;
    const std::uint32_t as = negotiated.local_as.value();
    const std::size_t hops = negotiated.is_external ? attributes.prepend + std::size_t{1} : 0;
    std::vector<ReadAttribute> expected{{0x40, 1, {0}}};
    const bool is_hidden = !negotiated.codec.four_octet_as && as > 65535 && hops != 0;
    expected.push_back(
        {0x40, 2, sequence(is_hidden ? 23456 : as, hops, negotiated.codec.four_octet_as ? 4 : 2)});
    if (attributes.med) expected.push_back({0x80, 4, number(*attributes.med, 4)});
    if (!negotiated.is_external)
        expected.push_back({0x40, 5, number(attributes.local_pref.value_or(100), 4)});
    Bytes plain, extended, large;
    for (const Community community : attributes.communities) append(plain, community.value(), 4);
    for (const ExtendedCommunity community : attributes.extended_communities)
        append(extended, community.value(), 8);
    for (const LargeCommunity& community : attributes.large_communities) {
        append(large, community.global_administrator, 4);
        append(large, community.local_data_1, 4);
        append(large, community.local_data_2, 4);
    }
    if (!plain.empty()) expected.push_back({0xC0, 8, plain});
    if (!extended.empty()) expected.push_back({0xC0, 16, extended});
    if (is_hidden) expected.push_back({0xC0, 17, sequence(as, hops, 4)});
    if (!large.empty()) expected.push_back({0xC0, 32, large});
    const bool is_upstream = session.our_role == BgpRole::provider ||
                             session.our_role == BgpRole::peer ||
                             session.our_role == BgpRole::route_server;
    if (is_upstream && negotiated.is_external) expected.push_back({0xC0, 35, number(as, 4)});
    return expected;
}

Bytes ipv6_next_hop(const NextHops& next_hops) {
    Bytes bytes;
    if (next_hops.ipv6) append(bytes, *next_hops.ipv6);
    if (next_hops.ipv6_link_local) append(bytes, *next_hops.ipv6_link_local);
    return bytes;
}

Bytes expected_next_hop(IpFamily family, const SessionCase& session) {
    const CodecOptions& codec = session.negotiated.codec;
    if (!codec.families.contains(family == IpFamily::ipv4 ? ipv4_unicast : ipv6_unicast)) return {};
    if (family == IpFamily::ipv6) return ipv6_next_hop(session.next_hops);
    Bytes bytes;
    if (session.next_hops.ipv4)
        append(bytes, *session.next_hops.ipv4);
    else if (codec.extended_next_hop.contains(ipv4_unicast))
        bytes = ipv6_next_hop(session.next_hops);
    return bytes;
}

std::size_t wire_size(const Path& path, bool is_multiprotocol) {
    std::size_t size = is_multiprotocol ? 4 + 5 + path.next_hop.size() : 7;
    for (const ReadAttribute& attribute : path.attributes)
        size += (attribute.value.size() > 255 ? 4 : 3) + attribute.value.size();
    return size;
}

AfiSafi family_of(const Prefix& prefix) {
    return prefix.family() == IpFamily::ipv4 ? ipv4_unicast : ipv6_unicast;
}

bool overlap(const Prefix& one, const Prefix& other) {
    return one.contains(other.address()) || other.contains(one.address());
}

}  // namespace

SessionCase external_session() {
    SessionCase session;
    session.negotiated.local_as = AsNumber(64512);
    session.negotiated.peer_as = AsNumber(64513);
    session.negotiated.codec.families = {ipv4_unicast, ipv6_unicast};
    session.next_hops = {
        .ipv4 = address("192.0.2.1"), .ipv6 = address("2001:db8::1"), .ipv6_link_local = {}};
    return session;
}

PeerTable expected_table(const BgpRoutes& routes, const SessionCase& session) {
    std::vector<std::vector<ReadAttribute>> sets;
    for (const BgpAttributes& attributes : routes.attributes)
        sets.push_back(expected_attributes(attributes, session));
    PeerTable table;
    for (const BgpRoute& route : routes.routes) {
        Path path{.next_hop = expected_next_hop(route.prefix.family(), session),
                  .attributes = sets.at(route.attributes)};
        if (path.next_hop.empty()) continue;
        // RFC 4271 section 9.2; room is kept for the longest prefix of the family.
        const std::size_t size = 23 + wire_size(path, path.next_hop.size() != 4);
        const bool is_v4 = route.prefix.family() == IpFamily::ipv4;
        if (size + (is_v4 ? 5 : 17) > session.message_size_max()) continue;
        table.emplace(route.prefix, std::move(path));
    }
    return table;
}

void ToldPeer::apply(std::span<const std::byte> bytes) {
    for (const ReadMessage& message : read_messages(bytes, message_size_max_)) {
        if (const auto* update = std::get_if<ReadUpdate>(&message.body))
            apply(*update);
        else
            apply(std::get<ReadRefresh>(message.body));
    }
}

void ToldPeer::expect(PeerTable target) {
    target_ = std::move(target);
    new_here_.clear();
    has_announcement_ = false;
}

void ToldPeer::apply(const ReadUpdate& update) {
    for (const Prefix& prefix : update.withdrawn) withdraw(prefix);
    for (const Prefix& prefix : update.announced)
        announce(prefix, {.next_hop = update.next_hop, .attributes = update.attributes});
    if (update.end_of_rib) ends_of_rib_.push_back(*update.end_of_rib);
}

void ToldPeer::withdraw(const Prefix& prefix) {
    if (table_.erase(prefix) == 0) complain("withdrawn and was not there", prefix);
    if (target_.contains(prefix)) complain("withdrawn and wanted", prefix);
    for (auto& [family, stale] : stale_) stale.erase(prefix);
    const auto overlaps = [&](const Prefix& other) { return overlap(prefix, other); };
    if (has_announcement_ && std::ranges::none_of(new_here_, overlaps))
        complain("withdrawn after announcements", prefix);
    for (const auto& [wanted, path] : target_)
        if (!table_.contains(wanted) && overlaps(wanted))
            complain("withdrawn before " + wanted.to_string() + " took its place", prefix);
}

void ToldPeer::announce(const Prefix& prefix, Path path) {
    has_announcement_ = true;
    const auto known = table_.find(prefix);
    const auto stale = stale_.find(family_of(prefix));
    const bool was_stale = stale != stale_.end() && stale->second.erase(prefix) != 0;
    if (known == table_.end()) new_here_.push_back(prefix);
    if (known != table_.end() && known->second == path && !was_stale && !tolerates_again_)
        complain("announced again", prefix);
    table_.insert_or_assign(prefix, std::move(path));
}

void ToldPeer::apply(const ReadRefresh& refresh) {
    refreshes_.push_back(
        fmt::format("{} {}", refresh.subtype == 1 ? "BoRR" : "EoRR", refresh.family.afi));
    if (std::ranges::find(ends_of_rib_, refresh.family) == ends_of_rib_.end())
        complaints_.push_back("a refresh before End-of-RIB");
    if (refresh.subtype == 1) {
        if (stale_.contains(refresh.family)) complaints_.push_back("BoRR after BoRR");
        std::set<Prefix>& stale = stale_[refresh.family];
        for (const auto& [prefix, path] : table_)
            if (family_of(prefix) == refresh.family) stale.insert(prefix);
        return;
    }
    const auto stale = stale_.find(refresh.family);
    if (refresh.subtype != 2 || stale == stale_.end()) {
        complaints_.push_back("EoRR without BoRR");
        return;
    }
    for (const Prefix& prefix : stale->second) complain("left out of a refresh", prefix);
    stale_.erase(stale);
}

void ToldPeer::complain(const std::string& about, const Prefix& prefix) {
    complaints_.push_back(prefix.to_string() + ": " + about);
}

Prefix prefix(std::string_view text) { return Prefix::parse(text).value(); }
IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

std::shared_ptr<const BgpRoutes> routes(std::vector<BgpAttributes> attributes,
                                        std::map<std::string, std::uint32_t> set_of_prefix) {
    auto table = std::make_shared<BgpRoutes>();
    table->attributes = std::move(attributes);
    for (const auto& [text, set] : set_of_prefix)
        table->routes.push_back({.prefix = prefix(text), .attributes = set});
    std::ranges::sort(table->routes, {}, &BgpRoute::prefix);
    return table;
}

}  // namespace trivet::announce::bgp::update_test
