#include "daemon/daemon.hpp"

#include <csignal>
#include <future>

#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "api/routes.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"
#include "daemon/server.hpp"
#include "daemon/service_manager.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

// A transfer takes some round trips and one write; if it takes longer, an election is as good.
constexpr auto hand_over_within = std::chrono::milliseconds{300};

// The default profile's right; a longer one ends with the process.
constexpr auto accept_on = std::chrono::milliseconds{100};

/// What runs inside lbd, and the order in which it starts and stops. Lives on the main thread.
class Daemon {
public:
    Daemon(std::filesystem::path config_path, Config config, Log& log)
        : config_path_(std::move(config_path)),
          config_(std::move(config)),
          log_(log),
          node_(io_, config_, log,
                {.on_certificate = [this] { serve_tls(); },
                 .on_fatal = [this](const Error&) { stop(1); }}),
          server_(api_io_, api::make_handler(node_), log) {}

    int run();

private:
    Result<void> start();
    void serve_tls();
    void wait_for_signal();
    void reload();
    void feed_watchdog(std::chrono::microseconds interval);
    void stop(int exit_code);
    void hand_over();
    void stop_server();
    std::string api_url() const;

    std::filesystem::path config_path_;
    Config config_;
    Log& log_;
    asio::io_context api_io_{1};  // first, so that calls which still wait in io_ end before it does
    asio::io_context io_{1};
    asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGHUP};
    asio::steady_timer watchdog_{io_};
    Node node_;
    ApiServer server_;
    std::optional<int> exit_code_;
};

int Daemon::run() {
    wait_for_signal();
    if (auto started = start(); !started) {
        log_.error("cannot start", {{"reason", started.error().message}});
        stop(1);
    }
    if (!exit_code_) {
        ServiceManager::ready("node " + config_.node);
        if (const auto interval = ServiceManager::watchdog_interval()) feed_watchdog(*interval);
        log_.info("ready", {{"node", config_.node},
                            {"socket", config_.socket.string()},
                            {"version", TRIVET_VERSION}});
        io_.run();
    }
    node_.release_leases();  // first: from here on another machine answers for the addresses
    hand_over();
    node_.withdraw();
    stop_server();
    node_.stop();
    log_.info("stopped");
    return exit_code_.value_or(1);
}

/// A stop that is wanted costs the others no election, and nobody a packet: what is on its way when
/// the leases are given away is accepted for their length.
void Daemon::hand_over() {
    node_.hand_over();
    const auto now = std::chrono::steady_clock::now();
    io_.restart();
    const auto work = asio::make_work_guard(io_);
    while (std::chrono::steady_clock::now() < now + accept_on ||
           (node_.leads_others() && std::chrono::steady_clock::now() < now + hand_over_within))
        io_.run_one_for(std::chrono::milliseconds{10});
}

/// Calls that are under way may still need this thread, so it goes on turning meanwhile.
void Daemon::stop_server() {
    io_.restart();
    const auto work = asio::make_work_guard(io_);
    const auto stopping = std::async(std::launch::async, [this] {
        server_.stop();
        io_.stop();
    });
    io_.run();
    stopping.wait();
}

Result<void> Daemon::start() {
    if (auto started = node_.start(); !started) return started;
    node_.set_api_address(api_url());
    if (auto listening = server_.listen_unix(config_.socket); !listening) return listening;
    if (!node_.has_identity()) {
        log_.info("this node belongs to no cluster yet; run 'lbctl init' or 'lbctl join' on it");
        return {};
    }
    return server_.serve_tls(config_.api_listen, node_.pki());
}

void Daemon::serve_tls() {
    if (auto served = server_.serve_tls(config_.api_listen, node_.pki()); !served)
        log_.error("the API cannot listen", {{"reason", served.error().message}});
    else
        log_.info("the API listens", {{"address", api_url()}});
}

/// The address to tell people: the one listened on, or this machine's first one when it is "any".
std::string Daemon::api_url() const {
    std::string host = config_.api_listen.address().to_string();
    if (config_.api_listen.address().is_unspecified()) {
        host = "127.0.0.1";
        for (const IpAddress address : host_addresses())
            if (node_.state().holders(address).empty()) {
                host = address.to_string();
                break;
            }
    }
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return "https://" + host + ":" + std::to_string(config_.api_listen.port());
}

void Daemon::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
        if (error) return;
        if (number == SIGHUP) {
            reload();
            return wait_for_signal();
        }
        log_.info("stopping", {{"signal", std::to_string(number)}});
        stop(0);
    });
}

void Daemon::reload() {
    ServiceManager::reloading();
    auto config = load_config(config_path_);
    if (!config) {
        log_.error("the configuration was not reloaded; the old one stays",
                   {{"reason", config.error().message}});
    } else {
        const bool needs_restart =
            config->node != config_.node || config->data_dir != config_.data_dir ||
            config->socket != config_.socket || config->api_listen != config_.api_listen ||
            config->cluster_listen != config_.cluster_listen;
        if (needs_restart)
            log_.warning(
                "node, data_dir, socket and the listening addresses change at the next start only");
        node_.reload(*config);
        log_.info("configuration reloaded");
    }
    ServiceManager::ready("node " + config_.node);
}

/// The watchdog is fed only when the main thread and the API's thread both turned around since.
void Daemon::feed_watchdog(std::chrono::microseconds interval) {
    server_.ping([this] { asio::post(io_, [] { ServiceManager::watchdog(); }); });
    watchdog_.expires_after(interval);
    watchdog_.async_wait([this, interval](boost::system::error_code error) {
        if (!error) feed_watchdog(interval);
    });
}

void Daemon::stop(int exit_code) {
    if (exit_code_) return;
    exit_code_ = exit_code;
    ServiceManager::stopping();
    io_.stop();
}

}  // namespace

int run(const std::filesystem::path& config_path, Config config, Log& log) {
    return Daemon(config_path, std::move(config), log).run();
}

}  // namespace trivet::daemon
