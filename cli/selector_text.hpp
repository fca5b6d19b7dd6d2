#pragma once
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/model/objects.hpp"

namespace trivet::cli {

/// A label selector as people write it on a command line, all of it must hold:
/// "rack=a,zone!=b,tier in (front,back),disk notin (old),gpu,!spare". Empty: matches everything.
/// Errors: invalid_argument, with the part that is wrong.
Result<nlohmann::json> selector_from_text(std::string_view text);

/// The same of a selector's JSON.
std::string selector_to_text(const nlohmann::json& selector);

}  // namespace trivet::cli
