#include "cli/output.hpp"

#include <fmt/format.h>
#include <ostream>

#include "api/model/yaml_write.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

constexpr int json_indent = 2;

std::vector<const Column*> shown_columns(const Session& session, const Noun& noun) {
    std::vector<const Column*> columns;
    for (const auto& column : noun.columns) {
        if (!column.wide_only || session.options().output == OutputFormat::wide) {
            columns.push_back(&column);
        }
    }
    return columns;
}

void print_table(const Session& session, const Noun& noun, const json& items) {
    const auto columns = shown_columns(session, noun);
    std::vector<std::string_view> titles;
    for (const auto* column : columns) titles.push_back(column->title);
    Table table(titles);
    for (const auto& item : items) {
        std::vector<Cell> row;
        for (const auto* column : columns) row.push_back(column->cell(item));
        table.add(std::move(row));
    }
    session.io().out << table.to_string(session.colour());
}

void add_fields(Table& table, const json& value, const std::string& path) {
    if (!value.is_object() || value.empty() || path.ends_with("labels")) {
        table.add({{path}, {brief(value)}});
        return;
    }
    // Names first, bookkeeping last; the rest as it comes.
    std::vector<std::string> keys;
    for (const char* key : {"name", "namespace"}) {
        if (value.contains(key)) keys.emplace_back(key);
    }
    const auto is_last = [](const std::string& key) {
        return key == "status" || key == "revision";
    };
    for (const auto& [key, inner] : value.items()) {
        if (key != "name" && key != "namespace" && !is_last(key)) keys.push_back(key);
    }
    for (const char* key : {"status", "revision"}) {
        if (value.contains(key)) keys.emplace_back(key);
    }
    for (const auto& key : keys) {
        add_fields(table, value.at(key), path.empty() ? key : fmt::format("{}.{}", path, key));
    }
}

}  // namespace

json without_secrets(json object) {
    if (object.is_object()) object.erase("password");
    return object;
}

bool print_data(const Session& session, const json& value) {
    if (session.options().output == OutputFormat::json) {
        session.io().out << value.dump(json_indent, ' ', false, json::error_handler_t::replace)
                         << "\n";
        return true;
    }
    if (session.options().output == OutputFormat::yaml) {
        session.io().out << model::to_yaml(value, {"kind", "name", "namespace"});
        return true;
    }
    return false;
}

void print_fields(const Session& session, const json& object) {
    Table table({});
    add_fields(table, object, "");
    session.io().out << table.to_string(session.colour());
}

void print_list(const Session& session, const Noun& noun, const json& list) {
    json shown = list;
    json items = json::array();
    for (const auto& item : at_path(list, "items")) items.push_back(without_secrets(item));
    if (shown.is_object()) shown["items"] = items;
    if (print_data(session, shown)) return;
    if (session.options().output == OutputFormat::name) {
        for (const auto& item : items) session.io().out << reference(noun, item) << "\n";
    } else if (items.empty()) {
        session.io().err << "no " << noun.plural << " here\n";
    } else {
        print_table(session, noun, items);
    }
}

void print_row(const Session& session, const Noun& noun, const json& object) {
    const auto shown = without_secrets(object);
    if (print_data(session, shown)) return;
    if (session.options().output == OutputFormat::name) {
        session.io().out << reference(noun, shown) << "\n";
    } else {
        print_table(session, noun, json::array({shown}));
    }
}

void print_object(const Session& session, const Noun& noun, const json& object) {
    if (!session.human()) return print_row(session, noun, object);
    auto shown = object;
    if (shown.contains("password")) shown["password"] = "(set, never shown)";
    print_fields(session, shown);
}

}  // namespace trivet::cli
