#pragma once
#include <string>
#include <vector>

#include "announce/l2_service.hpp"
#include "announce/link_table.hpp"

namespace trivet::announce {

/// Where an address is to be claimed.
struct InterfaceMatch {
    std::vector<LinkIndex> links;  // also those that are down: they come up again
    std::string why_none;  // why none of them can be used now, and what to do; empty: some can
};

/// The interfaces that `target` names, or else the suitable ones with a subnet that holds
/// `address`. Of the named ones those that exist here are used: one advertisement serves many
/// machines. Pure.
InterfaceMatch match_interfaces(IpAddress address, const L2Target& target,
                                const std::vector<LinkFacts>& links);

/// How one address fares on one interface that is up.
struct InterfacePhase {
    std::string interface;
    L2Phase phase = L2Phase::probing;
    std::optional<MacAddress> conflict_mac;
};

/// The sum of it: a conflict anywhere is a conflict, otherwise announced somewhere is announced.
/// `notes` say what else is wrong; they become part of the message. Pure.
L2Status summarize(IpAddress address, const std::vector<InterfacePhase>& phases,
                   const std::vector<std::string>& notes);

}  // namespace trivet::announce
