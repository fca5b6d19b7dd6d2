// Runs a BfdService by itself for the system tests. Commands come as lines on standard input:
//   session NAME REMOTE [local=ADDRESS] [if=NAME] [multihop] [tx=MS] [rx=MS] [multiplier=N]
//           [echo=MS] [passive] [ttl=N] [auth=TYPE:KEY_ID:SECRET] [admin_down]
//                   into the set of sessions, or instead of the one of that name
//   remove NAME
//   apply           gives the set to the service
//   status
//   stop
// TYPE is the number of RFC 5880 section 4.1. The end of input stops it too. It prints one JSON
// object a line: up and down (with the time of CLOCK_MONOTONIC in ns), log, status, error, stopped.
#include <chrono>
#include <iostream>
#include <iterator>
#include <mutex>
#include <sstream>

#include <nlohmann/json.hpp>

#include "announce/bfd/bfd_service.hpp"

namespace {

using namespace trivet::announce::bfd;
using trivet::BfdSettings;
using trivet::IpAddress;

void print(const nlohmann::json& line) {
    static std::mutex mutex;  // the service's thread prints too
    const std::scoped_lock lock(mutex);
    std::cout << line.dump() << std::endl;
}

std::int64_t monotonic_ns() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void print_event(const std::string& name, const SessionEvent& event) {
    print({{event.is_up ? "up" : "down", name},
           {"diagnostic", to_string(event.diagnostic)},
           {"remote_admin_down", event.is_remote_admin_down},
           {"at", monotonic_ns()}});
}

template <class Counts>
nlohmann::json discarded(const Counts& counts) {
    nlohmann::json object = nlohmann::json::object();
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] != 0) object[std::string(to_string(static_cast<Discard>(i)))] = counts[i];
    return object;
}

nlohmann::json described(const SessionStatus& status) {
    const BfdStatus& session = status.session;
    const BfdCounters& counters = session.counters;
    return {{"state", to_string(session.state)},
            {"diagnostic", to_string(session.diagnostic)},
            {"remote_state", to_string(session.remote_state)},
            {"remote_diagnostic", to_string(session.remote_diagnostic)},
            {"remote_multiplier", session.remote_multiplier},
            {"is_polling", session.is_polling},
            {"transmit_interval_us", session.transmit_interval.count()},
            {"detection_time_us", session.detection_time.count()},
            {"echo", to_string(session.echo)},
            {"control_sent", counters.control_sent},
            {"control_received", counters.control_received},
            {"echo_sent", counters.echo_sent},
            {"echo_received", counters.echo_received},
            {"echo_returned", counters.echo_returned},
            {"down_transitions", counters.down_transitions},
            {"discarded", discarded(counters.discarded)},
            {"send_errors", status.send_errors},
            {"problem", status.problem}};
}

void print_status(const BfdService& service) {
    const ServiceStatus status = service.status();
    nlohmann::json sessions = nlohmann::json::object();
    for (const auto& [name, session] : status.sessions) sessions[name] = described(session);
    print({{"status", sessions},
           {"is_realtime", status.is_realtime},
           {"received", status.received.received},
           {"discarded", discarded(status.received.discarded)},
           {"echo_discarded", status.received.echo_discarded},
           {"late_wakeups", status.late_wakeups},
           {"worst_lateness_ns", status.worst_lateness.count()}});
}

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
    std::istringstream stream(line);
    return {std::istream_iterator<std::string>(stream), {}};
}

AuthenticationKey key_of(const std::string& text) {
    const auto first = text.find(':'), second = text.find(':', first + 1);
    return {.type = static_cast<AuthenticationType>(std::stoi(text.substr(0, first))),
            .key_id = static_cast<std::uint8_t>(std::stoi(text.substr(first + 1))),
            .secret = text.substr(second + 1)};
}

void set(SessionConfig& config, const std::string& word) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    const auto number = [&value] { return std::stoi(value); };
    const auto milliseconds = [&number] { return std::chrono::milliseconds{number()}; };
    BfdSettings& settings = config.settings;
    if (name == "local") {
        config.local = IpAddress::parse(value).value();
    } else if (name == "if") {
        config.interface = value;
    } else if (name == "multihop") {
        config.multihop = true;
    } else if (name == "tx") {
        settings.transmit_interval = milliseconds();
    } else if (name == "rx") {
        settings.receive_interval = milliseconds();
    } else if (name == "multiplier") {
        settings.detect_multiplier = static_cast<std::uint8_t>(number());
    } else if (name == "echo") {
        settings.echo_interval = milliseconds();
    } else if (name == "passive") {
        settings.passive = true;
    } else if (name == "ttl") {
        settings.minimum_ttl = static_cast<std::uint8_t>(number());
    } else if (name == "auth") {
        config.authentication = key_of(value);
    } else if (name == "admin_down") {
        config.admin_down = true;
    } else {
        throw std::runtime_error("unknown word: " + word);
    }
}

/// false: stop.
bool perform(BfdService& service, SessionConfigs& sessions, const Words& words) {
    if (words[0] == "stop") return false;
    if (words[0] == "status") {
        print_status(service);
    } else if (words[0] == "remove") {
        sessions.erase(words.at(1));
    } else if (words[0] == "session") {
        SessionConfig config{.remote = IpAddress::parse(words.at(2)).value()};
        for (std::size_t i = 3; i < words.size(); ++i) set(config, words[i]);
        sessions.insert_or_assign(words.at(1), config);
    } else if (words[0] == "apply") {
        if (const auto taken = service.set_sessions(sessions); !taken)
            print({{"error", taken.error().message}});
    } else {
        throw std::runtime_error("unknown command: " + words[0]);
    }
    return true;
}

}  // namespace

int main() {
    auto service =
        BfdService::start({}, {.on_state = print_event,
                               .on_log = [](const std::string& level, const std::string& message) {
                                   print({{"log", level}, {"message", message}});
                               }});
    if (!service) {
        print({{"error", service.error().message}});
        return 1;
    }
    print({{"started", true}});
    SessionConfigs sessions;
    try {
        for (std::string line; std::getline(std::cin, line);) {
            const Words words = words_of(line);
            if (!words.empty() && !perform(**service, sessions, words)) break;
        }
    } catch (const std::exception& problem) {
        std::cerr << problem.what() << "\n";
        return 2;
    }
    (*service)->stop();
    print({{"stopped", true}});
}
