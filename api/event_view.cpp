#include "api/event_view.hpp"

#include <ctime>
#include <fmt/format.h>

namespace trivet::api {

std::string time_text(WallTime time) {
    const auto milliseconds = time.time_since_epoch().count();
    const auto seconds = static_cast<std::time_t>(milliseconds / 1000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       milliseconds % 1000);
}

nlohmann::json event_json(const Event& event) {
    return {{"index", event.index},
            {"at", time_text(event.at)},
            {"type", event.type},
            {"object", event.object},
            {"message", event.message}};
}

}  // namespace trivet::api
