#include "daemon/service_manager.hpp"

#include <ctime>
#include <fmt/format.h>

#include <systemd/sd-daemon.h>

namespace trivet::daemon {

void ServiceManager::ready(const std::string& status) {
    sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void ServiceManager::reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000;
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", microseconds).c_str());
}

void ServiceManager::stopping() { sd_notify(0, "STOPPING=1\nSTATUS=withdrawing"); }

void ServiceManager::watchdog() { sd_notify(0, "WATCHDOG=1"); }

std::optional<std::chrono::microseconds> ServiceManager::watchdog_interval() {
    std::uint64_t timeout_us = 0;
    if (sd_watchdog_enabled(0, &timeout_us) <= 0) return std::nullopt;
    return std::chrono::microseconds{timeout_us / 2};
}

}  // namespace trivet::daemon
