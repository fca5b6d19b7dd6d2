#pragma once
#include <ctime>
#include <string>
#include <string_view>

#include "api/http_server.hpp"

namespace trivet::api {

struct ResponseForm {
    bool with_body = true;  // false: HEAD, which is told the length alone (RFC 9110 section 9.3.2)
    bool keep_alive = true;
    int minor_version = 1;
};

/// Head and body of an answer as one piece, so that it leaves in one write; of one with a stream
/// the head alone. Pure.
std::string response_text(const HttpResponse& response, ResponseForm form, const std::string& date);

/// A part of a stream as a chunk (RFC 9112 section 7.1); the empty one is the last.
std::string chunk_text(std::string_view part);

/// IMF-fixdate (RFC 9110 section 5.6.7), such as "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::time_t time);

}  // namespace trivet::api
