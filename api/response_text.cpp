#include "api/response_text.hpp"

#include <array>
#include <fmt/format.h>
#include <iterator>

#include "api/problem.hpp"

namespace trivet::api {

std::string response_text(const HttpResponse& response, ResponseForm form,
                          const std::string& date) {
    std::string text;
    text.reserve(320 + (form.with_body ? response.body.size() : 0));
    auto out = std::back_inserter(text);
    fmt::format_to(out,
                   "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\n"
                   "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
                   response.status, status_phrase(response.status), date, response.content_type);
    if (!response.stream)
        fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
    else if (form.minor_version != 0)  // HTTP/1.0 knows no chunks: the body ends as it closes
        text += "Transfer-Encoding: chunked\r\n";
    for (const auto& [name, value] : response.headers)
        fmt::format_to(out, "{}: {}\r\n", name, value);
    if (!form.keep_alive)
        text += "Connection: close\r\n";
    else if (form.minor_version == 0)
        text += "Connection: keep-alive\r\n";
    text += "\r\n";
    if (form.with_body) text += response.body;
    return text;
}

std::string chunk_text(std::string_view part) {
    return fmt::format("{:x}\r\n{}\r\n", part.size(), part);
}

std::string http_date(std::time_t time) {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&time, &utc);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                       days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                       months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900,
                       utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace trivet::api
