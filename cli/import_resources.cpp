// MetalLB's custom resources (group metallb.io, since v0.13).
#include <fmt/format.h>

#include "cli/import_parts.hpp"

namespace trivet::cli {
namespace {

using model::Position;
using nlohmann::json;
using Shape = ImportMap::Shape;

constexpr auto form = MetallbForm::resource;

constexpr std::array selection_fields{
    ImportField{"", "ipAddressPools", "pools", Shape::texts},
    ImportField{"", "ipAddressPoolSelectors", "pool_selectors", Shape::selectors},
    ImportField{"", "nodeSelectors", "node_selectors", Shape::selectors},
};

constexpr std::array allocation_fields{
    ImportField{"", "priority", "priority", Shape::number},
    ImportField{"", "namespaces", "namespaces", Shape::texts},
    ImportField{"", "namespaceSelectors", "namespace_selectors", Shape::selectors},
    ImportField{"", "serviceSelectors", "vip_selectors", Shape::selectors},
};

void import_spec(const ImportContext& context, std::string_view kind, ImportMap& spec,
                 ImportDraft& draft, Position at) {
    if (kind == "IPAddressPool") {
        copy_fields(spec, form, pool_import_fields, draft);
        if (const auto* allocation = spec.take("serviceAllocation")) {
            ImportMap fields(context, allocation->value, spec.path_of("serviceAllocation"),
                             allocation->at);
            copy_fields(fields, form, allocation_fields, draft);
        }
    } else if (kind == "L2Advertisement") {
        copy_fields(spec, form, selection_fields, draft);
        spec.copy("interfaces", Shape::texts, draft, "interfaces");
        spec.report("serviceSelectors",
                    "not imported: an l2-advertisement selects pools, not VIPs; give these VIPs a "
                    "pool of their own");
    } else if (kind == "BGPAdvertisement") {
        copy_fields(spec, form, selection_fields, draft);
        copy_fields(spec, form, bgp_advertisement_import_fields, draft);
        spec.copy("serviceSelectors", Shape::selectors, draft, "vip_selectors");
    } else if (kind == "BGPPeer") {
        copy_fields(spec, form, bgp_peer_import_fields, draft);
        import_peer_extras(context, spec, form, draft);
    } else if (kind == "BFDProfile") {
        copy_fields(spec, form, bfd_profile_import_fields, draft);
    } else if (kind == "Community") {
        const auto items = spec.list("communities");
        draft.set("communities", json::array(), at);
        for (std::size_t i = 0; items && i < items->size(); ++i) {
            const auto& item = *(*items)[i];
            ImportMap alias(context, item, fmt::format("{}[{}]", spec.path_of("communities"), i),
                            item.at);
            draft.append("communities",
                         {{"name", alias.text("name").value_or("")},
                          {"value", alias.text("value").value_or("")}},
                         item.at);
        }
    }
}

std::optional<Kind> kind_of(std::string_view theirs) {
    if (theirs == "IPAddressPool" || theirs == "AddressPool") return Kind::pool;
    if (theirs == "L2Advertisement") return Kind::l2_advertisement;
    if (theirs == "BGPAdvertisement") return Kind::bgp_advertisement;
    if (theirs == "BGPPeer") return Kind::bgp_peer;
    if (theirs == "BFDProfile") return Kind::bfd_profile;
    if (theirs == "Community") return Kind::community;
    return std::nullopt;
}

}  // namespace

bool is_metallb_resource(std::string_view kind) { return kind_of(kind).has_value(); }

void import_resource(ImportContext& context, std::string_view kind, ImportMap& object,
                     Position at) {
    const auto ours = kind_of(kind);
    ImportDraft draft(*ours, at);
    ImportMetadata metadata(context, object);
    metadata.copy_name_and_labels(draft);
    context.origin = fmt::format("{} '{}'", kind, draft.name());
    metadata.report_namespace(
        fmt::format("not imported: a {} belongs to the whole cluster", to_string(*ours)));
    metadata.report_annotations();
    object.report("status", "not imported: what MetalLB saw, not what was configured");

    const auto* entry = object.take("spec");
    static const model::YamlNode nothing{{}, model::YamlMap{}};  // "spec:" may be left out
    ImportMap spec(context, entry == nullptr ? nothing : entry->value, "spec",
                   entry == nullptr ? at : entry->at);
    if (!spec.valid()) return;
    if (kind == "AddressPool") {
        return import_protocol_pool(context, form, spec, std::move(draft), at);
    }
    import_spec(context, kind, spec, draft, at);
    std::move(draft).finish(context);
}

}  // namespace trivet::cli
