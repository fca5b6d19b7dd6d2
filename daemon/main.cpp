#include <csignal>
#include <cstdio>
#include <iostream>
#include <malloc.h>

#include <CLI/CLI.hpp>

#include "daemon/config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log.hpp"
#include "dataplane/gate.hpp"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

int check_config(const std::string& path) {
    const auto config = trivet::daemon::load_config(path);
    if (!config) {
        std::cerr << config.error().message << "\n";
        return exit_failure;
    }
    std::cout << path << ": correct; this is node '" << config->node << "'\n";
    return 0;
}

int remove_gate() {
    if (auto removed = trivet::dataplane::Gate::remove_all(); !removed) {
        std::cerr << "the gate could not be taken away: " << removed.error().message << "\n";
        return exit_failure;
    }
    std::cout << "no interface of this machine is gated any more; an lbd that runs puts its gate "
                 "back within ten seconds\n";
    return 0;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what nobody expects ends the process
int main(int argc, char** argv) {
    CLI::App app{"lbd: Trivet's node agent"};
    std::string config_path = "/etc/lbd/lbd.yaml";
    bool check = false, without_gate = false;
    app.add_option("--config", config_path, "the configuration file of this machine")
        ->capture_default_str();
    app.add_flag("--check-config", check,
                 "report mistakes in the configuration file, and do nothing else");
    app.add_flag("--remove-gate", without_gate,
                 "take the gate off this machine's interfaces, which a stopped lbd leaves closed, "
                 "and do nothing else: before lbd is uninstalled");
    app.set_version_flag("--version", "lbd " TRIVET_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    if (check) return check_config(config_path);
    if (without_gate) return remove_gate();

    // Small blocks that are freed are merged at once. Left for later, glibc merges all of them
    // within some one call: after a list of 100,000 VIPs that took 0.4 s, longer than an election.
    ::mallopt(M_MXFAST, 0);
    std::signal(SIGPIPE, SIG_IGN);  // a client that went away is an error of its own write
    auto config = trivet::daemon::load_config(config_path);
    if (!config) {
        std::cerr << config.error().message << "\n";
        return exit_failure;
    }
    const auto log = trivet::daemon::make_log();
    log->set_level(config->log_level);
    return trivet::daemon::run(config_path, std::move(*config), *log);
}
