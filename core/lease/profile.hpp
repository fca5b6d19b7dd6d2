#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "core/time.hpp"

namespace trivet::lease {

/// How quickly the leases of a cluster run out and are renewed. A RENEW names the profile that its
/// sender counts by, and a voter promises by that one: so both sides of a right always agree, also
/// while the cluster changes from one profile to another.
struct Profile {
    std::string_view name;
    Duration promise;         // Lg: as a voter counts it
    Duration right;           // Lh: as a holder counts it
    Duration renew;           // between two RENEWs
    Duration renew_claiming;  // the same while a claim is unanswered
    Duration suspect;         // a node not heard for so long may be dead
};

enum class ProfileId : std::uint8_t { standard = 0, fast = 1, fastest = 2, wide = 3 };

using std::chrono::milliseconds;
/// By ProfileId. The clock drift bound rho: right / (1 - rho) < promise / (1 + rho).
constexpr std::array<Profile, 4> profiles{{
    {"default", milliseconds{100}, milliseconds{80}, milliseconds{20}, milliseconds{5},
     milliseconds{60}},
    {"fast", milliseconds{50}, milliseconds{40}, milliseconds{10}, milliseconds{3},
     milliseconds{30}},
    {"fastest", milliseconds{30}, milliseconds{24}, milliseconds{5}, milliseconds{2},
     milliseconds{15}},
    {"wide", milliseconds{500}, milliseconds{400}, milliseconds{100}, milliseconds{25},
     milliseconds{300}},
}};

constexpr const Profile& profile_of(ProfileId id) { return profiles[static_cast<std::size_t>(id)]; }

/// The longest promise of any profile: for what must outlast promises whose profile is not known
/// (V1, V3, and P4's spacing).
constexpr Duration promise_max = milliseconds{500};

}  // namespace trivet::lease
