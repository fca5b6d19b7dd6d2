#include "announce/interface_match.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace trivet::announce {

namespace {

bool holds(const LinkFacts& link, IpAddress address) {
    return std::ranges::any_of(link.subnets,
                               [&](const Prefix& subnet) { return subnet.contains(address); });
}

const LinkFacts* find_by_name(const std::vector<LinkFacts>& links, const std::string& name) {
    const auto found = std::ranges::find(links, name, &LinkFacts::name);
    return found == links.end() ? nullptr : &*found;
}

InterfaceMatch match_named(const L2Target& target, const std::vector<LinkFacts>& links) {
    InterfaceMatch match;
    std::vector<std::string> reasons;
    bool some_up = false;
    for (const std::string& name : target.interfaces) {
        const LinkFacts* link = find_by_name(links, name);
        if (link == nullptr) {
            reasons.push_back(name + " does not exist on this node");
            continue;
        }
        const std::string& problem = link->unsuitable.empty() ? link->down : link->unsuitable;
        if (!problem.empty()) reasons.push_back(fmt::format("{} {}", name, problem));
        some_up |= problem.empty();
        const bool is_new = std::ranges::find(match.links, link->index) == match.links.end();
        if (link->unsuitable.empty() && is_new) match.links.push_back(link->index);
    }
    if (!some_up)
        match.why_none = fmt::format(
            "none of the interfaces that the l2-advertisement names can be used: {}; name another "
            "one "
            "there, or mend it here",
            fmt::join(reasons, ", "));
    return match;
}

InterfaceMatch match_by_subnet(IpAddress address, const std::vector<LinkFacts>& links) {
    InterfaceMatch match;
    std::vector<std::string> reasons;
    for (const LinkFacts& link : links) {
        if (!link.unsuitable.empty() || !holds(link, address)) continue;
        match.links.push_back(link.index);
        if (!link.down.empty()) reasons.push_back(fmt::format("{} {}", link.name, link.down));
    }
    if (match.links.empty())
        match.why_none = fmt::format(
            "no interface has a subnet that holds {}; give one an address there, or name the "
            "interface in an l2-advertisement",
            address.to_string());
    else if (reasons.size() == match.links.size())
        match.why_none =
            fmt::format("the only interface with a subnet that holds {} cannot be used: {}",
                        address.to_string(), fmt::join(reasons, ", "));
    return match;
}

}  // namespace

InterfaceMatch match_interfaces(IpAddress address, const L2Target& target,
                                const std::vector<LinkFacts>& links) {
    return target.interfaces.empty() ? match_by_subnet(address, links) : match_named(target, links);
}

L2Status summarize(IpAddress address, const std::vector<InterfacePhase>& phases,
                   const std::vector<std::string>& notes) {
    L2Status status;
    std::vector<std::string> messages;
    if (!phases.empty()) status.phase = L2Phase::probing;
    for (const InterfacePhase& one : phases) {
        const bool is_ready = one.phase == L2Phase::announced || one.phase == L2Phase::standby;
        if (is_ready) status.interfaces.push_back(one.interface);
        // An address stands by on all of its interfaces or on none.
        if (one.phase == L2Phase::standby) status.phase = L2Phase::standby;
        if (one.phase == L2Phase::announced && status.phase != L2Phase::conflict)
            status.phase = L2Phase::announced;
        if (one.phase != L2Phase::conflict) continue;
        status.phase = L2Phase::conflict;
        if (!status.conflict_mac) status.conflict_mac = one.conflict_mac;
        messages.push_back(
            fmt::format("{} uses {} too, on {}, where it is not announced until that stops; take "
                        "the address off "
                        "that machine, or out of the pool",
                        one.conflict_mac ? one.conflict_mac->to_string() : "another machine",
                        address.to_string(), one.interface));
    }
    messages.insert(messages.end(), notes.begin(), notes.end());
    status.message = fmt::format("{}", fmt::join(messages, "; "));
    return status;
}

}  // namespace trivet::announce
