#include "core/bgp_objects.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "core/field_reader.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds echo_interval_default{50};  // as MetalLB's

constexpr std::array role_words = {
    std::pair{"provider", BgpRole::provider},
    std::pair{"route_server", BgpRole::route_server},
    std::pair{"route_server_client", BgpRole::route_server_client},
    std::pair{"customer", BgpRole::customer},
    std::pair{"peer", BgpRole::peer},
};

/// The fields of one object, of the types that config_fields.cpp gave them.
class Fields {
public:
    explicit Fields(const ConfigObject& object) : fields_(object.fields) {}

    bool has(const char* name) const { return fields_.contains(name); }
    bool is_on(const char* name) const { return fields_.value(name, false); }
    std::string text(const char* name) const { return fields_.value(name, std::string()); }
    std::vector<std::string> texts(const char* name) const {
        return fields_.value(name, std::vector<std::string>{});
    }
    template <class Int>
    Int number(const char* name, Int fallback) const {
        return static_cast<Int>(fields_.value(name, static_cast<std::uint64_t>(fallback)));
    }
    template <class Value>
    std::optional<Value> value(const char* name) const {
        if (!has(name)) return std::nullopt;
        return static_cast<Value>(fields_[name].get<std::uint64_t>());
    }
    template <class Value>  // one that is made from a number
    std::optional<Value> made(const char* name) const {
        if (!has(name)) return std::nullopt;
        return Value(number(name, typename Value::rep{}));
    }
    std::optional<AsNumber> as_number(const char* name) const {
        if (!has(name)) return std::nullopt;
        return AsNumber(number(name, std::uint32_t{0}));
    }
    std::optional<IpAddress> address(const char* name) const {
        if (!has(name)) return std::nullopt;
        return *IpAddress::parse(text(name));
    }
    std::vector<LabelSelector> selectors(const char* name) const {
        std::vector<LabelSelector> selectors;
        if (!has(name)) return selectors;
        for (const json& item : fields_[name]) selectors.push_back(*read_selector(item, name));
        return selectors;
    }

private:
    const json& fields_;
};

void read_neighbour(const Fields& fields, BgpPeerSettings& settings) {
    settings.my_asn = AsNumber(fields.number("my_asn", std::uint32_t{0}));
    settings.local_asn = fields.as_number("local_asn");
    settings.peer_asn = fields.as_number("peer_asn");
    if (fields.has("dynamic_asn"))
        settings.dynamic_asn =
            fields.text("dynamic_asn") == "internal" ? DynamicAsn::internal : DynamicAsn::external;
    settings.peer_address = fields.address("peer_address");
    settings.unnumbered_interface = fields.text("interface");
    if (fields.has("peer_prefix"))
        settings.peer_prefix = *Prefix::parse(fields.text("peer_prefix"));
    settings.source_address = fields.address("source_address");
    settings.bind_device = fields.text("vrf");
    settings.peer_port = fields.number("peer_port", settings.peer_port);
    // Nobody can be called whose address is not known.
    settings.passive = fields.is_on("passive") || settings.peer_prefix.has_value();
}

void read_session(const Fields& fields, BgpPeerSettings& settings) {
    using std::chrono::seconds;
    settings.hold_time = fields.made<seconds>("hold_time").value_or(settings.hold_time);
    settings.keepalive_time = fields.made<seconds>("keepalive_time");
    // 0 is what MetalLB's users write for "not given"; without keepalives the session would end.
    if (settings.keepalive_time == seconds{0}) settings.keepalive_time.reset();
    settings.connect_time = fields.made<seconds>("connect_time").value_or(settings.connect_time);
    settings.restart_time = fields.made<seconds>("restart_time").value_or(settings.restart_time);
    settings.router_id = fields.address("router_id");
    settings.password = fields.text("password");
    settings.ttl_security_hops = fields.value<std::uint8_t>("ttl_security_hops");
    settings.ebgp_multi_hop = fields.is_on("ebgp_multi_hop");
    settings.graceful_restart = fields.is_on("enable_graceful_restart");
    settings.bfd_strict = fields.is_on("bfd_strict");
    settings.prefixes_max = fields.number("prefixes_max", settings.prefixes_max);
    for (const auto& [word, role] : role_words)
        if (fields.text("role") == word) settings.role = role;
}

/// An unnumbered peer is reached over link-local addresses of IPv6.
IpFamily transport_of(const BgpPeerSettings& settings) {
    if (settings.peer_address) return settings.peer_address->family();
    return settings.peer_prefix ? settings.peer_prefix->family() : IpFamily::ipv6;
}

/// Both families, unless the peer says otherwise: what the neighbour does not offer as well, is
/// not used (RFC 4760 section 8).
void read_families(const Fields& fields, BgpPeerSettings& settings) {
    const IpFamily transport = transport_of(settings);
    const bool is_single =
        fields.is_on("disable_mp") ||
        (fields.has("dual_stack_address_family") && !fields.is_on("dual_stack_address_family"));
    if (fields.has("families")) {
        const std::vector<std::string> families = fields.texts("families");
        settings.ipv4 = std::ranges::find(families, "ipv4") != families.end();
        settings.ipv6 = std::ranges::find(families, "ipv6") != families.end();
    } else if (is_single) {
        settings.ipv4 = transport == IpFamily::ipv4;
        settings.ipv6 = transport == IpFamily::ipv6;
    }
    // Routes of IPv6 have no place in an UPDATE but in that extension (RFC 4760 section 3).
    settings.disable_mp = fields.is_on("disable_mp") && transport == IpFamily::ipv4;
}

}  // namespace

bool BgpAdvertisementSpec::is_for_peer(const std::string& peer) const {
    return peers.empty() || std::ranges::find(peers, peer) != peers.end();
}

BgpPeerSpec bgp_peer_of(const ConfigObject& peer) {
    const Fields fields(peer);
    BgpPeerSpec spec;
    spec.name = peer.name;
    read_neighbour(fields, spec.settings);
    read_session(fields, spec.settings);
    read_families(fields, spec.settings);
    spec.bfd_profile = fields.text("bfd_profile");
    spec.node_selectors = fields.selectors("node_selectors");
    spec.graceful_shutdown = fields.is_on("graceful_shutdown");
    spec.lacks_password = fields.has("password_secret");
    return spec;
}

BgpAdvertisementSpec bgp_advertisement_of(const ConfigObject& advertisement) {
    const Fields fields(advertisement);
    BgpAdvertisementSpec spec;
    spec.name = advertisement.name;
    spec.pools = fields.texts("pools");
    spec.pool_selectors = fields.selectors("pool_selectors");
    spec.vip_selectors = fields.selectors("vip_selectors");
    spec.node_selectors = fields.selectors("node_selectors");
    spec.peers = fields.texts("peers");
    spec.aggregation_length = fields.number("aggregation_length", spec.aggregation_length);
    spec.aggregation_length_v6 = fields.number("aggregation_length_v6", spec.aggregation_length_v6);
    spec.local_pref = fields.value<std::uint32_t>("local_pref");
    spec.med = fields.value<std::uint32_t>("med");
    spec.prepend = fields.value<std::uint8_t>("prepend");
    spec.communities = fields.texts("communities");
    for (const std::string& text : fields.texts("extended_communities"))
        spec.extended_communities.insert(*parse_extended_community(text));
    spec.graceful_shutdown = fields.is_on("graceful_shutdown");
    return spec;
}

BfdSettings bfd_settings_of(const ConfigObject& profile) {
    const Fields fields(profile);
    using std::chrono::milliseconds;
    BfdSettings settings;
    settings.receive_interval =
        fields.made<milliseconds>("receive_interval").value_or(settings.receive_interval);
    settings.transmit_interval =
        fields.made<milliseconds>("transmit_interval").value_or(settings.transmit_interval);
    settings.detect_multiplier = fields.number("detect_multiplier", settings.detect_multiplier);
    if (fields.is_on("echo_mode"))
        settings.echo_interval =
            fields.made<milliseconds>("echo_interval").value_or(echo_interval_default);
    settings.passive = fields.is_on("passive_mode");
    settings.minimum_ttl = fields.number("minimum_ttl", settings.minimum_ttl);
    return settings;
}

CommunityAliases community_aliases_of(const ConfigObject& community) {
    CommunityAliases aliases;
    if (!community.fields.contains("communities")) return aliases;
    for (const json& item : community.fields["communities"])
        aliases.emplace(item["name"].get<std::string>(),
                        *parse_community_value(item["value"].get_ref<const std::string&>()));
    return aliases;
}

bool is_same_neighbour(const BgpPeerSettings& a, const BgpPeerSettings& b) {
    const bool has_port = a.peer_address.has_value();
    return a.peer_address == b.peer_address && (!has_port || a.peer_port == b.peer_port) &&
           a.unnumbered_interface == b.unnumbered_interface && a.peer_prefix == b.peer_prefix &&
           a.bind_device == b.bind_device;
}

std::optional<CommunityValue> resolve_community(const std::string& text,
                                                const CommunityAliases& aliases) {
    if (const auto value = parse_community_value(text)) return *value;
    if (const auto known = well_known_community(text)) return *known;
    const auto alias = aliases.find(text);
    return alias == aliases.end() ? std::nullopt : std::optional(alias->second);
}

}  // namespace trivet
