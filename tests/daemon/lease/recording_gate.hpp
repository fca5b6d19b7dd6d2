#pragma once
#include <map>
#include <string>
#include <vector>

#include "daemon/lease/lease_gate.hpp"

namespace trivet::daemon::test {

/// What the kernel would have after each call, and the calls themselves as text.
class RecordingGate final : public LeaseGate {
public:
    bool set_deadlines(std::span<const GateGroupDeadlines> batch) noexcept override {
        if (refuses_deadlines) return false;
        for (const auto& [group, set] : batch) deadlines[group] = set;
        ++deadline_calls;
        return true;
    }
    bool set_vips(std::span<const VipGroup> vips) noexcept override {
        if (refuses_vips) return false;
        for (const auto& [address, group] : vips) {
            calls.push_back(address.to_string() + " -> " + name(group));
            groups[address] = group;
        }
        return true;
    }
    bool erase_vips(std::span<const IpAddress> addresses) noexcept override {
        for (const IpAddress address : addresses) {
            calls.push_back("erase " + address.to_string());
            groups.erase(address);
        }
        return true;
    }

    static std::string name(GateGroup group) {
        return group >= linger_group_first ? "linger" : std::to_string(group);
    }
    bool announces(IpAddress address, Instant now) const {
        return of(address).announce_until > now;
    }
    bool accepts(IpAddress address, Instant now) const { return of(address).accept_until > now; }
    GateDeadlines of(IpAddress address) const {
        const auto group = groups.find(address);
        if (group == groups.end()) return {};
        const auto found = deadlines.find(group->second);
        return found == deadlines.end() ? GateDeadlines{} : found->second;
    }

    std::map<GateGroup, GateDeadlines> deadlines;
    std::map<IpAddress, GateGroup> groups;
    std::vector<std::string> calls;  // about addresses
    std::size_t deadline_calls = 0;
    bool refuses_deadlines = false, refuses_vips = false;
};

}  // namespace trivet::daemon::test
