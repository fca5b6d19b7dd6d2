#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace trivet::daemon {

/// What lbd tells systemd (sd_notify(3)); every call does nothing when NOTIFY_SOCKET is not set.
class ServiceManager {
public:
    static void ready(const std::string& status);
    static void reloading();
    static void stopping();
    static void watchdog();
    /// Half of WATCHDOG_USEC, as sd_watchdog_enabled(3) advises; nullopt when no watchdog is asked
    /// for.
    static std::optional<std::chrono::microseconds> watchdog_interval();
};

}  // namespace trivet::daemon
