#include "api/vip_view.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

void judge(AddressView& view) {
    if (view.placement.owner.empty()) {
        view.reason = view.placement.reason;
        return;
    }
    if (!view.runtime) {
        view.reason = fmt::format("node '{}' has not reported it announced", view.placement.owner);
        return;
    }
    if (view.runtime->phase == "announced") {
        view.phase = Phase::announced;
        return;
    }
    view.reason = view.runtime->message;
    if (view.runtime->phase == "conflict") {
        view.phase = Phase::conflict;
        if (view.reason.empty())
            view.reason = view.runtime->conflict_mac
                              ? "the machine with the MAC address " +
                                    view.runtime->conflict_mac->to_string() + " uses it too"
                              : "another machine uses it too";
    } else if (view.reason.empty()) {
        view.reason = view.runtime->phase == "probing"
                          ? "being probed, whether another machine uses it"
                          : "no interface of the owner has a subnet that holds it";
    }
}

AddressView look_at(const Control& control, IpAddress address) {
    AddressView view;
    view.address = address;
    if (const Pool* pool = control.state().pool_of(address)) view.pool = pool->name;
    view.placement = place(control.state(), address);
    const lease::Plan& plan = control.state().lease_plan();
    if (const auto* owner = plan.find(plan.owner(address))) view.epoch = owner->epoch.value();
    view.runtime = control.address_runtime(address);
    judge(view);
    return view;
}

/// A whole is as bad as its worst part.
Phase worse(Phase a, Phase b) {
    for (const Phase phase : {Phase::conflict, Phase::pending, Phase::assigned})
        if (a == phase || b == phase) return phase;
    return Phase::announced;
}

json address_json(const AddressView& view) {
    json out{{"address", view.address.to_string()}, {"pool", view.pool},
             {"phase", to_string(view.phase)},      {"owner", view.placement.owner},
             {"standbys", view.placement.standbys}, {"reason", view.reason}};
    out["interfaces"] = view.runtime ? json(view.runtime->interfaces) : json::array();
    if (view.runtime && view.runtime->conflict_mac)
        out["conflict_mac"] = view.runtime->conflict_mac->to_string();
    return out;
}

json status_json(const VipView& view) {
    json status{{"phase", to_string(view.phase)}, {"reason", view.reason}};
    json addresses = json::array();
    std::set<std::string> interfaces;
    for (const AddressView& part : view.addresses) {
        addresses.push_back(part.address.to_string());
        if (part.runtime)
            interfaces.insert(part.runtime->interfaces.begin(), part.runtime->interfaces.end());
    }
    status["addresses"] = std::move(addresses);
    status["interfaces"] = interfaces;
    const bool placed = !view.addresses.empty();
    status["pool"] = placed ? view.addresses.front().pool : "";
    status["owner"] = placed ? view.addresses.front().placement.owner : "";
    status["standbys"] = placed ? json(view.addresses.front().placement.standbys) : json::array();
    status["epoch"] = placed ? view.addresses.front().epoch : 0;
    return status;
}

std::string listed(const std::vector<std::string>& names) {
    return fmt::format("'{}'", fmt::join(names, "', '"));
}

/// How the addresses of `pool` are announced, as a sentence.
std::string announcing_sentence(const ClusterState& state, const Pool& pool) {
    const auto by = advertisements_of(state, pool);
    if (by.l2.empty() && by.bgp.empty())
        return fmt::format(
            "No advertisement selects pool '{}': it is announced by layer 2 on every "
            "suitable interface.",
            pool.name);
    if (by.l2.empty())
        return fmt::format(
            "Pool '{}' is announced by BGP alone (bgp-advertisement {}), which this "
            "version does not speak.",
            pool.name, listed(by.bgp));
    return fmt::format("Pool '{}' is announced by layer 2 (l2-advertisement {}).", pool.name,
                       listed(by.l2));
}

void explain_address(const AddressView& view, std::vector<std::string>& sentences) {
    const auto address = view.address.to_string();
    if (view.placement.owner.empty()) {
        sentences.push_back(
            fmt::format("No node announces {}: {}.", address, view.placement.reason));
        return;
    }
    sentences.push_back(
        view.placement.standbys.empty()
            ? fmt::format("Node '{}' owns {}; there is no standby.", view.placement.owner, address)
            : fmt::format("Node '{}' owns {}; then come {}.", view.placement.owner, address,
                          listed(view.placement.standbys)));
    if (view.phase == Phase::announced)
        sentences.push_back(
            fmt::format("It is announced on {}.", fmt::join(view.runtime->interfaces, ", ")));
    else
        sentences.push_back(fmt::format(
            "It is {}: {}.", view.phase == Phase::conflict ? "in conflict" : "not announced",
            view.reason));
}

std::vector<std::string> sentences_about(const ClusterState& state, const VipRecord& record,
                                         const VipView& view) {
    std::vector<std::string> sentences;
    const Vip& vip = record.vip;
    std::vector<std::string> wanted;
    for (const IpAddress address : vip.addresses) wanted.push_back(address.to_string());
    const auto source =
        vip.pool.empty() ? std::string("any pool that fits") : fmt::format("pool '{}'", vip.pool);
    sentences.push_back(wanted.empty()
                            ? fmt::format("VIP '{}/{}' asks for an address from {}.",
                                          vip.name_space, vip.name, source)
                            : fmt::format("VIP '{}/{}' asks for {} from {}.", vip.name_space,
                                          vip.name, fmt::join(wanted, ", "), source));
    if (!record.pending_reason.empty())
        sentences.push_back(fmt::format("It waits for {}: {}.",
                                        view.addresses.empty() ? "an address" : "another address",
                                        state.why_pending(record)));
    std::set<std::string> pools;
    for (const AddressView& part : view.addresses) {
        sentences.push_back(
            fmt::format("It holds {} of pool '{}'.", part.address.to_string(), part.pool));
        const auto pool = state.pools().find(part.pool);
        if (pool != state.pools().end() && pools.insert(part.pool).second)
            sentences.push_back(announcing_sentence(state, pool->second.object));
        explain_address(part, sentences);
    }
    return sentences;
}

}  // namespace

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::pending:
            return "pending";
        case Phase::assigned:
            return "assigned";
        case Phase::announced:
            return "announced";
        case Phase::conflict:
            return "conflict";
    }
    return "pending";
}

VipView look_at(const Control& control, const VipRecord& record) {
    VipView view;
    view.reason = control.state().why_pending(record);
    if (record.pending()) return view;
    view.phase = Phase::announced;
    for (const IpAddress address : record.assigned) {
        AddressView part = look_at(control, address);
        view.phase = worse(view.phase, part.phase);
        if (!part.reason.empty()) {
            if (!view.reason.empty()) view.reason += "; ";
            if (record.assigned.size() > 1) view.reason += address.to_string() + ": ";
            view.reason += part.reason;
        }
        view.addresses.push_back(std::move(part));
    }
    return view;
}

json vip_json(const Control& control, const VipRecord& record) {
    json out = to_json(Object(record.vip));
    out["revision"] = record.revision;
    out["status"] = status_json(look_at(control, record));
    return out;
}

json vip_explanation(const Control& control, const VipRecord& record) {
    const ClusterState& state = control.state();
    const VipView view = look_at(control, record);
    json out{{"name", record.vip.name},
             {"namespace", record.vip.name_space},
             {"phase", to_string(view.phase)},
             {"reason", view.reason},
             {"sentences", sentences_about(state, record, view)}};
    json& addresses = out["addresses"] = json::array();
    for (const AddressView& part : view.addresses) {
        addresses.push_back(address_json(part));
        const auto pool = state.pools().find(part.pool);
        if (pool == state.pools().end()) continue;
        const auto by = advertisements_of(state, pool->second.object);
        addresses.back()["l2_advertisements"] = by.l2;
        addresses.back()["bgp_advertisements"] = by.bgp;
    }
    return out;
}

}  // namespace trivet::api
