#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/model/objects.hpp"

/// YAML 1.2 as people write it in configuration files, with the place of every key and value, so
/// that each message can name FILE:LINE:COLUMN. Values only: no I/O, safe to call from any thread.
namespace trivet::model {

struct Position {
    int line = 0;    // from 1; 0: not known
    int column = 0;  // from 1, in characters
    friend auto operator<=>(const Position&, const Position&) = default;
};

struct YamlError {
    Position at;
    std::string message;
    /// "lan.yaml:3:1: key 'name' is given twice".
    std::string to_string(std::string_view file) const;
};

/// Only a plain scalar may mean a number, a boolean or null; a quoted or block one is a string.
enum class YamlStyle : std::uint8_t { plain, quoted, literal, folded };

struct YamlScalar {
    std::string text;
    YamlStyle style = YamlStyle::plain;
    bool is_null() const;  // YAML 1.2 section 10.3.2: nothing, "~", "null", "Null", "NULL"
};

struct YamlNode;
struct YamlEntry;

struct YamlList {
    std::vector<YamlNode> items;
};

struct YamlMap {
    std::vector<YamlEntry> entries;  // in the order of the file, no key twice
    const YamlEntry* find(std::string_view key) const;
};

struct YamlNode {
    Position at;  // of a block scalar: its first line of text
    std::variant<YamlScalar, YamlList, YamlMap> value;

    const YamlScalar* scalar() const { return std::get_if<YamlScalar>(&value); }
    const YamlList* list() const { return std::get_if<YamlList>(&value); }
    const YamlMap* map() const { return std::get_if<YamlMap>(&value); }
    bool is_null() const { return scalar() != nullptr && scalar()->is_null(); }
    std::string_view type_name() const;  // "a list", "a mapping", "a number", ... for messages
};

struct YamlEntry {
    std::string key;
    Position at;
    YamlNode value;
};

/// What is beyond any configuration file that a person has, and within what a process bears.
struct YamlLimits {
    std::size_t bytes = 4 * 1024 * 1024;
    int depth = 32;  // the limit of JSON bodies too
    std::size_t documents = 20'000;
    std::size_t nodes = 500'000;  // some 100 bytes each
};

/// The documents of a stream; one without content is a null node. Refused, with the place: what is
/// no YAML or no UTF-8, a key given twice, a key that is no scalar, anchors, aliases and merge keys
/// (which make a small file a large one, and a reader search), tags, and what exceeds a limit.
Result<std::vector<YamlNode>, YamlError> parse_yaml(std::string_view text,
                                                    const YamlLimits& limits = {});

/// YAML inside a YAML scalar, as a ConfigMap has it; `whole_text` is the text that `scalar` was
/// parsed from. Places are those in the outer file: exact for a literal block (`|`); otherwise the
/// scalar's own place, and the message tells the line inside it.
Result<std::vector<YamlNode>, YamlError> parse_embedded_yaml(const YamlNode& scalar,
                                                             std::string_view whole_text,
                                                             const YamlLimits& limits = {});

/// A plain scalar by the YAML 1.2 core schema (section 10.3.2), anything else as a string. "yes"
/// and "on" are strings, and so are infinity and not-a-number, which JSON does not have.
nlohmann::json scalar_to_json(const YamlScalar& scalar);

/// A document as JSON, with the place of each field under the path that codecs use in Error::field:
/// "ports[0].port". The place of a map's field is that of its key.
struct LocatedJson {
    nlohmann::json value;
    Position at;
    std::map<std::string, Position, std::less<>> fields;
    /// The place of `field` or of the nearest field around it.
    Position locate(std::string_view field) const;
};
LocatedJson to_json(const YamlNode& node);

/// One error for each key of `node` that is not in `known`, with "did you mean" where one is near.
/// `path` is the field that holds `node`; empty at the top. No errors when `node` is no mapping.
std::vector<YamlError> check_keys(const YamlNode& node, const std::vector<std::string>& known,
                                  std::string_view path = {});

}  // namespace trivet::model
