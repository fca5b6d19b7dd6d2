// Asks who has a VIP, by ARP and NDP, every millisecond, and computes for how long two machines
// said so at once. "The two-owner time" of a family is the time in which the claims of two or more
// MACs overlap (bench/claim_intervals.hpp); a claim is any frame from which a neighbour learns that
// the VIP is at a MAC (bench/claim_frames.hpp), asked for or not.
//
// The first --interface is on the clients' segment. The others stand beside one node each, on its
// own access switch, and are asked every 5 ms: there a node is seen that the clients are cut off
// from. The report has both: "client", what clients could see, and "anywhere", what any of the
// interfaces saw. It is no client: its own MAC, so that its questions refresh nobody else's cache
// of neighbours.
#include <algorithm>
#include <cstdio>
#include <list>
#include <map>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/boot_time.hpp"
#include "bench/claim_frames.hpp"
#include "bench/claim_intervals.hpp"
#include "bench/run_marks.hpp"

namespace {

using namespace trivet::bench;

constexpr std::int64_t tick_ns = 1 * milliseconds_to_ns;
constexpr unsigned ticks_a_direct_question = 5;  // below claim_join_ns, and little load
constexpr unsigned seconds_limit = 600;

struct Options {
    std::vector<std::string> interfaces, sources_v4, sources_v6;
    std::string v4, v6;
    unsigned seconds_max = 60;
};

template <class Address>
Address parse(int family, const std::string& text) {
    Address address{};
    if (::inet_pton(family, text.c_str(), address.data()) != 1)
        throw std::invalid_argument("'" + text + "' is no address of that family");
    return address;
}

std::string to_text(const Mac& mac) {
    std::array<char, 18> text{};
    std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                  mac[3], mac[4], mac[5]);
    return text.data();
}

/// Everything that was seen of one family.
class Sightings {
public:
    void add(const Mac& mac, bool announcement, std::int64_t at, bool by_client) {
        const auto [entry, fresh] = owners_.try_emplace(mac, Owner{});
        if (fresh) {
            entry->second.index = static_cast<std::uint8_t>(macs_.size());
            macs_.push_back(mac);
        }
        ++entry->second.count;
        entry->second.announcements += announcement;
        const Sighting sighting{.at = at, .owner = entry->second.index};
        everywhere_.push_back(sighting);
        if (by_client) client_.push_back(sighting);
    }

    nlohmann::json report(std::int64_t fault, std::int64_t heal, std::int64_t end) {
        nlohmann::json result{{"macs", nlohmann::json::object()}};
        for (const auto& [mac, owner] : owners_)
            result["macs"][to_text(mac)] = {{"seen", owner.count},
                                            {"announcements", owner.announcements}};
        for (auto& [name, sightings] :
             {std::pair{"client", &client_}, {"anywhere", &everywhere_}}) {
            // Several sockets were read one after the other.
            std::ranges::stable_sort(*sightings, {}, &Sighting::at);
            const auto intervals = claim_intervals(*sightings);
            result[name] = {{"before", to_milliseconds(two_owner_ns(intervals, 0, fault))},
                            {"fault", to_milliseconds(two_owner_ns(intervals, fault, heal))},
                            {"after", to_milliseconds(two_owner_ns(intervals, heal, end))},
                            {"intervals", nlohmann::json::array()}};
            for (const ClaimInterval& interval : intervals)
                result[name]["intervals"].push_back(
                    {to_text(macs_[interval.owner]), interval.from, interval.until});
        }
        if (!client_.empty()) result["last_mac"] = to_text(macs_[client_.back().owner]);
        return result;
    }

private:
    struct Owner {
        std::uint8_t index = 0;
        std::uint64_t count = 0, announcements = 0;
    };
    std::map<Mac, Owner> owners_;
    std::vector<Mac> macs_;
    std::vector<Sighting> client_, everywhere_;
};

class Watcher {
public:
    explicit Watcher(const Options& options)
        : options_(options),
          v4_(parse<V4>(AF_INET, options.v4)),
          v6_(parse<V6>(AF_INET6, options.v6)) {
        if (options.sources_v4.size() != options.interfaces.size() ||
            options.sources_v6.size() != options.interfaces.size())
            throw std::invalid_argument("every --interface needs a --source-v4 and a --source-v6");
        for (std::size_t i = 0; i < options.interfaces.size(); ++i) {
            Place& place = places_.emplace_back(options.interfaces[i], i == 0);
            place.arp_question =
                arp_request(place.arp.mac(), parse<V4>(AF_INET, options.sources_v4[i]), v4_);
            place.ndp_question = neighbour_solicitation(
                place.ndp.mac(), parse<V6>(AF_INET6, options.sources_v6[i]), v6_);
            watch(place.arp.file());
            watch(place.ndp.file());
        }
        timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        watch(timer_);
        watch(STDIN_FILENO);
    }

    void run() {
        const itimerspec every{.it_interval = {.tv_sec = 0, .tv_nsec = tick_ns},
                               .it_value = {.tv_sec = 0, .tv_nsec = 1}};
        ::timerfd_settime(timer_, 0, &every, nullptr);
        std::puts("ready");
        std::fflush(stdout);
        const std::int64_t begin = boot_now();
        while (!marks_.ended() && boot_now() - begin < options_.seconds_max * 1000 * tick_ns) {
            std::array<epoll_event, 16> events;
            const int ready = ::epoll_wait(epoll_, events.data(), events.size(), -1);
            for (int i = 0; i < ready; ++i) {
                const int file = events[static_cast<std::size_t>(i)].data.fd;
                if (file == STDIN_FILENO) marks_.read();
                if (file == timer_) on_tick();
            }
            for (const Place& place : places_) listen(place);
        }
        ended_ = boot_now();
    }

    nlohmann::json report() {
        const std::int64_t fault = marks_.fault() ? marks_.fault() : ended_;
        const std::int64_t heal = marks_.heal() ? marks_.heal() : ended_;
        std::uint64_t dropped = 0;
        for (const Place& place : places_) dropped += place.arp.dropped() + place.ndp.dropped();
        return {{"questions", questions_},
                {"frames_dropped", dropped},
                {"stall_ms", to_milliseconds(stall_)},
                {"ipv4", seen_v4_.report(fault, heal, ended_)},
                {"ipv6", seen_v6_.report(fault, heal, ended_)}};
    }

private:
    struct Place {
        Place(const std::string& interface, bool of_the_client)
            : arp(interface, ethertype_arp),
              ndp(interface, ethertype_ipv6),
              client(of_the_client) {}
        PacketSocket arp, ndp;
        bool client;
        std::vector<std::uint8_t> arp_question{}, ndp_question{};
    };

    void watch(int file) const {
        epoll_event event{.events = EPOLLIN, .data = {.fd = file}};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, file, &event) != 0)
            throw std::runtime_error(std::string("epoll: ") + std::strerror(errno));
    }

    void on_tick() {
        std::uint64_t ticks = 0;
        if (::read(timer_, &ticks, sizeof ticks) != sizeof ticks) return;
        const std::int64_t now = boot_now();
        if (last_tick_ != 0) stall_ = std::max(stall_, now - last_tick_ - tick_ns);
        last_tick_ = now;
        const bool direct = ++questions_ % ticks_a_direct_question == 0;
        for (const Place& place : places_) {
            if (!place.client && !direct) continue;
            place.arp.send(place.arp_question);
            place.ndp.send(place.ndp_question);
        }
    }

    void listen(const Place& place) {
        place.arp.receive([&](FrameBytes frame, std::int64_t at) {
            const auto claim = arp_claim(frame);
            if (claim && claim->address == v4_)
                seen_v4_.add(claim->mac, claim->announcement, at, place.client);
        });
        place.ndp.receive([&](FrameBytes frame, std::int64_t at) {
            const auto claim = ndp_claim(frame);
            if (claim && claim->address == v6_)
                seen_v6_.add(claim->mac, claim->announcement, at, place.client);
        });
    }

    Options options_;
    V4 v4_;
    V6 v6_;
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC), timer_ = -1;
    std::list<Place> places_;
    Sightings seen_v4_, seen_v6_;
    RunMarks marks_;
    std::uint64_t questions_ = 0;
    std::int64_t last_tick_ = 0, stall_ = 0, ended_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app("Asks who has a VIP and tells for how long two machines had it");
    app.add_option("--interface", options.interfaces, "the clients' segment, then beside each node")
        ->required();
    app.add_option("--source-v4", options.sources_v4, "to ask from, one an interface")->required();
    app.add_option("--source-v6", options.sources_v6, "to ask from, one an interface")->required();
    app.add_option("--v4", options.v4, "the VIP's IPv4 address")->required();
    app.add_option("--v6", options.v6, "the VIP's IPv6 address")->required();
    app.add_option("--seconds-max", options.seconds_max, "ends by itself then")
        ->check(CLI::Range(1U, seconds_limit));
    CLI11_PARSE(app, count, arguments);
    try {
        Watcher watcher(options);
        watcher.run();
        std::printf("%s\n", watcher.report().dump().c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "failover_watch: %s\n", error.what());
        return 1;
    }
}
