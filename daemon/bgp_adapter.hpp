#pragma once
#include <map>
#include <string>
#include <vector>

#include "announce/bgp/bgp_service.hpp"
#include "api/bgp_runtime.hpp"
#include "core/time.hpp"

/// From what announce/bgp tells to what api/ shows. Pure.
namespace trivet::daemon {

/// `bfd`: how the BFD session of each BGP session fares, in a word.
std::vector<api::BgpSessionRuntime> to_runtime(const std::vector<announce::bgp::PeerStatus>& peers,
                                               const std::map<std::string, std::string>& bfd,
                                               Instant now);

}  // namespace trivet::daemon
