// Runs an L2Service by itself for the system tests. Commands come as lines on standard input:
//   add ADDRESS [bind] [if=NAME]...   into the plan
//   del ADDRESS
//   plan                              the `add` lines before the first one are the first plan
//   interfaces [NAME]...
//   counters
//   stop
// The end of input stops it too. It prints one JSON object a line: status, log, counters, event.
#include <iostream>
#include <mutex>
#include <sstream>

#include <nlohmann/json.hpp>

#include "announce/l2_service.hpp"

namespace {

using trivet::IpAddress;
using trivet::L2Target;
using trivet::announce::L2Phase;
using trivet::announce::L2Service;
using trivet::announce::L2Status;

std::string phase_name(L2Phase phase) {
    switch (phase) {
        case L2Phase::no_interface:
            return "no_interface";
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

void print_status(IpAddress address, const L2Status& status) {
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

L2Target target_of(const std::vector<std::string>& words) {
    L2Target target;
    for (std::size_t i = 2; i < words.size(); ++i) {
        if (words[i] == "bind") target.delivery = trivet::Delivery::bind;
        if (words[i].starts_with("if=")) target.interfaces.push_back(words[i].substr(3));
    }
    return target;
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
        if (words[0] == "interfaces") {
            service_.set_interfaces({words.begin() + 1, words.end()});
            return true;
        }
        if (words[0] == "counters") {
            print_counters(service_);
            return true;
        }
        if ((words[0] != "add" && words[0] != "del") || words.size() < 2) return false;
        const auto address = IpAddress::parse(words[1]);
        if (!address) return false;
        if (words[0] == "del")
            service_.update({{*address, std::nullopt}});
        else if (planned_)
            service_.update({{*address, target_of(words)}});
        else
            first_plan_[*address] = target_of(words);
        return true;
    }

    L2Service& service_;
    std::map<IpAddress, L2Target> first_plan_;
    bool planned_ = false;
};

}  // namespace

/// Usage: l2_service_main STATE_DIR [INTERFACE]...
int main(int count, char** arguments) {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.empty()) return 2;
    auto service = L2Service::start(
        {.interfaces = {words.begin() + 1, words.end()}, .state_dir = words[0]},
        {.on_status = print_status, .on_log = [](std::string level, std::string message) {
             print({{"log", level}, {"message", message}});
         }});
    if (!service) {
        print({{"event", "failed"}, {"message", service.error().message}});
        return 1;
    }
    print({{"event", "started"}});
    const bool understood = Commands(**service).run();
    (*service)->stop();
    print_counters(**service);
    print({{"event", "stopped"}});
    return understood ? 0 : 2;
}
