// lb-cloud-controller: the Kubernetes shim as a program.
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "cloud/shim/health_server.hpp"
#include "cloud/shim/origins.hpp"
#include "cloud/shim/shim_metrics.hpp"

namespace trivet::cloud {

namespace {

namespace asio = boost::asio;

constexpr int exit_usage = 2;
constexpr std::chrono::milliseconds stop_look{20};
/// Steps under way and the Lease have this long; what is cut off is done again by the next shim.
constexpr std::chrono::seconds stop_patience{5};

int refuse(const Error& error) {
    fmt::print(stderr, "error: {}\n", error.message);
    return exit_usage;
}

Result<KubeAccess> access_of(const ShimOptions& options) {
    if (!options.kubeconfig.empty()) return read_kubeconfig(options.kubeconfig, options.context);
    return in_cluster_access([](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return value;
    });
}

Shim::Options shim_options(const ShimOptions& options) {
    Shim::Options shim{
        .cloud = options.cloud,
        .garbage = {.grace = options.grace, .allow_mass_release = options.allow_mass_release},
        .workers = options.workers,
        .reporter = options.identity,
        .random_seed = std::random_device{}(),
        .election = {}};
    if (options.leader_elect)
        shim.election = LeaseElection::Options{.name_space = options.lease_namespace,
                                               .name = options.lease_name,
                                               .identity = options.identity,
                                               .random_seed = shim.random_seed};
    return shim;
}

HealthServer::Reply answer(const Shim& shim, std::string_view path) {
    constexpr unsigned not_found = 404, unavailable = 503;
    if (path == "/livez") return {.text = "ok\n"};
    if (path == "/metrics") return {.text = metrics_text(shim)};
    if (path != "/readyz") return {not_found, "there are /livez, /readyz and /metrics\n"};
    const auto lacks = shim.lacks();
    if (lacks.empty()) return {.text = "ok\n"};
    return {unavailable, fmt::format("{}\n", fmt::join(lacks, "\n"))};
}

/// Everything that runs until a signal ends it.
class Program {
public:
    Program(const ShimOptions& options, std::shared_ptr<const HttpOrigin> kube,
            TrivetClient::Origins trivet, ShimLog& log)
        : log_(log),
          shim_(io_.get_executor(), shim_options(options), std::move(kube), std::move(trivet), log),
          health_(io_.get_executor(),
                  [this](std::string_view path) { return answer(shim_, path); }),
          signals_(io_, SIGINT, SIGTERM),
          timer_(io_) {}

    Result<void> listen(const ShimOptions& options) {
        const auto port = options.listen_port;
        auto listening = health_.listen({asio::ip::make_address(options.listen_host), port});
        // ":PORT" on a machine without IPv6.
        if (!listening && options.listen_host == "::")
            listening = health_.listen({asio::ip::address_v4::any(), port});
        return listening;
    }

    void run() {
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (!error) stop();
        });
        asio::co_spawn(io_, health_.run(), [](const std::exception_ptr& failure) {
            if (failure) std::rethrow_exception(failure);
        });
        shim_.start();
        io_.run();
    }

private:
    void stop() {
        log_.info("stopping");
        shim_.stop();
        stop_by_ = std::chrono::steady_clock::now() + stop_patience;
        wait_for_end();
    }
    void wait_for_end() {
        if (shim_.is_over() || std::chrono::steady_clock::now() >= stop_by_) {
            health_.stop();
            io_.stop();
            return;
        }
        timer_.expires_after(stop_look);
        timer_.async_wait([this](const boost::system::error_code&) { wait_for_end(); });
    }

    ShimLog& log_;
    asio::io_context io_{1};
    Shim shim_;
    HealthServer health_;
    asio::signal_set signals_;
    asio::steady_timer timer_;
    std::chrono::steady_clock::time_point stop_by_;
};

int run(const std::vector<std::string>& arguments) {
    std::string help;
    const auto options = parse_options(arguments, help);
    if (!options) return refuse(options.error());
    if (!help.empty()) {
        fmt::print("{}", help);
        return EXIT_SUCCESS;
    }
    const auto access = access_of(*options);
    if (!access) return refuse(access.error());
    auto kube = kube_origin(*access);
    if (!kube) return refuse(kube.error());
    auto trivet = trivet_origins(*options);
    if (!trivet) return refuse(trivet.error());

    ShimLog log(options->log_level);
    Program program(*options, std::move(*kube), std::move(*trivet), log);
    if (auto listening = program.listen(*options); !listening) return refuse(listening.error());
    log.info("started", {{"cluster", options->cloud.cluster},
                         {"server", access->title},
                         {"identity", options->identity},
                         {"version", TRIVET_VERSION}});
    program.run();
    return EXIT_SUCCESS;
}

}  // namespace

}  // namespace trivet::cloud

// NOLINTNEXTLINE(bugprone-exception-escape): what nobody expects ends the process
int main(int argc, char** argv) {
    return trivet::cloud::run(std::vector<std::string>(argv + 1, argv + argc));
}
