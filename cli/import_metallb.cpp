#include "cli/import_metallb.hpp"

#include <fmt/format.h>

#include "cli/import_parts.hpp"
#include "cli/nouns.hpp"

namespace trivet::cli {
namespace {

using model::Position;
using model::YamlNode;
using nlohmann::json;

constexpr int list_depth_max = 4;  // a List inside a List already has no sense

std::string place_text(std::string_view file, Position at) {
    return at.line == 0 ? std::string(file) : fmt::format("{}:{}:{}", file, at.line, at.column);
}

class Importer {
public:
    void read_file(const TextFile& file) {
        ImportContext context{plan_, file.name, file.text};
        const auto documents = model::parse_yaml(file.text);
        if (!documents) {
            return context.error(documents.error().at, "", documents.error().message);
        }
        for (const auto& document : *documents) read_document(context, document, 0);
    }

    ImportPlan finish() {
        order_objects();
        refuse_duplicates();
        refuse_overlaps();
        report_unannounced();
        order_remarks(plan_.report);
        order_remarks(plan_.errors);
        return std::move(plan_);
    }

private:
    void read_document(ImportContext context, const YamlNode& node, int depth) {
        if (node.is_null()) return;
        if (node.map() == nullptr) {
            return context.error(
                node.at, "",
                fmt::format("a Kubernetes object is expected, not {}", node.type_name()));
        }
        const auto text_of = [&node](std::string_view key) -> std::string {
            const auto* entry = node.map()->find(key);
            if (entry == nullptr || entry->value.scalar() == nullptr) return {};
            return entry->value.scalar()->text;
        };
        const auto kind = text_of("kind");
        const auto version = text_of("apiVersion");
        if (kind.empty() || version.empty()) {
            return context.error(node.at, kind.empty() ? "kind" : "apiVersion",
                                 "is missing: no Kubernetes object");
        }
        const bool core = version == "v1";
        const bool metallb = version.starts_with("metallb.io/");
        if (core && kind.ends_with("List")) return read_list(context, node, depth);
        if (metallb && kind.ends_with("List")) return read_list(context, node, depth);
        if (!(metallb && is_metallb_resource(kind)) &&
            !(core && (kind == "ConfigMap" || kind == "Namespace" || is_our_service(node)))) {
            return report_foreign(context, node, kind, version);
        }
        ImportMap object(context, node, "", node.at);
        object.take("kind");
        object.take("apiVersion");
        if (metallb) {
            if (version != "metallb.io/v1beta1" && version != "metallb.io/v1beta2" &&
                version != "metallb.io/v1alpha1") {
                context.origin = kind;
                context.report(object.take("apiVersion")->at, "apiVersion",
                               fmt::format("'{}' is not known; read as v1beta2", version));
            }
            import_resource(context, kind, object, node.at);
        } else if (kind == "ConfigMap") {
            import_config_map(context, object);
        } else if (kind == "Namespace") {
            import_namespace(context, object, node.at);
        } else {
            import_service(context, object, node.at);
        }
    }

    void read_list(ImportContext context, const YamlNode& node, int depth) {
        if (depth >= list_depth_max) return context.error(node.at, "items", "nested too deep");
        ImportMap list(context, node, "", node.at);
        list.take("kind");
        list.take("apiVersion");
        list.report("metadata", "not imported: concerns the list itself");
        const auto items = list.list("items");
        if (!items) return;
        for (const auto* item : *items) read_document(context, *item, depth + 1);
    }

    static bool is_our_service(const YamlNode& node) {
        const auto* kind = node.map()->find("kind");
        if (kind->value.scalar()->text != "Service") return false;
        const auto* spec = node.map()->find("spec");
        if (spec == nullptr || spec->value.map() == nullptr) return false;
        const auto* type = spec->value.map()->find("type");
        return type != nullptr && type->value.scalar() != nullptr &&
               type->value.scalar()->text == "LoadBalancer";
    }

    static void report_foreign(ImportContext context, const YamlNode& node, const std::string& kind,
                               const std::string& version) {
        std::string name;
        if (const auto* metadata = node.map()->find("metadata");
            metadata != nullptr && metadata->value.map() != nullptr) {
            const auto* entry = metadata->value.map()->find("name");
            if (entry != nullptr && entry->value.scalar() != nullptr) {
                name = entry->value.scalar()->text;
            }
        }
        context.origin = fmt::format("{} '{}'", kind, name);
        context.report(node.at, "",
                       kind == "Service" && version == "v1"
                           ? "not ours: only Services of type LoadBalancer have an address here"
                           : fmt::format("not ours: {} {} has no counterpart", version, kind));
    }

    /// As nouns() orders them, so that what is referred to comes first.
    void order_objects() {
        const auto rank = [](const PlannedObject& object) {
            return std::find_if(nouns().begin(), nouns().end(),
                                [&](const Noun& noun) { return noun.kind == object.kind; }) -
                   nouns().begin();
        };
        std::stable_sort(
            plan_.objects.begin(), plan_.objects.end(),
            [&](const PlannedObject& a, const PlannedObject& b) { return rank(a) < rank(b); });
    }

    void refuse_duplicates() {
        std::map<std::string, const PlannedObject*> seen;
        for (const auto& object : plan_.objects) {
            const auto [first, fresh] = seen.emplace(object.reference(), &object);
            if (fresh) continue;
            plan_.errors.push_back(
                {object.file, object.fields.at, object.origin, "",
                 fmt::format("{} is defined twice, here and in {}; rename one, or import it into "
                             "another cluster",
                             object.reference(), first->second->place_of(""))});
        }
    }

    /// No address may belong to two pools; within one pool the codec has looked.
    void refuse_overlaps() {
        struct Range {
            AddressRange range;
            const PlannedObject* pool;
            std::string field;
        };
        std::vector<Range> ranges;
        for (const auto& object : plan_.objects) {
            if (object.kind != Kind::pool) continue;
            const auto& addresses = object.fields.value.at("addresses");
            for (std::size_t i = 0; i < addresses.size(); ++i) {
                const auto range = AddressRange::parse(addresses[i].get<std::string>());
                if (range) ranges.push_back({*range, &object, fmt::format("addresses[{}]", i)});
            }
        }
        std::sort(ranges.begin(), ranges.end(),
                  [](const Range& a, const Range& b) { return a.range < b.range; });
        const Range* reaching = nullptr;  // the earlier range that ends last
        for (const auto& range : ranges) {
            if (reaching != nullptr && reaching->pool->reference() != range.pool->reference() &&
                reaching->range.overlaps(range.range)) {
                plan_.errors.push_back(
                    {range.pool->file, range.pool->fields.locate(range.field), range.pool->origin,
                     range.field,
                     fmt::format("'{}' overlaps with '{}' of {} in {}; an address belongs to one "
                                 "pool",
                                 range.range.to_string(), reaching->range.to_string(),
                                 reaching->pool->reference(),
                                 reaching->pool->place_of(reaching->field))});
            }
            if (reaching == nullptr || reaching->range.last < range.range.last) reaching = &range;
        }
    }

    static bool selects(const PlannedObject& advertisement, const Pool& pool) {
        const auto read =
            object_from_json(Kind::l2_advertisement, selection_of(advertisement.fields.value));
        if (!read) return false;
        const auto& selection = std::get<L2Advertisement>(*read);
        if (selection.pools.empty() && selection.pool_selectors.empty()) return true;
        return std::find(selection.pools.begin(), selection.pools.end(), pool.name) !=
                   selection.pools.end() ||
               any_matches(selection.pool_selectors, pool.labels);
    }

    /// Advertisements of both protocols select pools alike.
    static json selection_of(const json& advertisement) {
        json selection{{"name", advertisement.at("name")}};
        for (const char* key : {"pools", "pool_selectors"}) {
            if (advertisement.contains(key)) selection[key] = advertisement[key];
        }
        return selection;
    }

    /// MetalLB announces nothing without an advertisement; here such a pool goes by layer 2.
    void report_unannounced() {
        for (const auto& object : plan_.objects) {
            if (object.kind != Kind::pool) continue;
            const auto pool = object_from_json(Kind::pool, object.fields.value);
            const bool selected = std::any_of(plan_.objects.begin(), plan_.objects.end(),
                                              [&](const PlannedObject& other) {
                                                  return (other.kind == Kind::l2_advertisement ||
                                                          other.kind == Kind::bgp_advertisement) &&
                                                         selects(other, std::get<Pool>(*pool));
                                              });
            if (selected) continue;
            plan_.report.push_back(
                {object.file, object.fields.at, object.origin, "",
                 "differs: no advertisement in these files selects it, so MetalLB would not "
                 "announce it; here it is announced by layer 2 on every suitable interface"});
        }
    }

    static void order_remarks(std::vector<ImportRemark>& remarks) {
        std::stable_sort(remarks.begin(), remarks.end(),
                         [](const ImportRemark& a, const ImportRemark& b) {
                             return std::tie(a.file, a.at) < std::tie(b.file, b.at);
                         });
    }

    ImportPlan plan_;
};

}  // namespace

std::string PlannedObject::reference() const { return cli::reference(noun_of(kind), fields.value); }

std::string PlannedObject::place_of(std::string_view field) const {
    return place_text(file, fields.locate(field));
}

std::string ImportRemark::to_string() const {
    auto text = place_text(file, at) + ": ";
    if (!origin.empty()) text += origin + ": ";
    if (!field.empty()) text += field + ": ";
    return text + reason;
}

ImportPlan plan_metallb_import(const std::vector<TextFile>& files) {
    Importer importer;
    for (const auto& file : files) importer.read_file(file);
    return importer.finish();
}

}  // namespace trivet::cli
