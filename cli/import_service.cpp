// Services of type LoadBalancer, and Namespaces.
#include <fmt/format.h>

#include "cli/import_parts.hpp"

namespace trivet::cli {
namespace {

using model::Position;
using model::YamlEntry;
using nlohmann::json;
using Shape = ImportMap::Shape;

constexpr std::array annotation_prefixes{"metallb.io/", "metallb.universe.tf/"};  // new, then old

/// The words of Kubernetes for what is a choice here too; others go through, for the codec to
/// refuse.
std::string our_word(std::string_view theirs) {
    struct Word {
        std::string_view theirs;
        const char* ours;
    };
    constexpr std::array words{
        Word{"IPv4", "ipv4"},
        Word{"IPv6", "ipv6"},
        Word{"SingleStack", "single"},
        Word{"PreferDualStack", "prefer_dual"},
        Word{"RequireDualStack", "require_dual"},
        Word{"Cluster", "cluster"},
        Word{"Local", "local"},
        Word{"TCP", "tcp"},
        Word{"UDP", "udp"},
        Word{"SCTP", "sctp"},
    };
    for (const auto& word : words) {
        if (word.theirs == theirs) return word.ours;
    }
    return std::string(theirs);
}

void copy_word(ImportMap& map, std::string_view key, ImportDraft& draft, std::string_view ours) {
    const auto* entry = map.take(key);
    if (entry == nullptr) return;
    if (const auto word = map.text(key)) draft.set(ours, our_word(*word), entry->at);
}

void import_ports(const ImportContext& context, ImportMap& spec, ImportDraft& draft) {
    const auto items = spec.list("ports");
    if (!items) return;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        ImportMap port(context, item, fmt::format("{}[{}]", spec.path_of("ports"), i), item.at);
        ImportDraft parts(Kind::vip, item.at);  // only its fields are used
        port.copy("port", Shape::number, parts, "port");
        copy_word(port, "protocol", parts, "protocol");
        json value = json::object();
        for (const char* key : {"port", "protocol"}) {
            if (parts.fields().contains(key)) value[key] = parts.fields()[key];
        }
        draft.append("ports", std::move(value), item.at);
        port.report("name", "not imported: ports have no names here");
        port.report("appProtocol", "not imported: Trivet does not look into connections");
        port.report("targetPort",
                    "not imported: Trivet moves addresses, your backends stay yours; let them "
                    "listen on the VIP's port");
        port.report("nodePort", "not imported: there are no node ports here");
    }
}

void append_addresses(const ImportContext& context, ImportDraft& draft, const std::string& list,
                      const std::string& field, Position at) {
    if (draft.fields().contains("addresses")) {
        return context.error(at, field,
                             "the addresses are given twice, here and in another field; MetalLB "
                             "refuses that too");
    }
    std::string_view rest = list;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        auto part = rest.substr(0, comma);
        while (part.starts_with(' ')) part.remove_prefix(1);
        while (part.ends_with(' ')) part.remove_suffix(1);
        draft.append("addresses", std::string(part), at);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
}

/// One annotation; false when MetalLB does not know it.
bool import_annotation(const ImportContext& context, const YamlEntry& entry, std::string_view name,
                       ImportDraft& draft) {
    const auto field = "metadata.annotations." + entry.key;
    const auto* scalar = entry.value.scalar();
    const auto set_once = [&](std::string_view ours) {
        if (scalar == nullptr) return context.error(entry.at, field, "must be text");
        if (draft.fields().contains(ours)) {
            return context.report(entry.at, field,
                                  "not imported: the same annotation of the other prefix holds");
        }
        draft.set(ours, scalar->text, entry.at);
    };
    if (name == "address-pool") {
        set_once("pool");
    } else if (name == "allow-shared-ip") {
        set_once("sharing_key");
    } else if (name == "loadBalancerIPs") {
        if (scalar == nullptr) {
            context.error(entry.at, field, "must be text");
        } else {
            append_addresses(context, draft, scalar->text, field, entry.at);
        }
    } else if (name == "ip-allocated-from-pool") {
        context.report(entry.at, field, "not imported: what MetalLB did, not what was configured");
    } else {
        return false;
    }
    return true;
}

void import_annotations(const ImportContext& context, ImportMap* metadata, ImportDraft& draft) {
    const auto* annotations = metadata == nullptr ? nullptr : metadata->take("annotations");
    if (annotations == nullptr) return;
    if (annotations->value.map() == nullptr) {
        return context.error(annotations->at, "metadata.annotations", "must be a mapping");
    }
    for (const std::string_view prefix : annotation_prefixes) {
        for (const auto& entry : annotations->value.map()->entries) {
            if (!entry.key.starts_with(prefix)) continue;
            if (!import_annotation(context, entry, entry.key.substr(prefix.size()), draft)) {
                context.report(entry.at, "metadata.annotations." + entry.key,
                               "not imported: no such annotation of MetalLB is known");
            }
        }
    }
    for (const auto& entry : annotations->value.map()->entries) {
        const bool known = std::any_of(
            annotation_prefixes.begin(), annotation_prefixes.end(),
            [&entry](std::string_view prefix) { return entry.key.starts_with(prefix); });
        if (!known) {
            context.report(entry.at, "metadata.annotations." + entry.key,
                           "not imported: there are no annotations here");
        }
    }
}

void import_families(const ImportContext& context, ImportMap& spec, ImportDraft& draft) {
    const auto* entry = spec.take("ipFamilies");
    if (entry == nullptr) return;
    const auto items = spec.list("ipFamilies");
    if (!items) return;
    draft.set("ip_families", json::array(), entry->at);
    for (const auto* item : *items) {
        if (item->scalar() == nullptr) {
            context.error(item->at, "spec.ipFamilies", "must be IPv4 or IPv6");
        } else {
            draft.append("ip_families", our_word(item->scalar()->text), item->at);
        }
    }
}

void report_backends(ImportMap& spec) {
    spec.report("selector",
                "not imported: Trivet moves addresses, your backends stay yours; run the service "
                "on the nodes, and claim the VIP with delivery 'bind'");
    spec.report("loadBalancerClass", "not imported: there is one load balancer here");
    spec.report("externalIPs", "not imported: want addresses of a pool instead");
    spec.report("loadBalancerSourceRanges", "not imported: Trivet filters nothing; use a firewall");
    for (const auto* key :
         {"clusterIP", "clusterIPs", "internalTrafficPolicy", "allocateLoadBalancerNodePorts",
          "healthCheckNodePort", "publishNotReadyAddresses", "sessionAffinity",
          "sessionAffinityConfig", "externalName", "trafficDistribution"}) {
        spec.report(key, "not imported: concerns Kubernetes' own forwarding to backends");
    }
}

/// The address that the Service has today is in its status; it is not kept by itself.
void report_status(const ImportContext& context, ImportMap& object) {
    const auto* status = object.take("status");
    if (status == nullptr) return;
    context.report(status->at, "status",
                   "not imported: to keep the addresses that stand there, want them in the "
                   "Service's annotation metallb.io/loadBalancerIPs");
}

}  // namespace

void import_service(ImportContext& context, ImportMap& object, Position at) {
    context.origin = "Service";
    ImportDraft draft(Kind::vip, at);
    ImportMetadata metadata(context, object);
    metadata.copy_name_and_labels(draft);
    context.origin = fmt::format("Service '{}'", draft.name());
    if (auto* map = metadata.map()) {
        map->copy("namespace", Shape::text, draft, "namespace");
    }
    if (!draft.fields().contains("namespace")) draft.set("namespace", "default", at);
    import_annotations(context, metadata.map(), draft);
    report_status(context, object);

    const auto* entry = object.take("spec");
    if (entry == nullptr) return context.error(at, "spec", "is missing");
    ImportMap spec(context, entry->value, "spec", entry->at);
    if (!spec.valid()) return;
    spec.take("type");  // LoadBalancer; the caller has looked
    if (const auto* address = spec.take("loadBalancerIP")) {
        if (const auto text = spec.text("loadBalancerIP"); text && !text->empty()) {
            append_addresses(context, draft, *text, "spec.loadBalancerIP", address->at);
        }
    }
    import_ports(context, spec, draft);
    import_families(context, spec, draft);
    copy_word(spec, "ipFamilyPolicy", draft, "ip_family_policy");
    copy_word(spec, "externalTrafficPolicy", draft, "traffic_policy");
    if (draft.fields().value("traffic_policy", "") == "local") {
        context.report(spec.take("externalTrafficPolicy")->at, "spec.externalTrafficPolicy",
                       "imported, but Trivet does not see your backends: name the nodes that run "
                       "them in the VIP's eligible_nodes");
    }
    report_backends(spec);
    std::move(draft).finish(context);
}

void import_namespace(ImportContext& context, ImportMap& object, Position at) {
    ImportDraft draft(Kind::name_space, at);
    ImportMetadata metadata(context, object);
    metadata.copy_name_and_labels(draft);
    context.origin = fmt::format("Namespace '{}'", draft.name());
    metadata.report_annotations();
    object.report("spec", "not imported: Kubernetes' own bookkeeping");
    object.report("status", "not imported: Kubernetes' own bookkeeping");
    std::move(draft).finish(context);
}

}  // namespace trivet::cli
