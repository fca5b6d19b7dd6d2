#include "cloud/kube_status.hpp"

#include <fmt/format.h>

#include "cloud/json_reader.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::size_t causes_max = 256;
constexpr std::size_t message_bytes_max = 64 * 1024;
constexpr std::uint32_t retry_after_s_max = 3600;  // a server that says more is not believed
constexpr std::uint32_t code_max = 999;

}  // namespace

bool KubeStatus::is_expired() const {
    return code == 410 || reason == "Expired" || reason == "Gone";
}

bool KubeStatus::is_future_version() const {
    // Servers before 1.19 have no cause for it, but the words.
    return version_too_large ||
           (code == 504 && message.find("Too large resource version") != std::string::npos);
}

std::string KubeStatus::to_string() const {
    std::string text = fmt::format("HTTP {}", code);
    if (!reason.empty()) text += " " + reason;
    if (!message.empty()) text += ": " + message;
    return text;
}

KubeStatus read_status(const json& object) {
    KubeStatus status;
    JsonReader whole(object);
    whole.integer("code", status.code, std::uint32_t{0}, code_max);
    whole.text("reason", status.reason);
    whole.text("message", status.message, message_bytes_max);
    whole.object("details", [&status](JsonReader& details) {
        std::uint32_t seconds = 0;
        details.integer("retryAfterSeconds", seconds, std::uint32_t{0}, retry_after_s_max);
        if (seconds != 0) status.retry_after = std::chrono::seconds(seconds);
        details.list("causes", causes_max,
                     [&status](const json& item, const std::string& path) -> Result<void> {
                         std::string reason;
                         JsonReader cause(item, path);
                         cause.text("reason", reason);
                         if (reason == "ResourceVersionTooLarge") status.version_too_large = true;
                         return cause.finish();
                     });
    });
    return status;  // what could not be read of an error stays at its default
}

KubeStatus read_status(unsigned http_status, std::string_view body) {
    KubeStatus status;
    if (auto parsed = parse_json(body); parsed && parsed->is_object())
        status = read_status(*parsed);
    if (status.code == 0) status.code = http_status;
    return status;
}

}  // namespace trivet::cloud
