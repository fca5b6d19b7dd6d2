#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/time.hpp"

namespace trivet::announce {

/// Where the drivers' log lines go; level is "info", "warning" or "error".
using Log = std::function<void(std::string level, std::string message)>;

/// Lets one log line of a kind through every `interval`, so that a fault that repeats per packet
/// does not fill the disk. Not thread-safe.
class LogLimit {
public:
    explicit LogLimit(Duration interval) : interval_(interval) {}

    /// How many lines were held back since the last one that passed; nullopt: hold this one back.
    std::optional<std::uint64_t> admit(Instant now) {
        if (next_ && now < *next_) {
            ++held_back_;
            return std::nullopt;
        }
        next_ = now + interval_;
        return std::exchange(held_back_, 0);
    }

private:
    Duration interval_;
    std::optional<Instant> next_;
    std::uint64_t held_back_ = 0;
};

/// " (and 12 more like it)", or nothing.
inline std::string held_back_note(std::uint64_t count) {
    return count == 0 ? "" : " (and " + std::to_string(count) + " more like it)";
}

}  // namespace trivet::announce
