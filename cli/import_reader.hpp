#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/import_metallb.hpp"

/// How the import reads MetalLB's mappings without losing a field.
namespace trivet::cli {

/// The object that is being imported, for remarks and places.
struct ImportContext {
    ImportPlan& plan;
    std::string file;
    std::string_view text;  // of the file
    std::string origin = {};

    void report(model::Position at, std::string field, std::string reason) const;
    void error(model::Position at, std::string field, std::string reason) const;
};

/// An object of ours under construction; remembers where each field came from.
class ImportDraft {
public:
    ImportDraft(Kind kind, model::Position at);
    void set(std::string_view field, nlohmann::json value, model::Position at);
    /// The place of an inner field, as "addresses[1]".
    void place(std::string field, model::Position at);
    void append(std::string_view list, nlohmann::json item, model::Position at);
    const nlohmann::json& fields() const { return fields_.value; }
    std::string name() const;
    /// Checks it with its codec, and puts it into the plan; an error names the place.
    void finish(const ImportContext& context) &&;

private:
    Kind kind_;
    model::LocatedJson fields_;
};

/// Reads one mapping key by key. What nobody asked for when it ends is reported as unknown, so a
/// field cannot be dropped silently. Lives on the stack of the function that reads.
class ImportMap {
public:
    /// `at`: for messages when `node` is no mapping, which is an error.
    ImportMap(const ImportContext& context, const model::YamlNode& node, std::string path,
              model::Position at);
    ~ImportMap();
    ImportMap(const ImportMap&) = delete;
    ImportMap& operator=(const ImportMap&) = delete;

    bool valid() const { return map_ != nullptr; }
    const std::string& path() const { return path_; }
    std::string path_of(std::string_view key) const;

    /// The entry, which the caller then reads; null when absent or without a value.
    const model::YamlEntry* take(std::string_view key);
    /// The field has no counterpart: named in the report when it is there.
    void report(std::string_view key, std::string_view reason);

    std::optional<std::string> text(std::string_view key);
    std::optional<std::vector<const model::YamlNode*>> list(std::string_view key);

    /// How a field of theirs becomes one of ours.
    enum class Shape : std::uint8_t { text, texts, boolean, number, selectors, labels };
    void copy(std::string_view key, Shape shape, ImportDraft& draft, std::string_view ours);

private:
    void copy_texts(const model::YamlEntry& entry, ImportDraft& draft, std::string_view ours);
    void copy_selectors(const model::YamlEntry& entry, ImportDraft& draft, std::string_view ours);
    void copy_labels(const model::YamlEntry& entry, ImportDraft& draft, std::string_view ours);

    const ImportContext& context_;
    const model::YamlMap* map_ = nullptr;
    std::string path_;
    std::vector<std::string> taken_;
};

/// One row of a table of fields: MetalLB spells a field in kebab-case in the ConfigMap and in
/// camelCase in custom resources.
struct ImportField {
    std::string_view config_map;  // empty: only in custom resources
    std::string_view resource;    // empty: only in the ConfigMap
    std::string_view ours;
    ImportMap::Shape shape;
};
enum class MetallbForm : std::uint8_t { config_map, resource };
void copy_fields(ImportMap& map, MetallbForm form, std::span<const ImportField> fields,
                 ImportDraft& draft);

/// metadata of a Kubernetes object: its name and labels go into `draft`; the namespace and the
/// annotations are left to the caller, the rest is reported.
class ImportMetadata {
public:
    ImportMetadata(const ImportContext& context, ImportMap& object);
    void copy_name_and_labels(ImportDraft& draft);
    ImportMap* map() { return map_ ? &*map_ : nullptr; }
    void report_namespace(std::string_view reason);
    void report_annotations();

private:
    const ImportContext& context_;
    std::optional<ImportMap> map_;
};

}  // namespace trivet::cli
