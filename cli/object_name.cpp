#include "cli/object_name.hpp"

#include <fmt/format.h>

namespace trivet::cli {

Outcome<ObjectKey> object_key(const Noun& noun, std::string_view written,
                              const std::string& name_space) {
    std::vector<std::string> parts;
    for (auto rest = written;;) {
        const auto slash = std::min(rest.find('/'), rest.size());
        parts.emplace_back(rest.substr(0, slash));
        if (slash == rest.size()) break;
        rest.remove_prefix(slash + 1);
    }
    const std::size_t parts_max = noun.namespaced() ? 2 : 1;
    if (parts.size() == parts_max + 1 && parts.front() == noun.word) parts.erase(parts.begin());
    if (parts.size() > parts_max)
        return usage_error(fmt::format("'{}' names no {}; write {}", written, noun.word,
                                       noun.namespaced() ? "NAME or NAMESPACE/NAME" : "NAME"));
    ObjectKey key{noun.kind, "", parts.back()};
    if (noun.namespaced()) key.name_space = parts.size() == 2 ? parts.front() : name_space;
    return key;
}

std::string rest_path(const ObjectKey& key) {
    return rest_path(noun_of(key.kind),
                     nlohmann::json{{"name", key.name}, {"namespace", key.name_space}});
}

}  // namespace trivet::cli
