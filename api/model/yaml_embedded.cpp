#include <fmt/format.h>

#include "api/model/yaml.hpp"
#include "core/assert.hpp"

namespace trivet::model {
namespace {

std::string_view line_of(std::string_view text, int line) {
    for (; line > 1; --line) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    auto found = text.substr(0, text.find('\n'));
    if (found.ends_with('\r')) found.remove_suffix(1);
    return found;
}

/// How many columns a literal block's text is indented; nullopt when the lines of the file do not
/// hold the block's text one to one, so that no place may be computed.
std::optional<int> indentation(const YamlNode& node, std::string_view whole_text) {
    const auto& scalar = *node.scalar();
    if (scalar.style != YamlStyle::literal) return std::nullopt;
    std::string_view inner = scalar.text;
    int line = node.at.line;
    while (inner.starts_with('\n')) {  // an empty line tells nothing
        inner.remove_prefix(1);
        ++line;
    }
    const auto first = inner.substr(0, inner.find('\n'));
    const auto outer = line_of(whole_text, line);
    if (first.empty() || !outer.ends_with(first)) return std::nullopt;
    return static_cast<int>(outer.size() - first.size());
}

/// Moves every place in `node` from inside the scalar to the outer file.
template <class Move>
void move_places(YamlNode& node, const Move& move) {
    node.at = move(node.at);
    if (auto* list = std::get_if<YamlList>(&node.value)) {
        for (auto& item : list->items) move_places(item, move);
    }
    if (auto* map = std::get_if<YamlMap>(&node.value)) {
        for (auto& entry : map->entries) {
            entry.at = move(entry.at);
            move_places(entry.value, move);
        }
    }
}

}  // namespace

Result<std::vector<YamlNode>, YamlError> parse_embedded_yaml(const YamlNode& scalar,
                                                             std::string_view whole_text,
                                                             const YamlLimits& limits) {
    TRIVET_ASSERT(scalar.scalar() != nullptr);
    const auto indent = indentation(scalar, whole_text);
    const auto move = [&](Position inner) -> Position {
        if (!indent) return scalar.at;
        return {scalar.at.line + inner.line - 1, *indent + inner.column};
    };
    auto documents = parse_yaml(scalar.scalar()->text, limits);
    if (!documents) {
        auto error = documents.error();
        if (!indent) error.message += fmt::format(" (line {} of this text)", error.at.line);
        error.at = error.at.line == 0 ? scalar.at : move(error.at);
        return tl::unexpected(std::move(error));
    }
    for (auto& document : *documents) move_places(document, move);
    return documents;
}

}  // namespace trivet::model
