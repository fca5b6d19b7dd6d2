#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace trivet::api {

enum class CheckOutcome : std::uint8_t { good, warning, failed };

/// One thing that a node finds when it looks at itself, for `lbctl doctor`. A value type.
struct Check {
    std::string name;  // "gate", "real_time", ...
    CheckOutcome outcome = CheckOutcome::good;
    std::string message;  // what is, and what to do about it
};

constexpr std::string_view to_string(CheckOutcome outcome) {
    switch (outcome) {
        case CheckOutcome::good:
            return "good";
        case CheckOutcome::warning:
            return "warning";
        case CheckOutcome::failed:
            return "failed";
    }
    return "failed";
}

}  // namespace trivet::api
