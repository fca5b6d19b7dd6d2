#pragma once
#include <string_view>

#include "api/http_server.hpp"
#include "api/request_check.hpp"

namespace trivet::api {

/// A request without its body and its peer.
struct RequestHead {
    HttpRequest request;
    RequestFraming framing;
    bool keep_alive = true;
    int minor_version = 1;
};

/// Checks the raw bytes, then has Beast parse them, then takes the target apart. Pure.
/// Errors: those of check_head() and parse_target(); 400, Beast does not agree with the check.
Result<RequestHead, Refusal> parse_head(std::string_view head, const RequestLimits& limits);

}  // namespace trivet::api
