// The request gate on arbitrary bytes. What it accepts, Beast must read in the same way: the same
// method, target and fields, and a body of the same bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/chunked_body.hpp"
#include "api/request_head.hpp"

namespace {

using namespace trivet::api;
namespace http = boost::beast::http;

void require(bool fact, const char* what) {
    if (fact) return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

std::size_t head_size(std::string_view bytes, const RequestLimits& limits) {
    HeadScanner whole(limits.header_bytes);
    const auto end = whole.scan(bytes);
    // In two pieces the verdict is the same, as far as the first piece goes.
    HeadScanner pieces(limits.header_bytes);
    const auto first = pieces.scan(bytes.substr(0, bytes.size() / 2));
    if (!first) require(!end, "a refused beginning is refused as a whole");
    if (first && *first) require(end && *end == *first, "the head ends where it ended");
    if (first && !*first) {
        const auto second = pieces.scan(bytes);
        require(second.has_value() == end.has_value(), "pieces change the verdict");
        if (end) require(*second == *end, "pieces change the end of the head");
    }
    return end ? end->value_or(0) : 0;
}

/// The body as the gate reads it; nullopt when it refuses it or the end is missing.
std::optional<std::string> body_of(const RequestFraming& framing, std::string_view rest,
                                   const RequestLimits& limits, std::size_t& used) {
    std::string body;
    used = 0;
    if (framing.chunked) {
        ChunkedBody chunks(limits.body_bytes);
        const auto taken = chunks.on_bytes(rest, body);
        if (!taken || !chunks.done()) return std::nullopt;
        used = *taken;
        return body;
    }
    used = static_cast<std::size_t>(framing.content_length.value_or(0));
    if (rest.size() < used) return std::nullopt;
    return std::string(rest.substr(0, used));
}

void compare_with_beast(std::string_view bytes, std::size_t head_bytes, const RequestHead& head) {
    const RequestLimits limits;
    std::size_t body_bytes = 0;
    const auto body = body_of(head.framing, bytes.substr(head_bytes), limits, body_bytes);
    if (!body) return;
    http::request_parser<http::string_body> parser;
    parser.eager(true);
    parser.body_limit(limits.body_bytes);
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    boost::system::error_code error;
    // Without a body Beast must not want one, so it gets the bytes of this request alone.
    const auto request = bytes.substr(0, head_bytes + body_bytes);
    const auto used = parser.put(boost::asio::buffer(request), error);
    require(!error, "Beast refuses what the gate accepts");
    require(parser.is_done(), "Beast waits for more");
    require(used == request.size(), "Beast reads another length");
    require(parser.get().body() == *body, "Beast reads another body");
    require(parser.get().method_string() == head.request.method, "Beast reads another method");
    require(parser.get().count("Host") <= 1, "Beast reads two hosts");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const RequestLimits limits;
    const auto end = head_size(bytes, limits);
    if (end == 0) return 0;
    require(bytes.substr(0, end).ends_with("\r\n"), "the head ends with an empty line");
    const auto checked = check_head(bytes.substr(0, end), limits);
    const auto head = parse_head(bytes.substr(0, end), limits);
    if (!checked) require(!head, "parse_head() goes past the check");
    if (checked && !head) {
        require(head.error().detail != "the head of the request is malformed",
                "Beast refuses a head that the gate accepts");
        return 0;  // the target is refused later, by its meaning
    }
    if (!head) return 0;
    for (const auto& segment : head->request.path)
        require(!segment.empty() && segment != "." && segment != "..", "a path segment is unsafe");
    compare_with_beast(bytes, end, *head);
    return 0;
}
