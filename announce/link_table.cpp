#include "announce/link_table.hpp"

#include <algorithm>
#include <set>

#include <linux/if_arp.h>

namespace trivet::announce {

namespace {

bool is_up(const LinkSeen& seen) { return seen.enabled && seen.carrier; }

}  // namespace

void LinkTable::on_event(const LinkEvent& event) {
    std::visit([this](const auto& one) { take(one); }, event);
}

void LinkTable::end_resync() {
    std::vector<LinkIndex> unseen;
    for (auto& [index, link] : links_) {
        if (link.round != round_) unseen.push_back(index);
        const auto lost = std::erase_if(
            link.addresses, [&](const auto& entry) { return entry.second.round != round_; });
        if (lost != 0) ++foreign_revision_;
    }
    for (const LinkIndex index : unseen) take(LinkGone{index});
}

void LinkTable::take(const LinkSeen& seen) {
    Link& link = links_[seen.index];
    const bool went_down = link.told && link.told->up && !is_up(seen);
    if (seen.peers_moved || went_down) link.reannounce = true;
    if (link.seen.name != seen.name) ++foreign_revision_;
    link.seen = seen;
    link.round = round_;
}

void LinkTable::take(const LinkGone& gone) {
    const auto found = links_.find(gone.index);
    if (found == links_.end()) return;
    if (found->second.told)
        gone_.push_back({.index = gone.index, .name = found->second.told_name, .state = {}});
    links_.erase(found);
    ++foreign_revision_;
}

void LinkTable::take(const AddressSeen& seen) {
    Link& link = links_[seen.index];
    const auto [entry, is_new] = link.addresses.try_emplace({seen.address, seen.subnet});
    if (is_new ? seen.protocol != config_.own_protocol : entry->second.protocol != seen.protocol)
        ++foreign_revision_;
    entry->second = {seen.protocol, round_};
}

void LinkTable::take(const AddressGone& gone) {
    const auto found = links_.find(gone.index);
    if (found == links_.end()) return;
    const auto entry = found->second.addresses.find({gone.address, gone.subnet});
    if (entry == found->second.addresses.end()) return;
    if (entry->second.protocol != config_.own_protocol) ++foreign_revision_;
    found->second.addresses.erase(entry);
}

void LinkTable::take(const ForwardingSeen& seen) {
    links_[seen.index].forwarding = seen.forwarding;
}

std::string LinkTable::why_unsuitable(const Link& link) const {
    const LinkSeen& seen = link.seen;
    if (seen.loopback) return "is the loopback interface";
    if (seen.hardware_type != ARPHRD_ETHER) return "is no Ethernet interface";
    if (!seen.mac || seen.mac->is_zero()) return "has no MAC address";
    // A VRF only chooses routing tables. Every other master (bridge, bond, team, Open vSwitch)
    // takes the frames: it, not its port, speaks on the network.
    if (seen.master != 0 && seen.slave_kind != "vrf") {
        const auto master = links_.find(seen.master);
        const std::string name = master == links_.end() || master->second.seen.name.empty()
                                     ? ""
                                     : " " + master->second.seen.name;
        return "is a port of the " + (seen.slave_kind.empty() ? "interface" : seen.slave_kind) +
               name;
    }
    if (!config_.only.empty() && std::ranges::find(config_.only, seen.name) == config_.only.end())
        return "is not in the list l2.interfaces of this node's configuration";
    return "";
}

std::optional<LinkState> LinkTable::state_of(const Link& link) const {
    if (link.seen.index == 0 || !why_unsuitable(link).empty()) return std::nullopt;
    LinkState state{.mac = *link.seen.mac,
                    .up = is_up(link.seen),
                    .subnets = {},
                    .addresses = {},
                    .forwarding = link.forwarding};
    for (const auto& [key, address] : link.addresses) {
        const auto& [own, subnet] = key;
        if (state.addresses.empty() || state.addresses.back() != own)
            state.addresses.push_back(own);
        if (subnet.length() < subnet.address().bits()) state.subnets.push_back(subnet);
    }
    std::ranges::sort(state.subnets);
    const auto [same, end] = std::ranges::unique(state.subnets);
    state.subnets.erase(same, end);
    std::set<MacAddress> siblings;
    for (const auto& [index, other] : links_)
        if (index != link.seen.index && other.seen.mac && *other.seen.mac != state.mac)
            siblings.insert(*other.seen.mac);
    state.sibling_macs.assign(siblings.begin(), siblings.end());
    return state;
}

std::vector<LinkChange> LinkTable::take_changes() {
    std::vector<LinkChange> changes = std::exchange(gone_, {});
    for (auto& [index, link] : links_) {
        std::optional<LinkState> state = state_of(link);
        const bool reannounce = std::exchange(link.reannounce, false) && state && state->up;
        if (state == link.told && link.seen.name == link.told_name && !reannounce) continue;
        const bool never_suitable = !link.told && !state;
        link.told = state;
        link.told_name = link.seen.name;
        if (never_suitable) continue;
        changes.push_back({.index = index,
                           .name = link.seen.name,
                           .state = std::move(state),
                           .reannounce = reannounce});
    }
    return changes;
}

std::vector<LinkFacts> LinkTable::facts() const {
    std::vector<LinkFacts> all;
    for (const auto& [index, link] : links_) {
        if (link.seen.index == 0) continue;  // only its addresses are known yet
        LinkFacts facts{.index = index,
                        .name = link.seen.name,
                        .unsuitable = why_unsuitable(link),
                        .down = {},
                        .subnets = {}};
        if (!link.seen.enabled)
            facts.down = "is switched off";
        else if (!link.seen.carrier)
            facts.down = "has no carrier";
        if (facts.unsuitable.empty()) facts.subnets = state_of(link)->subnets;
        all.push_back(std::move(facts));
    }
    return all;
}

std::vector<NodeInterface> LinkTable::usable(const std::set<LinkIndex>& except) const {
    std::vector<NodeInterface> interfaces;
    for (const auto& [index, link] : links_) {
        std::optional<LinkState> state = state_of(link);
        if (!state || !state->up || except.contains(index)) continue;
        std::erase_if(state->subnets,
                      [](const Prefix& subnet) { return subnet.address().is_link_local(); });
        interfaces.push_back(
            {.name = link.seen.name, .prefixes = std::move(state->subnets), .mac = state->mac});
    }
    std::ranges::sort(interfaces, {}, &NodeInterface::name);
    return interfaces;
}

std::multimap<IpAddress, std::string> LinkTable::foreign_addresses() const {
    std::multimap<IpAddress, std::string> foreign;
    for (const auto& [index, link] : links_)
        for (const auto& [key, address] : link.addresses)
            if (address.protocol != config_.own_protocol)
                foreign.emplace(key.first, link.seen.name);
    return foreign;
}

}  // namespace trivet::announce
