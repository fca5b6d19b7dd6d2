#pragma once
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "cli/import_metallb.hpp"

namespace trivet::cli {

// What a user of MetalLB has in their files: the least that is valid, and the given fields.
std::string indented(const std::string& text, const std::string& indent);
std::string config_map(const std::string& config);
std::string pool_config(const std::string& fields);
std::string peer_config(const std::string& fields);
std::string resource(const std::string& kind, const std::string& spec,
                     const std::string& version = "metallb.io/v1beta1");
std::string peer(const std::string& fields, const std::string& version = "metallb.io/v1beta2");
std::string service(const std::string& spec, const std::string& metadata = "");

// What becomes of their selectors.
nlohmann::json selector(const nlohmann::json& labels,
                        const nlohmann::json& expressions = nlohmann::json::array());
nlohmann::json in_expression(const char* key, const char* op, const nlohmann::json& values);

/// One field of theirs and what it becomes in the object of ours of this kind.
struct Imported {
    const char* name;
    std::string text;
    Kind kind;
    const char* field;
    nlohmann::json value;
};
inline void PrintTo(const Imported& c, std::ostream* out) { *out << c.name; }

class FieldOfMetallb : public testing::TestWithParam<Imported> {};

/// A field that is reported: the remark's text without the file's name.
struct Reported {
    const char* name;
    std::string text;
    const char* remark;
};
inline void PrintTo(const Reported& c, std::ostream* out) { *out << c.name; }

}  // namespace trivet::cli
