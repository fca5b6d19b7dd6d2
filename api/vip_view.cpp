#include "api/vip_view.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "api/bgp_view.hpp"
#include "api/event_view.hpp"
#include "api/turn.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

constexpr std::size_t counted_per_turn = 512;  // some microseconds each

void judge(AddressView& view, const Control& control) {
    const std::string& this_node = control.node();
    if (view.placement.owner.empty()) {
        view.reason = view.placement.reason;
        return;
    }
    view.is_here = view.placement.owner == this_node;
    if (view.reported && (!view.is_here || view.reported->node != this_node)) {
        const Trouble& trouble = view.reported->trouble;
        if (trouble.kind == TroubleKind::conflict) view.phase = Phase::conflict;
        view.reason = fmt::format("{} (so says node '{}')", trouble.message, view.reported->node);
        return;
    }
    if (!view.is_here) {  // its owner tells when something is wrong
        view.phase = Phase::announced;
        return;
    }
    if (!view.runtime) {
        view.reason = "this node has just become its owner";
        return;
    }
    if (view.runtime->phase == "standby") {
        view.reason =
            "this node owns it and does not hold its lease: a majority of the voters must answer, "
            "see 'lbctl doctor'";
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
    out["epoch"] = view.epoch;
    out["interfaces"] = view.runtime ? json(view.runtime->interfaces) : json::array();
    if (view.runtime && view.runtime->conflict_mac)
        out["conflict_mac"] = view.runtime->conflict_mac->to_string();
    else if (view.reported && view.reported->trouble.mac)
        out["conflict_mac"] = view.reported->trouble.mac->to_string();
    return out;
}

/// Every node and how it stands to an address, candidates first.
json standings_json(const std::vector<Standing>& standings) {
    json nodes = json::array();
    for (const Standing& standing : standings) {
        nodes.push_back({{"node", standing.node},
                         {"owner", standing.is_owner},
                         {"place", standing.place ? json(*standing.place) : json()},
                         {"reason", standing.reason}});
    }
    return nodes;
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
std::string announcing_sentence(const PoolAdvertisements& by, const Pool& pool) {
    if (by.l2.empty() && by.bgp.empty())
        return fmt::format(
            "No advertisement selects pool '{}': it is announced by layer 2 on every "
            "suitable interface.",
            pool.name);
    if (by.l2.empty())
        return fmt::format("Pool '{}' is announced by BGP alone (bgp-advertisement {}).", pool.name,
                           listed(by.bgp));
    if (by.bgp.empty())
        return fmt::format("Pool '{}' is announced by layer 2 (l2-advertisement {}).", pool.name,
                           listed(by.l2));
    return fmt::format(
        "Pool '{}' is announced by layer 2 (l2-advertisement {}) and by BGP (bgp-advertisement "
        "{}).",
        pool.name, listed(by.l2), listed(by.bgp));
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
    if (view.phase == Phase::announced && view.is_here)
        sentences.push_back(
            fmt::format("It is announced on {}.", fmt::join(view.runtime->interfaces, ", ")));
    else if (view.phase == Phase::announced)
        sentences.push_back(
            fmt::format("Node '{}' reports nothing wrong with it.", view.placement.owner));
    else
        sentences.push_back(fmt::format(
            "It is {}: {}.", view.phase == Phase::conflict ? "in conflict" : "not announced",
            view.reason));
}

void explain_nodes(const std::vector<Standing>& standings, std::vector<std::string>& sentences) {
    for (const Standing& standing : standings) {
        if (standing.is_owner || standing.reason.empty()) continue;
        sentences.push_back(
            standing.place
                ? fmt::format("Node '{}', candidate {}, cannot own it now: {}.", standing.node,
                              *standing.place, standing.reason)
                : fmt::format("Node '{}' is no candidate: {}.", standing.node, standing.reason));
    }
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
        PoolAdvertisements by;
        if (pool != state.pools().end()) {
            by = advertisements_of(state, pool->second.object);
            if (pools.insert(part.pool).second)
                sentences.push_back(announcing_sentence(by, pool->second.object));
        }
        if (by.announced_by_l2()) {
            explain_address(part, sentences);
            explain_nodes(explain(state, part.address), sentences);
        }
        if (!by.bgp.empty())
            std::ranges::move(announcement_sentences(state, part.address),
                              std::back_inserter(sentences));
    }
    return sentences;
}

/// How its present owner came to it. Null: that is longer ago than the events reach back.
const Event* last_move(const std::vector<Event>& events) {
    const auto found = std::find_if(events.rbegin(), events.rend(), [](const Event& event) {
        return event.type == "vip_moved" || event.type == "vip_assigned";
    });
    return found == events.rend() ? nullptr : &*found;
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

std::string VipViewer::member_address(const std::string& node) {
    if (!member_addresses_) {
        member_addresses_.emplace();
        for (const MemberView& member : control_.cluster_view().members)
            member_addresses_->insert_or_assign(member.node, member.address);
    }
    const auto found = member_addresses_->find(node);
    return found == member_addresses_->end() ? "" : found->second;
}

void VipViewer::judge_bgp(AddressView& view) {
    if (!reach_) reach_.emplace(control_.state());
    if (reach_->is_announced(view.address))
        view.phase = Phase::announced;
    else
        view.reason = fmt::format(
            "it is announced by BGP, and no node has an established session with a peer that it "
            "would tell of {}: see 'lbctl bgp-peer list' and 'lbctl vip explain'",
            view.address.to_string());
}

AddressView VipViewer::look_at(IpAddress address) {
    const ClusterState& state = control_.state();
    AddressView view;
    view.address = address;
    if (const Pool* pool = state.pool_of(address)) view.pool = pool->name;
    view.placement = placer_.place(address);
    view.runtime = control_.address_runtime(address);
    view.reported = trouble_of(state, address);
    if (const auto* owner = state.lease_plan().find(state.node_id(view.placement.owner)))
        view.epoch = owner->epoch.value();
    if (view.placement.by_bgp_alone)
        judge_bgp(view);
    else
        judge(view, control_);
    return view;
}

VipView VipViewer::look_at(const VipRecord& record) {
    VipView view;
    view.reason = control_.state().why_pending(record);
    if (record.pending()) return view;
    view.phase = Phase::announced;
    for (const IpAddress address : record.assigned) {
        AddressView part = look_at(address);
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

boost::asio::awaitable<PhaseCounts> count_phases(Control& control) {
    PhaseCounts count{
        {Phase::pending, 0}, {Phase::assigned, 0}, {Phase::announced, 0}, {Phase::conflict, 0}};
    std::optional<ObjectKey> after;
    for (;;) {
        const auto& vips = control.state().vips();
        auto at = after ? vips.upper_bound(*after) : vips.begin();
        VipViewer viewer(control);
        for (std::size_t i = 0; i < counted_per_turn && at != vips.end(); ++i, ++at) {
            ++count[viewer.look_at(at->second).phase];
            after = at->first;
        }
        if (at == vips.end()) co_return count;
        co_await turn(control);
    }
}

json vip_json(VipViewer& viewer, const VipRecord& record) {
    json out = to_json(Object(record.vip));
    out["revision"] = record.revision;
    out["status"] = status_json(viewer.look_at(record));
    return out;
}

json vip_explanation(const Control& control, const VipRecord& record,
                     const std::vector<Event>& events) {
    const ClusterState& state = control.state();
    const VipView view = VipViewer(control).look_at(record);
    json out{{"name", record.vip.name},
             {"namespace", record.vip.name_space},
             {"phase", to_string(view.phase)},
             {"reason", view.reason},
             {"sentences", sentences_about(state, record, view)}};
    if (const Event* last = last_move(events)) {
        out["sentences"].push_back(
            fmt::format("It has this owner since {}: {}.", time_text(last->at), last->message));
        out["since"] = time_text(last->at);
        out["cause"] = last->message;
    }
    json& history = out["events"] = json::array();
    for (const Event& event : events) history.push_back(event_json(event));
    json& addresses = out["addresses"] = json::array();
    for (const AddressView& part : view.addresses) {
        addresses.push_back(address_json(part));
        addresses.back()["nodes"] = standings_json(explain(state, part.address));
        const auto pool = state.pools().find(part.pool);
        if (pool == state.pools().end()) continue;
        const auto by = advertisements_of(state, pool->second.object);
        addresses.back()["l2_advertisements"] = by.l2;
        addresses.back()["bgp_advertisements"] = by.bgp;
        addresses.back()["bgp_routes"] = announcements_json(state, part.address);
    }
    return out;
}

}  // namespace trivet::api
