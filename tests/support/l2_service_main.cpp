// Runs an L2Service by itself for the system tests. Commands come as lines on standard input:
//   add ADDRESS [bind] [if=NAME]... [group=N] [planned|take_over]
//                                     into the plan; by default of group 1, taken over in the first
//                                     plan and planned later
//   many ADDRESS COUNT [bind] ...     as `add`, for so many addresses from this one on
//   del ADDRESS
//   plan                              the `add` lines before the first one are the first plan
//   lease N open|closed ...           groups opened or closed, in one call
//   quiet                             prints no status from here on: ten thousand lines take time
//   interfaces [NAME]...
//   counters
//   stop
// Group 1 is open at first. The end of input stops it too. It prints one JSON object a line:
// status, log, counters, seen, lease (with the time of the call), event.
#include <atomic>
#include <chrono>
#include <iostream>
#include <mutex>
#include <sstream>

#include <nlohmann/json.hpp>

#include "announce/l2_service.hpp"

namespace {

using trivet::IpAddress;
using trivet::announce::ClaimKind;
using trivet::announce::GroupState;
using trivet::announce::L2Phase;
using trivet::announce::L2Service;
using trivet::announce::L2Status;
using trivet::announce::LeasedTarget;

std::string phase_name(L2Phase phase) {
    switch (phase) {
        case L2Phase::no_interface:
            return "no_interface";
        case L2Phase::standby:
            return "standby";
        case L2Phase::probing:
            return "probing";
        case L2Phase::announced:
            return "announced";
        case L2Phase::conflict:
            return "conflict";
    }
    return "";
}

void print(const nlohmann::json& line) {
    static std::mutex mutex;  // the service's thread prints too
    const std::scoped_lock lock(mutex);
    std::cout << line.dump() << std::endl;
}

std::atomic<bool> is_quiet = false;

void print_status(IpAddress address, const L2Status& status) {
    if (is_quiet) return;
    nlohmann::json line{{"status", address.to_string()},
                        {"phase", phase_name(status.phase)},
                        {"interfaces", status.interfaces},
                        {"message", status.message}};
    if (status.conflict_mac) line["conflict_mac"] = status.conflict_mac->to_string();
    print(line);
}

void print_counters(const L2Service& service) {
    const auto counters = service.counters();
    print({{"counters",
            {{"arp_received", counters.arp_received},
             {"arp_sent", counters.arp_sent},
             {"ndp_received", counters.ndp_received},
             {"ndp_sent", counters.ndp_sent},
             {"malformed", counters.malformed},
             {"conflicts", counters.conflicts},
             {"send_errors", counters.send_errors},
             {"kernel_drops", counters.kernel_drops}}}});
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

LeasedTarget target_of(const std::vector<std::string>& words, ClaimKind first_claim) {
    LeasedTarget leased{.group = 1, .first_claim = first_claim};
    for (const std::string& word : words) {
        if (word == "bind") leased.target.delivery = trivet::Delivery::bind;
        if (word == "planned") leased.first_claim = ClaimKind::planned;
        if (word == "take_over") leased.first_claim = ClaimKind::take_over;
        if (word.starts_with("if=")) leased.target.interfaces.push_back(word.substr(3));
        if (word.starts_with("group="))
            leased.group = static_cast<trivet::announce::LeaseGroup>(std::stoul(word.substr(6)));
    }
    return leased;
}

std::int64_t wall_clock_ns() {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Feeds the lines of standard input to the service; returns false at a line it does not know.
class Commands {
public:
    explicit Commands(L2Service& service) : service_(service) {}

    bool run() {
        for (std::string line; std::getline(std::cin, line);) {
            const std::vector<std::string> words = words_of(line);
            if (words.empty()) continue;
            if (words[0] == "stop") return true;
            if (!perform(words)) {
                std::cerr << "unknown command: " << line << "\n";
                return false;
            }
        }
        return true;
    }

private:
    bool perform(const std::vector<std::string>& words) {
        if (words[0] == "plan") {
            service_.set_plan(std::exchange(first_plan_, {}));
            planned_ = true;
            return true;
        }
        if (words[0] == "quiet") {
            is_quiet = true;
            return true;
        }
        if (words[0] == "lease") {
            lease(words);
            return true;
        }
        if (words[0] == "interfaces") {
            service_.set_interfaces({words.begin() + 1, words.end()});
            return true;
        }
        if (words[0] == "counters") {
            print_counters(service_);
            return true;
        }
        const bool is_many = words[0] == "many";
        if ((words[0] != "add" && words[0] != "del" && !is_many) || words.size() < 2) return false;
        const auto address = IpAddress::parse(words[1]);
        if (!address) return false;
        change(*address, is_many ? std::stoul(words.at(2)) : 1, words);
        return true;
    }

    void change(IpAddress address, std::size_t count, const std::vector<std::string>& words) {
        const auto first_claim = planned_ ? ClaimKind::planned : ClaimKind::take_over;
        std::optional<LeasedTarget> target;
        if (words[0] != "del") target = target_of(words, first_claim);
        std::map<IpAddress, std::optional<LeasedTarget>> changes;
        for (std::size_t i = 0; i < count; ++i, address = address.next()) {
            changes[address] = target;
            if (!planned_ && target) first_plan_[address] = *target;
        }
        if (planned_ || !target) service_.update(std::move(changes));
    }

    void lease(const std::vector<std::string>& words) {
        std::vector<GroupState> states;
        for (std::size_t i = 1; i + 1 < words.size(); i += 2)
            states.push_back({.group = static_cast<std::uint32_t>(std::stoul(words[i])),
                              .open = words[i + 1] == "open"});
        print({{"lease", wall_clock_ns()}});
        service_.on_lease(std::move(states));
    }

    L2Service& service_;
    std::map<IpAddress, LeasedTarget> first_plan_;
    bool planned_ = false;
};

}  // namespace

/// Usage: l2_service_main STATE_DIR [INTERFACE]...
int main(int count, char** arguments) {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.empty()) return 2;
    auto service = L2Service::start(
        {.interfaces = {words.begin() + 1, words.end()}, .state_dir = words[0]},
        {.on_status = print_status,
         .on_log = [](std::string level,
                      std::string message) { print({{"log", level}, {"message", message}}); },
         .on_seen =
             [](IpAddress address, trivet::MacAddress mac, trivet::Instant) {
                 print({{"seen", address.to_string()}, {"mac", mac.to_string()}});
             }});
    if (!service) {
        print({{"event", "failed"}, {"message", service.error().message}});
        return 1;
    }
    (*service)->on_lease({{.group = 1, .open = true}});
    print({{"event", "started"}});
    const bool understood = Commands(**service).run();
    (*service)->stop();
    print_counters(**service);
    print({{"event", "stopped"}});
    return understood ? 0 : 2;
}
