#pragma once
#include <string>
#include <vector>

#include "core/ip_address.hpp"

namespace trivet::announce {

/// The libpcap expression for the frames that the sessions want: untagged ARP whose sender or
/// target address, and untagged neighbour solicitations and advertisements whose target, lies in
/// one of `prefixes`; empty when there are none (it then matches nothing). Pure.
std::string capture_expression(const std::vector<Prefix>& prefixes);

}  // namespace trivet::announce
