#include "api/route_match.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

#include "api/problem.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

namespace {

// RFC 9110 section 9 and RFC 5789; others are 501 (RFC 9110 section 15.6.2).
constexpr std::array<std::string_view, 9> known_methods{
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"};

bool is_capture(std::string_view segment) { return segment.front() == '{'; }

/// The table with its paths taken apart, once.
struct Pattern {
    const Route* route;
    std::vector<std::string_view> segments;
};

const std::vector<Pattern>& patterns() {
    static const std::vector<Pattern> all = [] {
        std::vector<Pattern> made;
        for (const Route& route : routes()) made.push_back({&route, segments_of(route.info.path)});
        return made;
    }();
    return all;
}

bool fits(const Pattern& pattern, const std::vector<std::string>& path) {
    return pattern.segments.size() == path.size() &&
           std::equal(path.begin(), path.end(), pattern.segments.begin(),
                      [](const std::string& segment, std::string_view wanted) {
                          return is_capture(wanted) || segment == wanted;
                      });
}

std::map<std::string_view, std::string> captures_of(const Pattern& pattern,
                                                    const std::vector<std::string>& path) {
    std::map<std::string_view, std::string> captures;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const auto wanted = pattern.segments[i];
        if (is_capture(wanted)) captures.emplace(wanted.substr(1, wanted.size() - 2), path[i]);
    }
    return captures;
}

/// What the table has, with the caller's own words where anything may stand.
std::vector<std::string> candidates(const std::vector<std::string>& path) {
    std::set<std::string> texts;
    for (const Pattern& pattern : patterns()) {
        std::string text;
        for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
            const bool any = is_capture(pattern.segments[i]);
            text += "/";
            text += any && i < path.size() ? std::string_view(path[i]) : pattern.segments[i];
        }
        texts.insert(std::move(text));
    }
    return {texts.begin(), texts.end()};
}

HttpResponse no_such_path(const std::vector<std::string>& path) {
    const std::string text = fmt::format("/{}", fmt::join(path, "/"));
    const auto near = nearest(text, candidates(path));
    return problem(Problem{
        404, "not_found",
        "there is no path '" + text + "'; " +
            (near ? "did you mean '" + *near + "'?" : "/openapi.json lists what there is")});
}

HttpResponse no_such_method(const std::string& method, const std::set<std::string_view>& allowed) {
    const std::string list = fmt::format("{}", fmt::join(allowed, ", "));
    auto response = problem(Problem{405, "method_not_allowed",
                                    "this path does not take " + method + "; it takes " + list});
    response.headers.emplace("Allow", list);  // RFC 9110 section 15.5.6
    return response;
}

}  // namespace

std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        path.remove_prefix(1);
        const auto slash = std::min(path.find('/'), path.size());
        segments.push_back(path.substr(0, slash));
        path.remove_prefix(slash);
    }
    return segments;
}

std::variant<Matched, HttpResponse> match_route(const std::string& method,
                                                const std::vector<std::string>& path) {
    if (std::find(known_methods.begin(), known_methods.end(), method) == known_methods.end())
        return problem(
            Problem{501, "not_implemented", "there is no HTTP method '" + method + "' here"});
    const std::string_view wanted = method == "HEAD" ? "GET" : std::string_view(method);
    std::set<std::string_view> allowed;
    for (const Pattern& pattern : patterns()) {
        if (!fits(pattern, path)) continue;
        if (pattern.route->info.method == wanted)
            return Matched{pattern.route, captures_of(pattern, path)};
        allowed.insert(pattern.route->info.method);
    }
    if (allowed.empty()) return no_such_path(path);
    if (allowed.contains("GET")) allowed.insert("HEAD");
    return no_such_method(method, allowed);
}

}  // namespace trivet::api
