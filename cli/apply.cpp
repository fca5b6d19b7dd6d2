#include "cli/apply.hpp"

#include <charconv>
#include <fmt/format.h>
#include <ostream>

#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

/// "items[3].addresses[1]" -> item 3, "addresses[1]"; nullopt when the path is no such.
struct ItemField {
    std::size_t item = 0;
    std::string field;
};
std::optional<ItemField> item_field(std::string_view path) {
    constexpr std::string_view start = "items[";
    if (!path.starts_with(start)) return std::nullopt;
    path.remove_prefix(start.size());
    ItemField result;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), result.item);
    path.remove_prefix(static_cast<std::size_t>(end - path.data()));
    if (error != std::errc{} || !path.starts_with(']')) return std::nullopt;
    path.remove_prefix(1);
    if (path.starts_with('.')) path.remove_prefix(1);
    result.field = path;
    return result;
}

}  // namespace

Outcome<json> apply_items(Session& session, const std::vector<ApplyItem>& items,
                          const ApplyOptions& options) {
    json body{{"items", json::array()}};
    for (const auto& item : items) body["items"].push_back(item.fields);
    if (options.force) body["force"] = true;
    if (options.dry_run) body["dry_run"] = true;
    if (options.create_only) body["create_only"] = true;
    auto answer = session.try_call(Session::Method::post, "/v1/apply", body);
    if (answer) return std::move(*answer);
    auto error = answer.error();
    if (const auto where = item_field(error.field); where && where->item < items.size()) {
        error.message = fmt::format("{}: {}{}{}", items[where->item].place_of(where->field),
                                    where->field, where->field.empty() ? "" : ": ", error.message);
        error.field.clear();
    }
    auto failure = failure_of(error);
    if (failure.hint.empty()) failure.hint = "nothing was changed: all of it applies, or none";
    return fail_with(std::move(failure));
}

void print_apply_answer(const Session& session, const json& answer, bool dry_run) {
    if (print_data(session, answer)) return;
    for (const auto& item : at_path(answer, "items")) {
        const auto text = [&item](const char* key) { return one_line(brief(at_path(item, key))); };
        const auto kind = kind_from_string(text("kind"));
        session.io().out << (kind ? reference(noun_of(*kind), item)
                                  : text("kind") + "/" + text("name"));
        if (session.human()) {
            session.io().out << " " << text("result") << (dry_run ? " (dry run)" : "");
        }
        session.io().out << "\n";
    }
}

}  // namespace trivet::cli
