#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/route_call.hpp"

namespace trivet::api {

struct Matched {
    const Route* route = nullptr;
    std::map<std::string_view, std::string> captures;
};

/// Finds the route of a request; HEAD is served where GET is. Pure.
/// Without one: 501 for a method that HTTP does not have, 405 with Allow for one that the path does
/// not have, 404 with the nearest path.
std::variant<Matched, HttpResponse> match_route(const std::string& method,
                                                const std::vector<std::string>& path);

/// The segments of "/v1/vips/{namespace}".
std::vector<std::string_view> segments_of(std::string_view path);

}  // namespace trivet::api
