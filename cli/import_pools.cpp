// Pools that name their protocol, and the fields that the ConfigMap and custom resources share.
#include <fmt/format.h>

#include "cli/import_parts.hpp"

namespace trivet::cli {
namespace {

using model::Position;
using nlohmann::json;
using Shape = ImportMap::Shape;

constexpr std::array peer_fields{
    ImportField{"my-asn", "myASN", "my_asn", Shape::number},
    ImportField{"peer-asn", "peerASN", "peer_asn", Shape::number},
    ImportField{"", "localASN", "local_asn", Shape::number},
    ImportField{"", "dynamicASN", "dynamic_asn", Shape::text},
    ImportField{"peer-address", "peerAddress", "peer_address", Shape::text},
    ImportField{"", "interface", "interface", Shape::text},
    ImportField{"source-address", "sourceAddress", "source_address", Shape::text},
    ImportField{"hold-time", "holdTime", "hold_time", Shape::text},
    ImportField{"keepalive-time", "keepaliveTime", "keepalive_time", Shape::text},
    ImportField{"", "connectTime", "connect_time", Shape::text},
    ImportField{"router-id", "routerID", "router_id", Shape::text},
    ImportField{"node-selectors", "nodeSelectors", "node_selectors", Shape::selectors},
    ImportField{"password", "password", "password", Shape::text},
    ImportField{"bfd-profile", "bfdProfile", "bfd_profile", Shape::text},
    ImportField{"", "enableGracefulRestart", "enable_graceful_restart", Shape::boolean},
    ImportField{"ebgp-multihop", "ebgpMultiHop", "ebgp_multi_hop", Shape::boolean},
    ImportField{"", "vrf", "vrf", Shape::text},
    ImportField{"", "disableMP", "disable_mp", Shape::boolean},
    ImportField{"", "dualStackAddressFamily", "dual_stack_address_family", Shape::boolean},
};

constexpr std::array profile_fields{
    ImportField{"receive-interval", "receiveInterval", "receive_interval", Shape::number},
    ImportField{"transmit-interval", "transmitInterval", "transmit_interval", Shape::number},
    ImportField{"detect-multiplier", "detectMultiplier", "detect_multiplier", Shape::number},
    ImportField{"echo-interval", "echoInterval", "echo_interval", Shape::number},
    ImportField{"echo-mode", "echoMode", "echo_mode", Shape::boolean},
    ImportField{"passive-mode", "passiveMode", "passive_mode", Shape::boolean},
    ImportField{"minimum-ttl", "minimumTtl", "minimum_ttl", Shape::number},
};

constexpr std::array advertisement_fields{
    ImportField{"aggregation-length", "aggregationLength", "aggregation_length", Shape::number},
    ImportField{"aggregation-length-v6", "aggregationLengthV6", "aggregation_length_v6",
                Shape::number},
    ImportField{"localpref", "localPref", "local_pref", Shape::number},
    ImportField{"communities", "communities", "communities", Shape::texts},
    ImportField{"peers", "peers", "peers", Shape::texts},
};

constexpr std::array pool_fields{
    ImportField{"addresses", "addresses", "addresses", Shape::texts},
    ImportField{"auto-assign", "autoAssign", "auto_assign", Shape::boolean},
    ImportField{"avoid-buggy-ips", "avoidBuggyIPs", "avoid_buggy_ips", Shape::boolean},
};

/// The advertisement that selects the pool alone, with the pool's own name.
ImportDraft advertisement_of(Kind kind, const std::string& pool, const std::string& name,
                             Position at) {
    ImportDraft draft(kind, at);
    draft.set("name", name, at);
    draft.append("pools", pool, at);
    return draft;
}

void import_pool_advertisements(const ImportContext& context, MetallbForm form, ImportMap& pool,
                                const std::string& name, Position at) {
    const auto key = form == MetallbForm::config_map ? "bgp-advertisements" : "bgpAdvertisements";
    const auto items = pool.list(key);
    if (!items || items->empty()) {  // MetalLB then announces each address by itself
        return advertisement_of(Kind::bgp_advertisement, name, name, at).finish(context);
    }
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        ImportMap fields(context, item, fmt::format("{}[{}]", pool.path_of(key), i), item.at);
        auto draft = advertisement_of(Kind::bgp_advertisement, name,
                                      i == 0 ? name : fmt::format("{}-{}", name, i + 1), item.at);
        copy_fields(fields, form, advertisement_fields, draft);
        std::move(draft).finish(context);
    }
}

}  // namespace

const std::span<const ImportField> bgp_peer_import_fields = peer_fields;
const std::span<const ImportField> bfd_profile_import_fields = profile_fields;
const std::span<const ImportField> bgp_advertisement_import_fields = advertisement_fields;
const std::span<const ImportField> pool_import_fields = pool_fields;

void import_peer_extras(const ImportContext& context, ImportMap& peer, MetallbForm form,
                        ImportDraft& draft) {
    const bool config_map = form == MetallbForm::config_map;
    const auto* port = peer.take(config_map ? "peer-port" : "peerPort");
    if (port != nullptr) {
        // MetalLB takes 0 for "not given".
        const bool zero = port->value.scalar() != nullptr && port->value.scalar()->text == "0";
        if (!zero) peer.copy(port->key, Shape::number, draft, "peer_port");
    }
    const auto* secret = config_map ? nullptr : peer.take("passwordSecret");
    if (secret == nullptr ||
        (secret->value.map() != nullptr && secret->value.map()->entries.empty()))
        return;
    ImportMap fields(context, secret->value, peer.path_of("passwordSecret"), secret->at);
    json value = json::object();
    if (const auto name = fields.text("name")) value["name"] = *name;
    if (const auto name_space = fields.text("namespace")) value["namespace"] = *name_space;
    draft.set("password_secret", std::move(value), secret->at);
    context.report(secret->at, peer.path_of("passwordSecret"),
                   "differs: secrets of Kubernetes are not read here, so no session is tried until "
                   "the bgp-peer has its password in 'password' instead");
}

void import_protocol_pool(const ImportContext& context, MetallbForm form, ImportMap& pool,
                          ImportDraft draft, Position at) {
    copy_fields(pool, form, pool_fields, draft);
    const auto name = draft.name();
    const auto protocol = pool.text("protocol").value_or("");
    std::move(draft).finish(context);
    if (name.empty()) return;  // told by the codec
    if (protocol == "layer2" || protocol == "l2") {
        pool.report("bgp-advertisements", "not imported: the pool is not announced by BGP");
        pool.report("bgpAdvertisements", "not imported: the pool is not announced by BGP");
        advertisement_of(Kind::l2_advertisement, name, name, at).finish(context);
    } else if (protocol == "bgp") {
        import_pool_advertisements(context, form, pool, name, at);
    } else {
        context.error(at, pool.path_of("protocol"),
                      fmt::format("'{}' is neither layer2 nor bgp", protocol));
    }
}

}  // namespace trivet::cli
