#include "api/request_head.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "api/http_text.hpp"
#include "api/request_target.hpp"

namespace trivet::api {

namespace http = boost::beast::http;

namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text.size(), '\0');
    std::transform(text.begin(), text.end(), lower.begin(), to_lower);
    return lower;
}

/// Fields of one name become a list (RFC 9110 section 5.2); those that must be alone are alone.
std::map<std::string, std::string> headers_of(const http::fields& fields) {
    std::map<std::string, std::string> headers;
    for (const auto& field : fields) {
        auto [at, is_new] = headers.try_emplace(lower_case(field.name_string()), field.value());
        if (!is_new) at->second.append(", ").append(field.value());
    }
    return headers;
}

}  // namespace

Result<RequestHead, Refusal> parse_head(std::string_view head, const RequestLimits& limits) {
    auto framing = check_head(head, limits);
    if (!framing) return tl::unexpected(std::move(framing).error());

    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    parser.body_limit(boost::none);  // the check saw to it
    boost::system::error_code error;
    parser.put(boost::asio::buffer(head), error);
    if (error || !parser.is_header_done())
        return tl::unexpected(Refusal{400, "the head of the request is malformed"});

    const auto& message = parser.get();
    auto target = parse_target(message.target());
    if (!target) return tl::unexpected(std::move(target).error());
    RequestHead parsed;
    parsed.request.method = message.method_string();
    parsed.request.path = std::move(target->path);
    parsed.request.query = std::move(target->query);
    parsed.request.headers = headers_of(message.base());
    parsed.framing = *framing;
    parsed.keep_alive = message.keep_alive();
    parsed.minor_version = message.version() == 10 ? 0 : 1;
    return parsed;
}

}  // namespace trivet::api
