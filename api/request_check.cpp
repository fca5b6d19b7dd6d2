#include "api/request_check.hpp"

#include <algorithm>

#include "api/http_text.hpp"

namespace trivet::api {

namespace {

constexpr std::size_t content_length_digits_max = 18;  // any more might not fit in 64 bits

auto refuse(std::string detail, unsigned status = 400) {
    return tl::unexpected(Refusal{status, std::move(detail)});
}

/// What the header fields said so far about the things that must be said once.
struct Seen {
    std::size_t fields = 0;
    std::size_t hosts = 0;
    std::size_t expects = 0;
    bool transfer_encoding = false;
    RequestFraming framing;
};

using Check = Result<void, Refusal>;

Check check_target(std::string_view target, const RequestLimits& limits) {
    if (target.size() > limits.target_bytes)  // RFC 9112 section 3: 414
        return refuse(
            "the request target has more than " + std::to_string(limits.target_bytes) + " bytes",
            414);
    if (target.empty() || target.front() != '/')  // RFC 9112 section 3.2: origin-form alone
        return refuse(
            "the request target must start with '/': absolute-form, authority-form and "
            "asterisk-form are not taken");
    for (const char c : target)
        if (!is_target_character(c))
            return refuse("the request target holds a character that must be percent-encoded");
    return {};
}

/// method SP request-target SP HTTP-version (RFC 9112 section 3). Returns the minor version.
Result<int, Refusal> check_request_line(std::string_view line, const RequestLimits& limits) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        return refuse("the request line is not 'METHOD TARGET HTTP/1.1'");
    const auto method = line.substr(0, first);
    const auto version = line.substr(last + 1);
    if (!is_token(method)) return refuse("the request method is not a token");
    if (auto target = check_target(line.substr(first + 1, last - first - 1), limits); !target)
        return tl::unexpected(std::move(target).error());
    if (version == "HTTP/1.1") return 1;
    if (version == "HTTP/1.0") return 0;
    return refuse("the HTTP version must be 1.1 or 1.0");
}

Check check_content_length(std::string_view value, Seen& seen, const RequestLimits& limits) {
    // RFC 9112 section 6.3 lets a server take equal duplicates as one; a front end may not agree.
    if (seen.framing.content_length) return refuse("Content-Length is given twice");
    if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit))
        return refuse("Content-Length must be one number made of digits");
    if (value.size() > content_length_digits_max) return refuse("Content-Length is too large", 413);
    std::uint64_t length = 0;
    for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
    if (length > limits.body_bytes)
        return refuse("the body may have " + std::to_string(limits.body_bytes) +
                          " bytes; send less at a time",
                      413);
    seen.framing.content_length = length;
    return {};
}

Check check_transfer_encoding(std::string_view value, Seen& seen) {
    // A second field line would make a list, and of lists we take none (RFC 9112 section 6.1).
    if (seen.transfer_encoding || !equals_ignoring_case(value, "chunked"))
        return refuse("Transfer-Encoding must be 'chunked', alone and once");
    seen.transfer_encoding = true;
    seen.framing.chunked = true;
    return {};
}

Check check_expect(std::string_view value, Seen& seen) {
    if (++seen.expects > 1 || !equals_ignoring_case(value, "100-continue"))
        return refuse("the only expectation that can be met is '100-continue'", 417);
    seen.framing.expect_continue = true;
    return {};
}

/// A list of tokens (RFC 9110 section 7.6.1). Who cannot read it cannot know whether the connection
/// goes on.
Check check_connection(std::string_view value) {
    while (!value.empty()) {
        const auto comma = std::min(value.find(','), value.size());
        const auto option = trimmed(value.substr(0, comma));
        if (!option.empty() && !is_token(option))
            return refuse("Connection must be a list of tokens");
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return {};
}

Check check_field(std::string_view line, Seen& seen, const RequestLimits& limits) {
    if (++seen.fields > limits.header_count)
        return refuse("more than " + std::to_string(limits.header_count) + " header fields", 431);
    if (is_space(line.front()))  // RFC 9112 section 5.2
        return refuse("a header field must not be folded over lines");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return refuse("a header field has no colon");
    const auto name = line.substr(0, colon);
    // RFC 9112 section 5.1: whitespace between name and colon gets 400.
    if (!name.empty() && is_space(name.back()))
        return refuse("a header field has a space before its colon");
    if (!is_token(name)) return refuse("the name of a header field is not a token");
    const auto value = trimmed(line.substr(colon + 1));
    if (equals_ignoring_case(name, "content-length"))
        return check_content_length(value, seen, limits);
    if (equals_ignoring_case(name, "transfer-encoding"))
        return check_transfer_encoding(value, seen);
    if (equals_ignoring_case(name, "expect")) return check_expect(value, seen);
    if (equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "proxy-connection"))
        return check_connection(value);
    if (equals_ignoring_case(name, "trailer")) return refuse("trailer fields are not taken");
    if (equals_ignoring_case(name, "host")) {
        if (++seen.hosts > 1) return refuse("Host is given twice");
        if (!is_valid_host(value)) return refuse("Host must be a name or an address with a port");
    }
    return {};
}

/// What only holds for the fields together.
Result<RequestFraming, Refusal> conclude(Seen seen, int minor_version) {
    if (seen.transfer_encoding && minor_version == 0)  // RFC 9112 section 6.1
        return refuse("HTTP/1.0 has no Transfer-Encoding");
    if (seen.transfer_encoding && seen.framing.content_length)  // RFC 9112 section 6.3
        return refuse("Content-Length and Transfer-Encoding exclude each other");
    if (seen.hosts == 0 && minor_version == 1)  // RFC 9112 section 3.2
        return refuse("HTTP/1.1 needs a Host header field");
    if (minor_version == 0) seen.framing.expect_continue = false;  // RFC 9110 section 10.1.1
    return seen.framing;
}

}  // namespace

Result<std::optional<std::size_t>, Refusal> HeadScanner::scan(std::string_view received) {
    const auto limit = std::min(received.size(), header_bytes_);
    for (; scanned_ < limit; ++scanned_) {
        const char c = received[scanned_];
        const bool after_cr = scanned_ > 0 && received[scanned_ - 1] == '\r';
        if (after_cr != (c == '\n'))  // RFC 9112 section 2.2
            return refuse("lines of the head must end with CR LF, and neither may stand alone");
        if (c == '\n') {
            if (scanned_ - line_start_ == 1) return ++scanned_;  // the empty line
            line_start_ = scanned_ + 1;
        } else if (c != '\r' && is_control(c)) {
            return refuse("the head holds a control character");
        }
    }
    if (received.size() >= header_bytes_)
        return refuse(
            "the head of the request has more than " + std::to_string(header_bytes_) + " bytes",
            431);
    return std::nullopt;
}

Result<RequestFraming, Refusal> check_head(std::string_view head, const RequestLimits& limits) {
    const auto line_end = head.find("\r\n");
    if (line_end == std::string_view::npos) return refuse("the request line does not end");
    const auto minor_version = check_request_line(head.substr(0, line_end), limits);
    if (!minor_version) return tl::unexpected(minor_version.error());
    Seen seen;
    for (auto rest = head.substr(line_end + 2); !rest.empty();) {
        const auto end = rest.find("\r\n");
        if (end == std::string_view::npos) return refuse("a header field does not end");
        if (end == 0) return conclude(seen, *minor_version);
        const auto line = rest.substr(0, end);
        if (auto checked = check_field(line, seen, limits); !checked)
            return tl::unexpected(std::move(checked).error());
        rest.remove_prefix(end + 2);
    }
    return refuse("the head does not end with an empty line");
}

bool is_valid_host(std::string_view value) {
    if (value.empty()) return false;
    if (value.front() == '[') {  // IP-literal (RFC 3986 section 3.2.2)
        const auto close = value.find(']');
        if (close == std::string_view::npos || close < 3) return false;
        for (const char c : value.substr(1, close - 1))
            if (!is_hex_digit(c) && c != ':' && c != '.') return false;
        value.remove_prefix(close + 1);
    } else {
        const auto colon = std::min(value.find(':'), value.size());
        if (colon == 0) return false;
        for (const char c : value.substr(0, colon))
            if (!is_alphanumeric(c) && c != '.' && c != '-' && c != '_') return false;
        value.remove_prefix(colon);
    }
    if (value.empty()) return true;
    const auto port = value.substr(1);
    return value.front() == ':' && port.size() <= 5 &&
           std::all_of(port.begin(), port.end(), is_digit);
}

}  // namespace trivet::api
