#include "core/config_fields.hpp"

#include <array>

#include "core/config_rules.hpp"
#include "core/config_values.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::uint64_t asn_max = 4294967295;  // RFC 6793 section 3
constexpr std::uint64_t u16_max = 65535;
constexpr std::uint64_t u32_max = 4294967295;
constexpr std::uint64_t interval_ms_max = 60000;     // as MetalLB bounds BFD intervals
constexpr std::uint64_t password_max = 80;           // RFC 2385 section 4.5
constexpr std::uint64_t ttl_hops_max = 254;          // RFC 5082 section 3: 255 less what is left
constexpr std::uint64_t restart_seconds_max = 4095;  // RFC 4724 section 3: 12 bits
constexpr std::uint64_t prefixes_max = 10'000'000;   // ten times today's Internet
constexpr std::uint64_t prepend_max = 32;            // more than any path has hops

constexpr std::array fields = {
    // Whom we speak with.
    ConfigField{Kind::bgp_peer, "my_asn", ConfigType::whole, 1, asn_max},
    ConfigField{Kind::bgp_peer, "peer_asn", ConfigType::whole, 1, asn_max},
    ConfigField{Kind::bgp_peer, "local_asn", ConfigType::whole, 1, asn_max},
    ConfigField{Kind::bgp_peer, "dynamic_asn", ConfigType::asn_choice},
    ConfigField{Kind::bgp_peer, "peer_address", ConfigType::address},
    ConfigField{Kind::bgp_peer, "interface", ConfigType::interface},
    ConfigField{Kind::bgp_peer, "peer_prefix", ConfigType::prefix},
    ConfigField{Kind::bgp_peer, "source_address", ConfigType::address},
    ConfigField{Kind::bgp_peer, "peer_port", ConfigType::whole, 1, u16_max},
    ConfigField{Kind::bgp_peer, "passive", ConfigType::flag},
    ConfigField{Kind::bgp_peer, "node_selectors", ConfigType::selectors},
    ConfigField{Kind::bgp_peer, "vrf", ConfigType::interface},
    // How the session is held.
    ConfigField{Kind::bgp_peer, "hold_time", ConfigType::seconds, 0, u16_max},
    ConfigField{Kind::bgp_peer, "keepalive_time", ConfigType::seconds, 0, u16_max},
    ConfigField{Kind::bgp_peer, "connect_time", ConfigType::seconds, 1, u16_max},
    ConfigField{Kind::bgp_peer, "router_id", ConfigType::router_id},
    ConfigField{Kind::bgp_peer, "password", ConfigType::text, 1, password_max},
    ConfigField{Kind::bgp_peer, "password_secret", ConfigType::secret},
    ConfigField{Kind::bgp_peer, "ttl_security_hops", ConfigType::whole, 1, ttl_hops_max},
    ConfigField{Kind::bgp_peer, "ebgp_multi_hop", ConfigType::flag},
    ConfigField{Kind::bgp_peer, "bfd_profile", ConfigType::name},
    ConfigField{Kind::bgp_peer, "bfd_strict", ConfigType::flag},
    ConfigField{Kind::bgp_peer, "enable_graceful_restart", ConfigType::flag},
    ConfigField{Kind::bgp_peer, "restart_time", ConfigType::seconds, 1, restart_seconds_max},
    ConfigField{Kind::bgp_peer, "role", ConfigType::role},
    ConfigField{Kind::bgp_peer, "families", ConfigType::families},
    ConfigField{Kind::bgp_peer, "disable_mp", ConfigType::flag},
    ConfigField{Kind::bgp_peer, "dual_stack_address_family", ConfigType::flag},
    ConfigField{Kind::bgp_peer, "prefixes_max", ConfigType::whole, 1, prefixes_max},
    ConfigField{Kind::bgp_peer, "graceful_shutdown", ConfigType::flag},
    ConfigField{Kind::bgp_advertisement, "aggregation_length", ConfigType::whole, 0, 32},
    ConfigField{Kind::bgp_advertisement, "aggregation_length_v6", ConfigType::whole, 0, 128},
    ConfigField{Kind::bgp_advertisement, "local_pref", ConfigType::whole, 0, u32_max},
    ConfigField{Kind::bgp_advertisement, "med", ConfigType::whole, 0, u32_max},
    ConfigField{Kind::bgp_advertisement, "prepend", ConfigType::whole, 0, prepend_max},
    ConfigField{Kind::bgp_advertisement, "communities", ConfigType::communities},
    ConfigField{Kind::bgp_advertisement, "extended_communities", ConfigType::extended_communities},
    ConfigField{Kind::bgp_advertisement, "graceful_shutdown", ConfigType::flag},
    ConfigField{Kind::bgp_advertisement, "pools", ConfigType::names},
    ConfigField{Kind::bgp_advertisement, "pool_selectors", ConfigType::selectors},
    ConfigField{Kind::bgp_advertisement, "vip_selectors", ConfigType::selectors},
    ConfigField{Kind::bgp_advertisement, "node_selectors", ConfigType::selectors},
    ConfigField{Kind::bgp_advertisement, "peers", ConfigType::names},
    ConfigField{Kind::bfd_profile, "receive_interval", ConfigType::whole, 10, interval_ms_max},
    ConfigField{Kind::bfd_profile, "transmit_interval", ConfigType::whole, 10, interval_ms_max},
    ConfigField{Kind::bfd_profile, "detect_multiplier", ConfigType::whole, 2, 255},
    ConfigField{Kind::bfd_profile, "echo_interval", ConfigType::whole, 10, interval_ms_max},
    ConfigField{Kind::bfd_profile, "echo_mode", ConfigType::flag},
    ConfigField{Kind::bfd_profile, "passive_mode", ConfigType::flag},
    ConfigField{Kind::bfd_profile, "minimum_ttl", ConfigType::whole, 1, 254},
    ConfigField{Kind::community, "communities", ConfigType::aliases},
};

}  // namespace

void read_config_fields(FieldReader& reader, Kind kind, json& out) {
    out = json::object();
    for (const ConfigField& field : fields) {
        if (field.kind != kind) continue;
        if (!reader.has(field.name)) {
            reader.ignore(field.name);  // known, not given
            continue;
        }
        json value;
        read_config_value(reader, field, value);
        if (!value.is_null()) out[std::string(field.name)] = std::move(value);
    }
    if (kind == Kind::bgp_peer) check_peer_fields(reader, out);
}

std::vector<std::string_view> config_field_names(Kind kind) {
    std::vector<std::string_view> names;
    for (const ConfigField& field : fields) {
        if (field.kind == kind) names.push_back(field.name);
    }
    return names;
}

}  // namespace trivet
