#pragma once
#include <nlohmann/json.hpp>

#include "core/records.hpp"

namespace trivet::api {

/// RFC 3339, in UTC with milliseconds.
std::string time_text(WallTime time);

nlohmann::json event_json(const Event& event);

}  // namespace trivet::api
