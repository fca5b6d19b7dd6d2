#pragma once
#include <map>
#include <string>
#include <vector>

#include "announce/bfd/bfd_service.hpp"
#include "announce/bgp/bgp_service.hpp"
#include "api/bgp_runtime.hpp"
#include "core/time.hpp"

/// From what announce/bgp tells to what api/ shows. Pure.
namespace trivet::daemon {

using BfdSessions = std::map<std::string, announce::bfd::SessionStatus>;  // by BGP session

std::vector<api::BgpSessionRuntime> to_runtime(const std::vector<announce::bgp::PeerStatus>& peers,
                                               const BfdSessions& bfd, Instant now);

}  // namespace trivet::daemon
