// Runs a Gate by itself for the system tests. Commands come as lines on standard input:
//   attach INTERFACE | detach INTERFACE     a name, or an index
//   vip ADDRESS GROUP...                    pairs
//   many FIRST COUNT GROUP                  COUNT addresses from FIRST on; prints how long it took
//   erase ADDRESS...
//   open GROUP ANNOUNCE_MS ACCEPT_MS        deadlines from now on, 0: closed; prints the deadlines
//   renew GROUP EVERY_MS LENGTH_MS          until the next command, both deadlines, as a holder
//   does replace | describe | counters | remove | stop
// The end of input stops it too. It prints one JSON object a line, one at least for each command.
#include <chrono>
#include <iostream>
#include <sstream>
#include <time.h>

#include <net/if.h>
#include <poll.h>

#include <nlohmann/json.hpp>

#include "dataplane/gate.hpp"

namespace {

using trivet::Instant;
using trivet::IpAddress;
using trivet::Result;
using trivet::dataplane::Gate;
using trivet::dataplane::GateCounters;
using trivet::dataplane::GateDeadlines;
using trivet::dataplane::GateGroup;
using Words = std::vector<std::string>;
using nlohmann::json;

void print(const json& line) { std::cout << line.dump() << std::endl; }

Instant boot_now() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::uint32_t ifindex_of(const std::string& text) {
    const std::uint32_t index = if_nametoindex(text.c_str());
    return index != 0 ? index : static_cast<std::uint32_t>(std::stoul(text));
}

json drops_of(const GateCounters::Drops& drops) {
    return {{"arp", drops.arp},
            {"ndp", drops.ndp},
            {"ipv4", drops.ipv4},
            {"ipv6", drops.ipv6},
            {"stacked_tags", drops.stacked_tags}};
}

json status_of(const Gate& gate) {
    const auto status = gate.describe();
    json interfaces = json::array();
    for (const auto& interface : status.interfaces)
        interfaces.push_back({{"name", interface.name}, {"in_place", interface.in_place}});
    return {{"kind", to_string(status.kind)},
            {"why_not_bpf", status.why_not_bpf},
            {"interfaces", interfaces},
            {"program_ids", status.program_ids},
            {"late_renewals", status.late_renewals},
            {"earlier_gates", status.earlier_gates},
            {"warning", status.warning}};
}

class Commands {
public:
    explicit Commands(Gate& gate) : gate_(gate) {}

    /// False: this was the last command.
    bool perform(const Words& words) {
        const std::string& name = words[0];
        if (name == "stop") return false;
        if (name == "describe")
            print(status_of(gate_));
        else if (name == "counters")
            print({{"ingress", drops_of(gate_.counters().ingress)},
                   {"egress", drops_of(gate_.counters().egress)}});
        else if (name == "renew")
            renew(words);
        else if (name == "open")
            open(words);
        else
            tell(change(words));
        return name != "remove";
    }

private:
    Result<void> change(const Words& words) {
        const std::string& name = words[0];
        if (name == "attach") return gate_.attach(ifindex_of(words[1]));
        if (name == "detach") return gate_.detach(ifindex_of(words[1]));
        if (name == "vip") return set_vips(words);
        if (name == "many") return set_many(words);
        if (name == "erase") return erase(words);
        if (name == "replace") return gate_.replace_earlier();
        if (name == "remove") return gate_.remove();
        return trivet::fail(trivet::ErrorCode::invalid_argument, "unknown command " + name);
    }

    static void tell(const Result<void>& done) {
        if (done)
            print({{"done", true}});
        else
            print({{"error", done.error().message}, {"code", static_cast<int>(done.error().code)}});
    }

    Result<void> set_vips(const Words& words) {
        std::vector<Gate::VipGroup> vips;
        for (std::size_t i = 1; i + 1 < words.size(); i += 2)
            vips.emplace_back(IpAddress::parse(words[i]).value(),
                              static_cast<GateGroup>(std::stoul(words[i + 1])));
        return gate_.set_vips(vips);
    }

    Result<void> set_many(const Words& words) {
        std::vector<Gate::VipGroup> vips;
        IpAddress address = IpAddress::parse(words[1]).value();
        for (int i = 0; i < std::stoi(words[2]); ++i, address = address.next())
            vips.emplace_back(address, static_cast<GateGroup>(std::stoul(words[3])));
        const Instant before = boot_now();
        auto done = gate_.set_vips(vips);
        const std::chrono::duration<double, std::milli> took = boot_now() - before;
        print({{"addresses", vips.size()}, {"took_ms", took.count()}});
        return done;
    }

    Result<void> erase(const Words& words) {
        std::vector<IpAddress> addresses;
        for (std::size_t i = 1; i < words.size(); ++i)
            addresses.push_back(IpAddress::parse(words[i]).value());
        return gate_.erase_vips(addresses);
    }

    static Instant after(Instant now, int milliseconds) {
        return milliseconds == 0 ? Instant{} : now + std::chrono::milliseconds(milliseconds);
    }

    void open(const Words& words) {
        const Instant now = boot_now();
        const GateDeadlines deadlines{.announce_until = after(now, std::stoi(words[2])),
                                      .accept_until = after(now, std::stoi(words[3]))};
        if (gate_.set_deadlines(static_cast<GateGroup>(std::stoul(words[1])), deadlines))
            print({{"done", true},
                   {"announce_until", deadlines.announce_until.time_since_epoch().count()},
                   {"accept_until", deadlines.accept_until.time_since_epoch().count()}});
        else
            print({{"error", gate_.describe().warning}});
    }

    void renew(const Words& words) {
        const auto group = static_cast<GateGroup>(std::stoul(words[1]));
        int renewals = 0, failures = 0;
        double worst_ms = 0, longest_gap_ms = 0;
        Instant renewed = boot_now();
        pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
        do {
            const Instant now = boot_now();
            const Instant until = after(now, std::stoi(words[3]));
            const std::chrono::duration<double, std::milli> gap = now - std::exchange(renewed, now);
            longest_gap_ms = std::max(longest_gap_ms, gap.count());
            ++renewals;
            if (!gate_.set_deadlines(group, {.announce_until = until, .accept_until = until}))
                ++failures;
            const std::chrono::duration<double, std::milli> took = boot_now() - now;
            worst_ms = std::max(worst_ms, took.count());
            if (renewals == 1) print({{"renewing", group}});
        } while (poll(&input, 1, std::stoi(words[2])) == 0);
        print({{"renewals", renewals},
               {"failures", failures},
               {"worst_ms", worst_ms},
               {"longest_gap_ms", longest_gap_ms}});
    }

    Gate& gate_;
};

Gate::Choice choice_of(const std::string& text) {
    if (text == "bpf") return Gate::Choice::bpf;
    if (text == "nftables") return Gate::Choice::nftables;
    return Gate::Choice::automatic;
}

}  // namespace

/// Usage: gate_main automatic|bpf|nftables|remove_all
int main(int count, char** arguments) {
    std::ios::sync_with_stdio(false);
    std::cin.rdbuf()->pubsetbuf(nullptr, 0);  // poll() is to see what has not been read
    if (count != 2) return 2;
    if (std::string(arguments[1]) == "remove_all") {
        const auto removed = Gate::remove_all();
        print(removed ? json{{"done", true}} : json{{"error", removed.error().message}});
        return removed ? 0 : 1;
    }
    auto gate = Gate::open({.choice = choice_of(arguments[1])},
                           {.on_log = [](std::string level, std::string message) {
                               print({{"log", level}, {"message", message}});
                           }});
    if (!gate) {
        print({{"error", gate.error().message}, {"code", static_cast<int>(gate.error().code)}});
        return 1;
    }
    print({{"opened", to_string((*gate)->describe().kind)}});
    Commands commands(**gate);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream stream(line);
        Words words;
        for (std::string word; stream >> word;) words.push_back(word);
        if (!words.empty() && !commands.perform(words)) break;
    }
    return 0;
}
