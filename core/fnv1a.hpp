#pragma once
#include <cstdint>
#include <string_view>

namespace trivet {

inline constexpr std::uint64_t fnv1a_basis = 0xcbf2'9ce4'8422'2325;

/// FNV-1a of 64 bits: the same on every machine, and no secret. `hash` is that of what came before.
constexpr std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = fnv1a_basis) {
    for (const char byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100'0000'01b3;
    return hash;
}

}  // namespace trivet
