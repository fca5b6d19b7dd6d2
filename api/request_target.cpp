#include "api/request_target.hpp"

#include "api/http_text.hpp"

namespace trivet::api {

namespace {

constexpr std::size_t query_parameters_max = 32;  // no route has more than a handful

auto refuse(std::string detail, unsigned status = 400) {
    return tl::unexpected(Refusal{status, std::move(detail)});
}

enum class Plus { literal, space };  // '+' is a space in a query, as browsers and curl write it

Result<std::string, Refusal> decode(std::string_view text, Plus plus) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == Plus::space) {
            decoded.push_back(' ');
            continue;
        }
        if (text[i] != '%') {
            decoded.push_back(text[i]);
            continue;
        }
        if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2]))
            return refuse("'%' in the request target must be followed by two hexadecimal digits");
        const auto c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        if (is_control(c) || c == '\t')
            return refuse("the request target holds an escaped control character");
        decoded.push_back(c);
        i += 2;
    }
    return decoded;
}

Result<std::vector<std::string>, Refusal> parse_path(std::string_view path) {
    std::vector<std::string> segments;
    path.remove_prefix(1);  // the check saw to it that it is a slash
    if (path.empty()) return segments;
    for (;;) {
        const auto slash = path.find('/');
        auto segment = decode(path.substr(0, slash), Plus::literal);
        if (!segment) return tl::unexpected(std::move(segment).error());
        if (segment->empty())
            return refuse(
                "no such path: write it without a slash at the end and without two "
                "slashes in a row",
                404);
        if (*segment == "." || *segment == ".." || segment->find('/') != std::string::npos)
            return refuse("the path must not hold '.', '..' or an escaped '/' as a segment");
        segments.push_back(std::move(*segment));
        if (slash == std::string_view::npos) return segments;
        path.remove_prefix(slash + 1);
    }
}

Result<std::map<std::string, std::string>, Refusal> parse_query(std::string_view query) {
    std::map<std::string, std::string> parameters;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto name = decode(pair.substr(0, equals), Plus::space);
        if (!name) return tl::unexpected(std::move(name).error());
        auto value =
            decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1),
                   Plus::space);
        if (!value) return tl::unexpected(std::move(value).error());
        if (parameters.contains(*name))
            return refuse("the query parameter '" + *name + "' is given twice");
        if (parameters.size() == query_parameters_max)
            return refuse("more than " + std::to_string(query_parameters_max) +
                          " query parameters");
        parameters.emplace(std::move(*name), std::move(*value));
    }
    return parameters;
}

}  // namespace

Result<RequestTarget, Refusal> parse_target(std::string_view target) {
    const auto mark = target.find('?');
    auto path = parse_path(target.substr(0, mark));
    if (!path) return tl::unexpected(std::move(path).error());
    if (mark == std::string_view::npos) return RequestTarget{std::move(*path), {}};
    auto query = parse_query(target.substr(mark + 1));
    if (!query) return tl::unexpected(std::move(query).error());
    return RequestTarget{std::move(*path), std::move(*query)};
}

}  // namespace trivet::api
