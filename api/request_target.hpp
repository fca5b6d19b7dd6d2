#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/request_check.hpp"

namespace trivet::api {

struct RequestTarget {
    std::vector<std::string> path;  // decoded segments; no ".", ".." or empty ones
    std::map<std::string, std::string> query;
};

/// Takes an origin-form target apart. Pure.
/// Errors: 400, a bad escape, a dot segment, an escaped '/' or control character, a parameter given
/// twice; 404, an empty segment (a slash at the end, or two in a row).
Result<RequestTarget, Refusal> parse_target(std::string_view target);

}  // namespace trivet::api
