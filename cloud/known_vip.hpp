#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "api/model/objects.hpp"

namespace trivet::cloud {

/// A VIP as Trivet's REST API shows it, the fields that we use. A value.
struct KnownVip {
    enum class Phase : std::uint8_t { pending, assigned, announced, conflict };

    Vip vip;
    std::uint64_t revision = 0;
    Phase phase = Phase::pending;
    std::string reason;  // why it is pending, or in conflict
    std::vector<IpAddress> addresses;
    std::string owner;  // the node; empty: none, or announced by BGP

    ObjectKey key() const { return {Kind::vip, vip.name_space, vip.name}; }
};

/// Fields that we do not know, of a newer lbd, are passed over. Errors: invalid_argument, with
/// field.
Result<KnownVip> read_known_vip(const nlohmann::json& object);

}  // namespace trivet::cloud
