#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/model/objects.hpp"
#include "cli/table.hpp"

namespace trivet::cli {

/// One column of a noun's table; the cell is made of the REST object.
struct Column {
    std::string_view title;
    bool wide_only = false;
    Cell (*cell)(const nlohmann::json& object);
};

/// What lbctl knows of one kind of object: a row of the table in nouns.cpp.
struct Noun {
    Kind kind;
    std::string_view word;    // "pool"
    std::string_view plural;  // of the REST path, "pools"
    std::string_view about;   // for --help
    std::vector<Column> columns;
    bool namespaced() const { return kind == Kind::vip; }
    bool configurable() const { return kind != Kind::node; }  // nodes register themselves
};

/// In the order in which an export must be applied: what is referred to comes first.
const std::vector<Noun>& nouns();
const Noun& noun_of(Kind kind);

/// "vip/default/web", "pool/lan".
std::string reference(const Noun& noun, const nlohmann::json& object);

/// "/v1/vips/default/web", "/v1/pools/lan" of an object's name and, for a VIP, namespace.
std::string rest_path(const Noun& noun, const nlohmann::json& object);

/// A value on one line: lists joined, label selectors as "rack=a,zone in (b,c)".
std::string brief(const nlohmann::json& value);

/// "name", "status.phase": the value there, null when there is none.
nlohmann::json at_path(const nlohmann::json& object, std::string_view path);

}  // namespace trivet::cli
