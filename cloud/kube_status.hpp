#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "api/model/objects.hpp"

namespace trivet::cloud {

/// What an API server answers when it refuses (meta/v1 Status), as a body or in an ERROR event.
struct KubeStatus {
    std::uint32_t code = 0;
    std::string reason;
    std::string message;
    std::optional<std::chrono::seconds> retry_after;
    bool version_too_large = false;  // among its causes: ResourceVersionTooLarge

    /// What was asked for is no longer in the server's history: list anew.
    bool is_expired() const;
    /// The server does not know this resourceVersion yet: it lags, or was restored from a backup.
    bool is_future_version() const;
    std::string to_string() const;
};

/// Of an answer with this HTTP status. A body that is no Status (a proxy's page) leaves the code.
KubeStatus read_status(unsigned http_status, std::string_view body);
KubeStatus read_status(const nlohmann::json& object);

}  // namespace trivet::cloud
