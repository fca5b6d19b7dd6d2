#pragma once
#include <filesystem>

#include "daemon/config.hpp"
#include "daemon/log.hpp"

namespace trivet::daemon {

/// Runs the agent until SIGTERM or SIGINT (exit code 0) or a failure (1): start, serve, reload on
/// SIGHUP, tell the service manager, withdraw and stop.
int run(const std::filesystem::path& config_path, Config config, Log& log);

}  // namespace trivet::daemon
