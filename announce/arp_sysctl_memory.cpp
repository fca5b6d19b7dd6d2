#include "announce/arp_sysctl_memory.hpp"

#include <nlohmann/json.hpp>

namespace trivet::announce {

namespace {

constexpr int format = 1;
constexpr int nesting_max = 4;  // nlohmann_json recurses as deep as a damaged file says

}  // namespace

std::string_view to_string(ArpSysctl setting) {
    switch (setting) {
        case ArpSysctl::arp_ignore:
            return "arp_ignore";
        case ArpSysctl::arp_announce:
            return "arp_announce";
    }
    return "";
}

int wanted_value(ArpSysctl setting) { return setting == ArpSysctl::arp_ignore ? 1 : 2; }

bool keeps_quiet(ArpSysctl setting, int effective_value) {
    // Linux, Documentation/networking/ip-sysctl.rst. For arp_ignore 3 it matters that the address
    // has scope host, which 3 exempts.
    if (setting == ArpSysctl::arp_announce) return effective_value == 2;
    return effective_value == 1 || effective_value == 2 || effective_value == 3 ||
           effective_value == 8;
}

std::string ArpSysctlMemory::encode() const {
    nlohmann::json changed = nlohmann::json::object();
    for (const auto& [setting, change] : changes)
        changed[std::string(to_string(setting))] = {{"before", change.before},
                                                    {"ours", change.ours}};
    return nlohmann::json{{"format", format}, {"boot_id", boot_id}, {"changes", changed}}.dump(2) +
           "\n";
}

Result<ArpSysctlMemory> ArpSysctlMemory::decode(std::string_view text) {
    const auto limit_depth = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
        return depth <= nesting_max;
    };
    const auto damaged = fail(ErrorCode::corrupt, "the record of changed ARP settings is damaged");
    try {
        const nlohmann::json json = nlohmann::json::parse(text, limit_depth);
        if (json.at("format").get<int>() != format) return damaged;
        ArpSysctlMemory memory{.boot_id = json.at("boot_id").get<std::string>(), .changes = {}};
        for (const ArpSysctl setting : {ArpSysctl::arp_ignore, ArpSysctl::arp_announce}) {
            const auto found = json.at("changes").find(std::string(to_string(setting)));
            if (found == json.at("changes").end()) continue;
            memory.changes[setting] = {.before = found->at("before").get<int>(),
                                       .ours = found->at("ours").get<int>()};
        }
        return memory;
    } catch (const nlohmann::json::exception&) {
        return damaged;
    }
}

}  // namespace trivet::announce
