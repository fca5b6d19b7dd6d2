#pragma once
#include <string>
#include <string_view>

#include "api/http_server.hpp"
#include "api/request_check.hpp"

/// RFC 9457 problems: the one form of every error answer. `type` is "about:blank", so `title` is
/// the phrase of the status (RFC 9457 section 4.2.1); programs look at `code`.
namespace trivet::api {

/// Goes with every 503 (RFC 9110 section 10.2.3): a leader is elected well within a second.
constexpr std::string_view retry_after_s = "1";

struct Problem {
    unsigned status = 500;
    std::string_view code;  // the name of an ErrorCode, or one of HTTP's own: "method_not_allowed"
    std::string detail;
    std::string field = {};
};

HttpResponse problem(const Problem& problem);
HttpResponse problem(const Refusal& refusal);
HttpResponse problem(const Error& error);

/// The one place where a domain error becomes an HTTP status.
unsigned http_status(ErrorCode code);

/// "invalid_argument", ...: the enumerator's own name.
std::string_view to_string(ErrorCode code);
/// "Not Found" for 404; "Error" for a status that has no phrase here.
std::string_view status_phrase(unsigned status);

}  // namespace trivet::api
