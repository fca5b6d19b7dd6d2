// Waits until every IPv4 address of a list has been announced by gratuitous ARP from another
// machine than the one that died, and tells when each was first: the time in which many VIPs move.
// Prints "ready", then one JSON object; times in ns of CLOCK_BOOTTIME. Ends by itself after
// --seconds-max.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/boot_time.hpp"
#include "bench/claim_frames.hpp"

namespace {

using namespace trivet::bench;

constexpr unsigned seconds_limit = 600;
constexpr int poll_ms = 10;

struct Options {
    std::string interface, addresses, ignore;
    unsigned seconds_max = 30;
};

/// 0: not announced yet.
std::map<V4, std::int64_t> read_addresses(const std::string& path) {
    std::ifstream file(path);
    std::map<V4, std::int64_t> addresses;
    for (std::string line; std::getline(file, line);) {
        V4 address{};
        if (::inet_pton(AF_INET, line.c_str(), address.data()) != 1)
            throw std::invalid_argument(path + ": '" + line + "' is no IPv4 address");
        addresses.emplace(address, 0);
    }
    if (addresses.empty()) throw std::invalid_argument(path + " holds no address");
    return addresses;
}

Mac parse_mac(const std::string& text) {
    Mac mac{};
    if (std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2],
                    &mac[3], &mac[4], &mac[5]) != 6)
        throw std::invalid_argument("'" + text + "' is no MAC");
    return mac;
}

nlohmann::json capture(const Options& options) {
    auto addresses = read_addresses(options.addresses);
    const Mac ignored = parse_mac(options.ignore);
    const PacketSocket socket(options.interface, ethertype_arp);
    std::puts("ready");
    std::fflush(stdout);
    std::uint64_t frames = 0;
    std::vector<std::int64_t> first;  // of each address
    const std::int64_t end = boot_now() + options.seconds_max * 1000 * milliseconds_to_ns;
    while (first.size() < addresses.size() && boot_now() < end) {
        pollfd waiting{.fd = socket.file(), .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, poll_ms) <= 0) continue;
        socket.receive([&](FrameBytes frame, std::int64_t at) {
            const auto claim = arp_claim(frame);
            if (!claim || !claim->announcement || claim->mac == ignored) return;
            const auto found = addresses.find(claim->address);
            if (found == addresses.end()) return;
            ++frames;
            if (found->second != 0) return;
            found->second = at;
            first.push_back(at);
        });
    }
    std::ranges::sort(first);
    nlohmann::json result{{"addresses", addresses.size()},
                          {"announced", first.size()},
                          {"frames", frames},
                          {"frames_dropped", socket.dropped()}};
    if (first.empty()) return result;
    result["first"] = first.front();
    result["median"] = first[first.size() / 2];
    result["last"] = first.back();
    return result;
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app("Tells when each address of a list was announced by another machine");
    app.add_option("--interface", options.interface, "where to listen")->required();
    app.add_option("--addresses", options.addresses, "a file, one IPv4 address a line")->required();
    app.add_option("--ignore", options.ignore, "the MAC of the former owner")->required();
    app.add_option("--seconds-max", options.seconds_max, "ends by itself then")
        ->check(CLI::Range(1U, seconds_limit));
    CLI11_PARSE(app, count, arguments);
    try {
        std::printf("%s\n", capture(options).dump().c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "announcement_capture: %s\n", error.what());
        return 1;
    }
}
