// What an Adj-RIB-Out costs: routes are set and UPDATEs taken until there are no more, and each
// scene is reported as one JSON object. Nothing is sent: what comes with sockets and peers is
// measured elsewhere.
#include <ctime>
#include <iostream>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "announce/bgp/bgp_rib_out.hpp"
#include "cmake/pch_base.hpp"

using namespace trivet;
using namespace trivet::announce;

namespace {

struct Options {
    std::uint32_t routes = 100'000;
    std::uint32_t sets = 4;
    std::uint32_t runs = 5;
    std::size_t take_bytes = 256 * 1024;
    bool ipv6 = false;
};

BgpAttributes attributes_of(std::uint32_t set) {
    return {.med = set, .communities = {Community(0xFC000000 + set), well_known::no_export}};
}

Prefix prefix_of(const Options& options, std::uint32_t number) {
    if (!options.ipv6) return Prefix::host(IpAddress::v4(0x0A000000 + number));
    IpAddress::V6Bytes bytes{0x20, 0x01, 0x0d, 0xb8};
    for (std::size_t i = 0; i < 4; ++i)
        bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    return Prefix::host(IpAddress::v6(bytes));
}

/// Routes in which sets alternate, which is the worst for packing; every `changed_each`th has
/// another set.
std::shared_ptr<const BgpRoutes> table(const Options& options, std::uint32_t count,
                                       std::uint32_t changed_each) {
    auto routes = std::make_shared<BgpRoutes>();
    for (std::uint32_t set = 0; set < options.sets; ++set)
        routes->attributes.push_back(attributes_of(set));
    routes->routes.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const bool is_changed = changed_each != 0 && i % changed_each == 0;
        routes->routes.push_back({.prefix = prefix_of(options, i),
                                  .attributes = (i + (is_changed ? 1 : 0)) % options.sets});
    }
    return routes;
}

std::size_t heap_bytes() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

double processor_ms() {
    return 1e3 * static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// One Adj-RIB-Out that goes from table to table.
class Subject {
public:
    explicit Subject(const Options& options) : options_(options) {
        bgp::Negotiated negotiated;
        negotiated.local_as = AsNumber(64512);
        negotiated.codec.families = {bgp::ipv4_unicast, bgp::ipv6_unicast};
        const bgp::NextHops next_hops{.ipv4 = IpAddress::v4(0xC0000201),
                                      .ipv6 = *IpAddress::parse("2001:db8::1")};
        rib_.on_up(negotiated, next_hops, std::nullopt);
    }

    /// `instead`, unless null, takes the place of `routes` after the first UPDATEs.
    nlohmann::json scene(const std::string& name, std::shared_ptr<const BgpRoutes> routes,
                         std::shared_ptr<const BgpRoutes> instead = nullptr) {
        const std::size_t heap_before = heap_bytes();
        std::size_t heap_most = heap_before;
        const bgp::RibOut::Counters before = rib_.counters();
        double longest_ms = 0;
        double total_ms = 0;
        while (routes || rib_.has_work()) {
            const double start_ms = processor_ms();
            if (routes) rib_.set_routes(std::move(routes));
            const auto bytes = rib_.take_updates(options_.take_bytes);
            const double ms = processor_ms() - start_ms;
            heap_most = std::max(heap_most, heap_bytes());
            longest_ms = std::max(longest_ms, ms);
            total_ms += ms;
            routes = std::move(instead);
        }
        const bgp::RibOut::Counters& after = rib_.counters();
        return {{"bench", "bgp-updates"},
                {"scene", name},
                {"ms", total_ms},
                {"longest_call_ms", longest_ms},
                {"updates", after.updates_sent - before.updates_sent},
                {"announced", after.announced - before.announced},
                {"withdrawn", after.withdrawn - before.withdrawn},
                {"bytes", after.bytes_sent - before.bytes_sent},
                {"heap_most_kib", (heap_most - heap_before) / 1024},
                {"heap_after_kib",
                 (static_cast<double>(heap_bytes()) - static_cast<double>(heap_before)) / 1024}};
    }

private:
    Options options_;
    bgp::RibOut rib_;
};

void run(const Options& options) {
    const auto all = table(options, options.routes, 0);
    const auto same = table(options, options.routes, 0);
    const auto one_changed = table(options, options.routes, options.routes);
    const auto few_changed = table(options, options.routes, std::max(options.routes / 1000, 1U));
    const auto all_changed = table(options, options.routes, 1);
    const auto half = table(options, options.routes / 2, 0);
    const auto none = table(options, 0, 0);
    for (std::uint32_t i = 0; i < options.runs; ++i) {
        Subject subject(options);
        for (const auto& scene :
             {subject.scene("announce all", all), subject.scene("nothing changed", same),
              subject.scene("one changed", one_changed),
              subject.scene("a thousand changed", few_changed),
              subject.scene("half withdrawn", half), subject.scene("half announced", all),
              subject.scene("all changed, and back half way", all_changed, all),
              subject.scene("withdraw all", none)})
            std::cout << scene.dump() << "\n";
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"bgp_updates: time and memory of an Adj-RIB-Out, from routes to UPDATE messages"};
    app.add_option("--routes", options.routes, "how many routes (default: 100000)")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--sets", options.sets, "attribute sets, which alternate (default: 4)")
        ->check(CLI::Range(1, 1'000'000));
    app.add_option("--runs", options.runs, "how often all of it (default: 5)")
        ->check(CLI::Range(1, 1000));
    app.add_option("--take-bytes", options.take_bytes, "bytes taken at once (default: 262144)")
        ->check(CLI::Range(1, 1 << 30));
    app.add_flag("--ipv6", options.ipv6, "IPv6 routes in place of IPv4 ones");
    CLI11_PARSE(app, argc, argv);
    run(options);
    return 0;
}
