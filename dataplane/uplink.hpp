#pragma once
#include <cstdint>
#include <string>

#include "core/result.hpp"

namespace trivet::dataplane {

/// The present name of an interface that can be gated.
/// Errors: not_found, it has vanished; invalid_argument, its frames are not Ethernet's;
/// unavailable.
Result<std::string> uplink_name(std::uint32_t ifindex);

}  // namespace trivet::dataplane
