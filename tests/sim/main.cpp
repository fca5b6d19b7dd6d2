// ./dev sim: seeds of the cluster simulation.
#include <atomic>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <iostream>
#include <mutex>
#include <thread>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tests/sim/cluster.hpp"
#include "tests/sim/lease/lease_world.hpp"
#include "tests/sim/lease/scenarios.hpp"

namespace trivet::sim {
namespace {

struct Settings {
    std::uint64_t seeds = 1000, first = 1;
    std::vector<std::size_t> nodes{3, 5, 7};
    unsigned threads = 0;
    std::uint64_t violations_max = 5;
    bool consensus = true, leases = true;
};

thread_local std::uint64_t seed_of_this_thread = 0;

/// An assertion of the product ends the process: say which seed it was.
void on_abort(int) {
    char text[64];
    const int size = std::snprintf(text, sizeof text, "seed %llu: an assertion failed\n",
                                   static_cast<unsigned long long>(seed_of_this_thread));
    static_cast<void>(!write(STDERR_FILENO, text, static_cast<std::size_t>(size)));
}

class Runner {
public:
    explicit Runner(Settings settings) : settings_(std::move(settings)), next_(settings_.first) {}

    int run() {
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < settings_.threads; ++i) threads.emplace_back([this] { work(); });
        for (std::thread& thread : threads) thread.join();
        std::cout
            << fmt::format(
                   R"({{"seeds": {}, "violations": {}, "elections": {}, "commits": {}, "crashes": {}, )"
                   R"("restarts": {}, "snapshots": {}, "membership_changes": {}, "lease_moves": {}, )"
                   R"("lease_fences": {}, "lease_plans": {}, "lease_faults": {}, )"
                   R"("lease_voter_changes": {}, "digest": "{:016x}"}})",
                   ran_, violations_, sum_.elections, sum_.commits, sum_.crashes, sum_.restarts,
                   sum_.snapshots, sum_.membership_changes, leases_.moves, leases_.fences,
                   leases_.plans, leases_.crashes + leases_.pauses, leases_.voter_changes,
                   sum_.digest ^ leases_.digest)
            << std::endl;
        return violations_ == 0 ? 0 : 1;
    }

private:
    void work() {
        for (;;) {
            const std::uint64_t seed = next_++;
            if (seed >= settings_.first + settings_.seeds ||
                violations_ >= settings_.violations_max)
                return;
            run_seed(seed);
        }
    }

    void run_seed(std::uint64_t seed) {
        seed_of_this_thread = seed;
        const std::size_t nodes = settings_.nodes[seed % settings_.nodes.size()];
        std::string what;
        Counts counts;
        LeaseCounts leases;
        try {
            if (settings_.consensus) counts = Cluster(seed, nodes).run();
            if (settings_.leases) leases = run_lease_seed(seed);
        } catch (const Violation& violation) {
            what = violation.what;
        }
        const std::lock_guard lock(mutex_);
        ++ran_;
        if (what.empty()) {
            sum_ += counts;
            leases_ += leases;
            return;
        }
        ++violations_;
        std::cerr << fmt::format("seed {}: {}\n  again: ./dev sim --seeds 1 --seed {} --nodes {}\n",
                                 seed, what, seed, nodes);
    }

    Settings settings_;
    std::atomic<std::uint64_t> next_;
    std::atomic<std::uint64_t> violations_ = 0;
    std::mutex mutex_;
    std::uint64_t ran_ = 0;
    Counts sum_;
    LeaseCounts leases_;
};

int play_scenarios() {
    int failed = 0;
    for (const LeaseScenario& scenario : lease_scenarios()) {
        try {
            scenario.play();
        } catch (const Violation& violation) {
            ++failed;
            std::cerr << fmt::format("scenario {}: {}\n", scenario.name, violation.what);
        }
    }
    std::cout << fmt::format(R"({{"scenarios": {}, "failed": {}}})", lease_scenarios().size(),
                             failed)
              << std::endl;
    return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace trivet::sim

int main(int argc, char** argv) {
    trivet::sim::Settings settings;
    settings.threads = std::max(1u, std::thread::hardware_concurrency());
    CLI::App app{"Simulated clusters under faults; the last line on standard output is JSON"};
    app.add_option("--seeds", settings.seeds, "how many")->capture_default_str();
    app.add_option("--seed", settings.first, "the first one")->capture_default_str();
    app.add_option("--nodes", settings.nodes, "voters, in turn by seed")
        ->delimiter(',')
        ->check(CLI::Range(1, 9))
        ->capture_default_str();
    app.add_option("--threads", settings.threads)->check(CLI::Range(1, 64));
    app.add_flag("!--no-consensus", settings.consensus, "leave Raft out");
    app.add_flag("!--no-leases", settings.leases, "leave the leases out");
    app.add_option("--violations-max", settings.violations_max, "stop after so many");
    bool scenarios = false;
    app.add_flag("--lease-scenarios", scenarios, "play these instead, each by its name");
    CLI11_PARSE(app, argc, argv);
    if (scenarios) return trivet::sim::play_scenarios();
    std::signal(SIGABRT, trivet::sim::on_abort);
    return trivet::sim::Runner(settings).run();
}
