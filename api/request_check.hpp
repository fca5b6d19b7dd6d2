#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

/// The gate in front of the HTTP parser: looks at the raw bytes of a request head, before any
/// library normalises them, and refuses everything that two HTTP implementations may read
/// differently. Pure. Source: RFC 9112; "must refuse" and "may refuse" are both refused.
namespace trivet::api {

struct RequestLimits {
    std::size_t header_bytes = 16 * 1024;  // request line and header fields, as received
    std::size_t target_bytes = 2 * 1024;   // two names of 253 characters, escaped, and a query
    std::size_t header_count = 100;
    std::size_t body_bytes = 1024 * 1024;
};

/// The answer to a request that goes no further; the connection closes after it.
struct Refusal {
    unsigned status = 400;
    std::string detail;  // what is wrong and what to do, for a person
};

/// How the body of an accepted request is delimited. Neither: there is no body.
struct RequestFraming {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool expect_continue = false;  // the client waits for "100 Continue"
};

/// Finds the end of a head that arrives in pieces, and refuses bad bytes as soon as they arrive, so
/// that a head which never ends properly is not waited for. One per request.
class HeadScanner {
public:
    explicit HeadScanner(std::size_t header_bytes) : header_bytes_(header_bytes) {}

    /// `received` is everything since the start of the head, each time. Returns the head's size,
    /// with the empty line at its end; nullopt when more must come.
    /// Errors: 400, a bare CR or LF or another control character; 431, too long.
    Result<std::optional<std::size_t>, Refusal> scan(std::string_view received);

private:
    std::size_t header_bytes_;
    std::size_t scanned_ = 0;
    std::size_t line_start_ = 0;
};

/// `head` ends with the empty line. Errors: the status that the request gets, mostly 400.
Result<RequestFraming, Refusal> check_head(std::string_view head, const RequestLimits& limits);

/// Host = uri-host [ ":" port ] (RFC 9110 section 7.2), and not empty (section 4.2.1).
bool is_valid_host(std::string_view value);

}  // namespace trivet::api
