#include "cli/import_reader.hpp"

#include <fmt/format.h>

#include "cli/nouns.hpp"

namespace trivet::cli {

using model::Position;
using model::YamlEntry;
using model::YamlNode;
using nlohmann::json;

namespace {

/// MetalLB's readers know YAML 1.1, where these are booleans too (yaml.org/type/bool.html).
std::optional<bool> boolean_of(const YamlNode& node) {
    const auto* scalar = node.scalar();
    if (scalar == nullptr || scalar->style != model::YamlStyle::plain) return std::nullopt;
    std::string word = scalar->text;
    std::transform(word.begin(), word.end(), word.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (word == "true" || word == "yes" || word == "on" || word == "y") return true;
    if (word == "false" || word == "no" || word == "off" || word == "n") return false;
    return std::nullopt;
}

std::string_view operator_of(std::string_view theirs) {
    if (theirs == "In") return "in";
    if (theirs == "NotIn") return "not_in";
    if (theirs == "Exists") return "exists";
    if (theirs == "DoesNotExist") return "does_not_exist";
    return theirs;  // its codec refuses it, naming those it knows
}

}  // namespace

void ImportContext::report(Position at, std::string field, std::string reason) const {
    plan.report.push_back({file, at, origin, std::move(field), std::move(reason)});
}

void ImportContext::error(Position at, std::string field, std::string reason) const {
    plan.errors.push_back({file, at, origin, std::move(field), std::move(reason)});
}

ImportDraft::ImportDraft(Kind kind, Position at) : kind_(kind) {
    fields_.at = at;
    fields_.value = json{{"kind", noun_of(kind).word}};
}

void ImportDraft::set(std::string_view field, json value, Position at) {
    fields_.value[std::string(field)] = std::move(value);
    place(std::string(field), at);
}

void ImportDraft::place(std::string field, Position at) {
    fields_.fields.insert_or_assign(std::move(field), at);
}

void ImportDraft::append(std::string_view list, json item, Position at) {
    auto& items = fields_.value[std::string(list)];
    if (!items.is_array()) items = json::array();
    place(fmt::format("{}[{}]", list, items.size()), at);
    items.push_back(std::move(item));
}

std::string ImportDraft::name() const { return fields_.value.value("name", std::string()); }

void ImportDraft::finish(const ImportContext& context) && {
    const auto checked = object_from_json(kind_, fields_.value);
    if (!checked) {
        const auto& error = checked.error();
        context.error(fields_.locate(error.field), error.field, error.message);
        return;
    }
    context.plan.objects.push_back({kind_, std::move(fields_), context.file, context.origin});
}

ImportMap::ImportMap(const ImportContext& context, const YamlNode& node, std::string path,
                     Position at)
    : context_(context), map_(node.map()), path_(std::move(path)) {
    if (map_ == nullptr) {
        context_.error(at, path_, fmt::format("must be a mapping, not {}", node.type_name()));
    }
}

ImportMap::~ImportMap() {
    if (map_ == nullptr) return;
    for (const auto& entry : map_->entries) {
        if (std::find(taken_.begin(), taken_.end(), entry.key) != taken_.end()) continue;
        const auto near = nearest(entry.key, taken_);
        context_.report(entry.at, path_of(entry.key),
                        "not imported: no such field is known" +
                            (near ? fmt::format("; did you mean '{}'?", *near) : ""));
    }
}

std::string ImportMap::path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const YamlEntry* ImportMap::take(std::string_view key) {
    taken_.emplace_back(key);
    const auto* entry = map_ == nullptr ? nullptr : map_->find(key);
    return entry == nullptr || entry->value.is_null() ? nullptr : entry;
}

void ImportMap::report(std::string_view key, std::string_view reason) {
    taken_.emplace_back(key);
    const auto* entry = map_ == nullptr ? nullptr : map_->find(key);
    if (entry != nullptr) context_.report(entry->at, path_of(key), std::string(reason));
}

std::optional<std::string> ImportMap::text(std::string_view key) {
    const auto* entry = take(key);
    if (entry == nullptr) return std::nullopt;
    // A number or boolean where text belongs is text, as MetalLB's reader has it.
    if (const auto* scalar = entry->value.scalar()) return scalar->text;
    context_.error(entry->at, path_of(key),
                   fmt::format("must be text, not {}", entry->value.type_name()));
    return std::nullopt;
}

std::optional<std::vector<const YamlNode*>> ImportMap::list(std::string_view key) {
    const auto* entry = take(key);
    if (entry == nullptr) return std::nullopt;
    if (entry->value.list() == nullptr) {
        context_.error(entry->at, path_of(key),
                       fmt::format("must be a list, not {}", entry->value.type_name()));
        return std::nullopt;
    }
    std::vector<const YamlNode*> items;
    for (const auto& item : entry->value.list()->items) items.push_back(&item);
    return items;
}

void ImportMap::copy(std::string_view key, Shape shape, ImportDraft& draft, std::string_view ours) {
    const auto* entry = take(key);
    if (entry == nullptr) return;
    switch (shape) {
        case Shape::text:
            if (auto value = text(key)) draft.set(ours, *value, entry->at);
            return;
        case Shape::texts:
            return copy_texts(*entry, draft, ours);
        case Shape::boolean:
            if (const auto value = boolean_of(entry->value)) {
                draft.set(ours, *value, entry->at);
            } else {
                context_.error(entry->at, path_of(key), "must be true or false");
            }
            return;
        case Shape::number: {
            const auto value = entry->value.scalar() == nullptr
                                   ? json()
                                   : model::scalar_to_json(*entry->value.scalar());
            if (value.is_number()) {
                draft.set(ours, value, entry->at);
            } else {
                context_.error(entry->at, path_of(key),
                               fmt::format("must be a number, not {}", entry->value.type_name()));
            }
            return;
        }
        case Shape::selectors:
            return copy_selectors(*entry, draft, ours);
        case Shape::labels:
            return copy_labels(*entry, draft, ours);
    }
}

void ImportMap::copy_texts(const YamlEntry& entry, ImportDraft& draft, std::string_view ours) {
    const auto items = list(entry.key);
    if (!items) return;
    draft.set(ours, json::array(), entry.at);
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        if (item.scalar() == nullptr || item.is_null()) {
            context_.error(item.at, fmt::format("{}[{}]", path_of(entry.key), i),
                           fmt::format("must be text, not {}", item.type_name()));
        } else {
            draft.append(ours, item.scalar()->text, item.at);
        }
    }
}

void ImportMap::copy_selectors(const YamlEntry& entry, ImportDraft& draft, std::string_view ours) {
    const auto items = list(entry.key);
    if (!items) return;
    draft.set(ours, json::array(), entry.at);
    for (std::size_t i = 0; i < items->size(); ++i) {
        const auto& item = *(*items)[i];
        const auto inner = fmt::format("{}[{}]", path_of(entry.key), i);
        ImportMap selector(context_, item, inner, item.at);
        ImportDraft parts(Kind::pool, item.at);  // only its fields are used
        for (const auto* key : {"matchLabels", "match-labels"}) {
            selector.copy(key, Shape::labels, parts, "match_labels");
        }
        json expressions = json::array();
        for (const auto* key : {"matchExpressions", "match-expressions"}) {
            const auto rows = selector.list(key);
            if (!rows) continue;
            for (std::size_t j = 0; j < rows->size(); ++j) {
                ImportMap row(context_, *(*rows)[j], fmt::format("{}.{}[{}]", inner, key, j),
                              (*rows)[j]->at);
                ImportDraft expression(Kind::pool, (*rows)[j]->at);
                row.copy("key", Shape::text, expression, "key");
                const auto word = row.text("operator").value_or("");
                row.copy("values", Shape::texts, expression, "values");
                expressions.push_back(
                    {{"key", expression.fields().value("key", "")},
                     {"operator", operator_of(word)},
                     {"values", expression.fields().value("values", json::array())}});
            }
        }
        draft.append(ours,
                     {{"match_labels", parts.fields().value("match_labels", json::object())},
                      {"match_expressions", std::move(expressions)}},
                     item.at);
    }
}

void ImportMap::copy_labels(const YamlEntry& entry, ImportDraft& draft, std::string_view ours) {
    if (entry.value.map() == nullptr) {
        context_.error(entry.at, path_of(entry.key),
                       fmt::format("must be a mapping, not {}", entry.value.type_name()));
        return;
    }
    json labels = json::object();
    for (const auto& label : entry.value.map()->entries) {
        if (label.value.scalar() == nullptr) {
            context_.error(label.at, fmt::format("{}.{}", path_of(entry.key), label.key),
                           fmt::format("must be text, not {}", label.value.type_name()));
        } else {
            labels[label.key] = label.value.scalar()->text;
            draft.place(fmt::format("{}.{}", ours, label.key), label.at);
        }
    }
    draft.set(ours, std::move(labels), entry.at);
}

void copy_fields(ImportMap& map, MetallbForm form, std::span<const ImportField> fields,
                 ImportDraft& draft) {
    for (const auto& field : fields) {
        const auto key = form == MetallbForm::config_map ? field.config_map : field.resource;
        if (!key.empty()) map.copy(key, field.shape, draft, field.ours);
    }
}

ImportMetadata::ImportMetadata(const ImportContext& context, ImportMap& object)
    : context_(context) {
    if (const auto* entry = object.take("metadata")) {
        map_.emplace(context, entry->value, "metadata", entry->at);
    }
    if (!map_) return;
    constexpr std::string_view bookkeeping = "Kubernetes' own bookkeeping";
    for (const auto* key :
         {"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers",
          "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"}) {
        map_->report(key, bookkeeping);
    }
}

void ImportMetadata::copy_name_and_labels(ImportDraft& draft) {
    if (!map_) return;  // the codec then misses the name
    map_->copy("name", ImportMap::Shape::text, draft, "name");
    map_->copy("labels", ImportMap::Shape::labels, draft, "labels");
    map_->report("generateName", "not imported: an object needs a name of its own here");
}

void ImportMetadata::report_namespace(std::string_view reason) {
    if (map_) map_->report("namespace", reason);
}

void ImportMetadata::report_annotations() {
    const auto* entry = map_ ? map_->take("annotations") : nullptr;
    if (entry == nullptr) return;
    if (entry->value.map() == nullptr) {
        return context_.report(entry->at, "metadata.annotations", "not imported: no mapping");
    }
    for (const auto& annotation : entry->value.map()->entries) {
        context_.report(annotation.at, "metadata.annotations." + annotation.key,
                        "not imported: there are no annotations here");
    }
}

}  // namespace trivet::cli
