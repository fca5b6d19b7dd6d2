#include "api/problem.hpp"

#include <nlohmann/json.hpp>

namespace trivet::api {

namespace {

/// The code of a refusal that HTTP itself calls for.
std::string_view refusal_code(unsigned status) {
    switch (status) {
        case 404:
            return "not_found";
        case 408:
            return "timeout";
        case 413:
        case 414:
        case 431:
            return "too_large";
        case 503:
            return "unavailable";
        default:
            return "invalid_argument";
    }
}

}  // namespace

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::unauthenticated:
            return "unauthenticated";
        case ErrorCode::not_allowed:
            return "not_allowed";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::conflict:
            return "conflict";
        case ErrorCode::exhausted:
            return "exhausted";
        case ErrorCode::too_large:
            return "too_large";
        case ErrorCode::insufficient_storage:
            return "insufficient_storage";
        case ErrorCode::not_leader:
            return "not_leader";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::corrupt:
            return "corrupt";
        case ErrorCode::internal:
            return "internal";
    }
    return "internal";
}

unsigned http_status(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return 400;
        case ErrorCode::unauthenticated:
            return 401;
        case ErrorCode::not_allowed:
            return 403;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::conflict:
            return 409;
        case ErrorCode::exhausted:
            return 409;
        case ErrorCode::too_large:
            return 413;
        case ErrorCode::insufficient_storage:
            return 507;
        case ErrorCode::not_leader:
            return 503;
        case ErrorCode::unavailable:
            return 503;
        case ErrorCode::timeout:
            return 504;
        case ErrorCode::corrupt:
            return 500;
        case ErrorCode::internal:
            return 500;
    }
    return 500;
}

std::string_view status_phrase(unsigned status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 507:
            return "Insufficient Storage";
        default:
            return "Error";
    }
}

HttpResponse problem(const Problem& problem) {
    nlohmann::ordered_json body{{"type", "about:blank"},
                                {"title", status_phrase(problem.status)},
                                {"status", problem.status},
                                {"detail", problem.detail},
                                {"code", problem.code}};
    if (!problem.field.empty()) body["field"] = problem.field;
    HttpResponse response{
        .status = problem.status,
        .content_type = "application/problem+json",
        // Messages may quote what the client sent, which need not be UTF-8.
        .body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
    if (problem.status == 503) response.headers.emplace("Retry-After", retry_after_s);
    if (problem.status == 401)  // RFC 9110 section 15.5.2
        response.headers.emplace("WWW-Authenticate", "Bearer realm=\"trivet\"");
    return response;
}

HttpResponse problem(const Refusal& refusal) {
    return problem(Problem{refusal.status, refusal_code(refusal.status), refusal.detail});
}

HttpResponse problem(const Error& error) {
    return problem(
        Problem{http_status(error.code), to_string(error.code), error.message, error.field});
}

}  // namespace trivet::api
