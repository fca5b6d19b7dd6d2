#include "cloud/kube_list.hpp"

#include "cloud/json_reader.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::size_t token_bytes_max = 64 * 1024;

}  // namespace

Result<ListPage> read_list_page(std::string_view body) {
    auto parsed = parse_json(body);
    if (!parsed) return fail(parsed.error());
    ListPage page;
    JsonReader whole(*parsed);
    whole.object("metadata", [&page](JsonReader& meta) {
        meta.text("resourceVersion", page.resource_version);
        meta.text("continue", page.continue_token, token_bytes_max);
    });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    // Go writes an empty list as null too, and anything that is no list has neither field.
    if (!parsed->contains("items"))
        return fail(ErrorCode::invalid_argument, "the answer is no list: it has no 'items'",
                    "items");
    json& items = (*parsed)["items"];
    if (!items.is_array() && !items.is_null())
        return fail(ErrorCode::invalid_argument, "'items' must be a list", "items");
    if (page.resource_version.empty())
        return fail(ErrorCode::invalid_argument, "the list has no resourceVersion",
                    "metadata.resourceVersion");
    page.items.reserve(items.size());
    for (json& item : items) page.items.push_back(std::move(item));
    return page;
}

}  // namespace trivet::cloud
