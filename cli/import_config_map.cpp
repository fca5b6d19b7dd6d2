// The ConfigMap of MetalLB up to v0.12: YAML inside YAML, with kebab-case fields.
#include <fmt/format.h>

#include "cli/import_parts.hpp"

namespace trivet::cli {
namespace {

using model::YamlNode;
using nlohmann::json;

constexpr auto form = MetallbForm::config_map;

/// "192.168.0.1" -> "peer-192.168.0.1": peers have no names in the ConfigMap.
std::string peer_name(const json& address, std::set<std::string>& taken) {
    std::string name = "peer";
    if (address.is_string()) {
        name += "-";
        for (const char c : address.get_ref<const std::string&>()) name += c == ':' ? '-' : c;
        if (name.ends_with('-')) name += '0';  // an address such as fd00::
    }
    const auto first = name;
    for (int number = 2; !taken.insert(name).second; ++number) {
        name = fmt::format("{}-{}", first, number);
    }
    return name;
}

void import_peers(const ImportContext& outer, ImportMap& config) {
    const auto items = config.list("peers");
    if (!items) return;
    std::set<std::string> taken;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        auto context = outer;
        context.origin = fmt::format("peer {}", i + 1);
        ImportMap peer(context, item, fmt::format("{}[{}]", config.path_of("peers"), i), item.at);
        if (!peer.valid()) continue;
        ImportDraft draft(Kind::bgp_peer, item.at);
        copy_fields(peer, form, bgp_peer_import_fields, draft);
        import_peer_extras(context, peer, form, draft);
        const auto name = peer_name(draft.fields().value("peer_address", json()), taken);
        draft.set("name", name, item.at);
        context.report(item.at, peer.path(),
                       fmt::format("named '{}', because peers have no name in a ConfigMap", name));
        std::move(draft).finish(context);
    }
}

void import_bfd_profiles(const ImportContext& outer, ImportMap& config) {
    const auto items = config.list("bfd-profiles");
    if (!items) return;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        auto context = outer;
        ImportMap profile(context, item, fmt::format("{}[{}]", config.path_of("bfd-profiles"), i),
                          item.at);
        if (!profile.valid()) continue;
        ImportDraft draft(Kind::bfd_profile, item.at);
        profile.copy("name", ImportMap::Shape::text, draft, "name");
        context.origin = fmt::format("bfd-profile '{}'", draft.name());
        copy_fields(profile, form, bfd_profile_import_fields, draft);
        std::move(draft).finish(context);
    }
}

/// "bgp-communities" maps names to values; here a community object holds such a list.
void import_communities(const ImportContext& outer, ImportMap& config) {
    const auto* entry = config.take("bgp-communities");
    if (entry == nullptr) return;
    auto context = outer;
    context.origin = "bgp-communities";
    if (entry->value.map() == nullptr) {
        return context.error(entry->at, config.path_of("bgp-communities"), "must be a mapping");
    }
    ImportDraft draft(Kind::community, entry->at);
    draft.set("name", "bgp-communities", entry->at);
    draft.set("communities", json::array(), entry->at);
    for (const auto& alias : entry->value.map()->entries) {
        const auto* value = alias.value.scalar();
        draft.append("communities",
                     {{"name", alias.key}, {"value", value == nullptr ? "" : value->text}},
                     alias.at);
    }
    std::move(draft).finish(context);
}

void import_pools(const ImportContext& outer, ImportMap& config) {
    const auto items = config.list("address-pools");
    if (!items) return;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        auto context = outer;
        ImportMap pool(context, item, fmt::format("{}[{}]", config.path_of("address-pools"), i),
                       item.at);
        if (!pool.valid()) continue;
        ImportDraft draft(Kind::pool, item.at);
        pool.copy("name", ImportMap::Shape::text, draft, "name");
        context.origin = fmt::format("address-pool '{}'", draft.name());
        import_protocol_pool(context, form, pool, std::move(draft), item.at);
    }
}

void import_config(const ImportContext& context, const YamlNode& node, model::Position at) {
    ImportMap config(context, node, "data.config", at);
    import_pools(context, config);
    import_peers(context, config);
    import_bfd_profiles(context, config);
    import_communities(context, config);
}

}  // namespace

void import_config_map(ImportContext& context, ImportMap& object) {
    context.origin = "ConfigMap";
    ImportMetadata metadata(context, object);
    if (auto* map = metadata.map()) {
        if (const auto name = map->text("name")) {
            context.origin = fmt::format("ConfigMap '{}'", *name);
        }
        map->report("labels", "not imported: they label the ConfigMap, not a pool");
    }
    metadata.report_namespace("not imported: the namespace of the ConfigMap itself");
    metadata.report_annotations();
    object.report("binaryData", "not imported: MetalLB reads data.config alone");
    object.report("immutable", "not imported: concerns the ConfigMap itself");

    const auto* data = object.take("data");
    if (data == nullptr) return context.report({}, "data", "absent: nothing to import");
    ImportMap fields(context, data->value, "data", data->at);
    const auto* config = fields.take("config");
    if (config == nullptr) {
        return context.report(data->at, "data.config",
                              "absent: this is no configuration of MetalLB");
    }
    if (config->value.scalar() == nullptr) {
        return context.error(config->at, "data.config", "must be text that holds YAML");
    }
    const auto documents = model::parse_embedded_yaml(config->value, context.text);
    if (!documents) {
        return context.error(documents.error().at, "data.config", documents.error().message);
    }
    for (const auto& document : *documents) {
        if (!document.is_null()) import_config(context, document, config->at);
    }
}

}  // namespace trivet::cli
