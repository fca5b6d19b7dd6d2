#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace trivet {

/// A 48-bit Ethernet address. A value type.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    static constexpr MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
    /// "02:00:00:00:00:01". Errors: invalid_argument.
    static Result<MacAddress> parse(std::string_view text);
    std::string to_string() const;
    bool is_multicast() const { return (bytes[0] & 1) != 0; }
    bool is_zero() const { return bytes == std::array<std::uint8_t, 6>{}; }

    friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

}  // namespace trivet
