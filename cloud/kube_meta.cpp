#include "cloud/kube_meta.hpp"

#include <algorithm>
#include <array>

#include "cloud/json_reader.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::size_t name_bytes_max = 253;  // Kubernetes' "DNS subdomain name"
constexpr std::size_t labels_max = 4096;     // far above use; bounds what a server may send
constexpr std::size_t finalizers_max = 256;
constexpr std::array annotation_prefixes{"trivet.dev/", "metallb.io/", "metallb.universe.tf/"};

void keep_annotations(const json& annotations, JsonReader& reader, ObjectMeta& meta) {
    if (!annotations.is_object())
        return reader.refuse("annotations", "'metadata.annotations' must be an object of strings");
    for (const auto& [key, value] : annotations.items()) {
        const bool read = std::ranges::any_of(
            annotation_prefixes, [&key](const char* prefix) { return key.starts_with(prefix); });
        if (!read) continue;
        if (!value.is_string() ||
            value.get_ref<const std::string&>().size() > JsonReader::text_bytes_max)
            return reader.refuse("annotations",
                                 "annotation '" + key + "' must be a string of at most 4096 bytes");
        meta.annotations.emplace(key, value.get_ref<const std::string&>());
    }
}

}  // namespace

bool ObjectMeta::has_finalizer(std::string_view finalizer) const {
    return std::ranges::find(finalizers, finalizer) != finalizers.end();
}

std::string ObjectMeta::key() const { return name_space.empty() ? name : name_space + "/" + name; }

Result<ObjectMeta> read_meta(const json& object) {
    ObjectMeta meta;
    JsonReader whole(object);
    whole.object("metadata", [&](JsonReader& reader) {
        reader.text("name", meta.name, name_bytes_max);
        reader.text("namespace", meta.name_space, name_bytes_max);
        reader.text("uid", meta.uid, name_bytes_max);
        reader.text("resourceVersion", meta.resource_version, name_bytes_max);
        reader.integer("generation", meta.generation, std::uint64_t{0}, UINT64_MAX);
        reader.map("labels", meta.labels, labels_max);
        if (const json* annotations = reader.find("annotations"))
            keep_annotations(*annotations, reader, meta);
        reader.texts("finalizers", meta.finalizers, finalizers_max);
        reader.text("deletionTimestamp", meta.deletion_timestamp, name_bytes_max);
    });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    if (meta.name.empty())
        return fail(ErrorCode::invalid_argument, "an object without a name", "metadata.name");
    if (meta.resource_version.empty())
        return fail(ErrorCode::invalid_argument,
                    "'" + meta.key() + "' has no resourceVersion, which all that is stored has",
                    "metadata.resourceVersion");
    return meta;
}

Result<std::string> read_resource_version(const json& object) {
    std::string version;
    JsonReader whole(object);
    whole.object("metadata", [&](JsonReader& reader) {
        reader.text("resourceVersion", version, name_bytes_max);
    });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    if (version.empty())
        return fail(ErrorCode::invalid_argument, "the resourceVersion is missing",
                    "metadata.resourceVersion");
    return version;
}

}  // namespace trivet::cloud
