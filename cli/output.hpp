#pragma once
#include <nlohmann/json.hpp>

#include "cli/nouns.hpp"
#include "cli/session.hpp"

/// The output forms of -o for what the server answers (design section 6).
namespace trivet::cli {

/// A list as the server gave it: {"items": [...], "revision": N}.
void print_list(const Session& session, const Noun& noun, const nlohmann::json& list);
/// One object: a row as in a list.
void print_row(const Session& session, const Noun& noun, const nlohmann::json& object);
/// One object with all its fields.
void print_object(const Session& session, const Noun& noun, const nlohmann::json& object);
/// JSON or YAML of anything; false when -o asks for neither.
bool print_data(const Session& session, const nlohmann::json& value);
/// "status.phase  announced": a line for each field of any JSON, for people.
void print_fields(const Session& session, const nlohmann::json& object);

/// `object` without what must never be shown (passwords of BGP sessions).
nlohmann::json without_secrets(nlohmann::json object);

}  // namespace trivet::cli
