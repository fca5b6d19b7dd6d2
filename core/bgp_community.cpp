#include "core/bgp_community.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <vector>

namespace trivet {

namespace {

constexpr std::uint64_t u16_max = 0xFFFF;
constexpr std::uint64_t u32_max = 0xFFFFFFFF;
constexpr std::size_t alias_bytes_max = 253;  // as long as a name

struct WellKnown {
    std::string_view name;
    Community value;
};
constexpr std::array well_known_names = {
    WellKnown{"no-export", well_known::no_export},
    WellKnown{"no-advertise", well_known::no_advertise},
    WellKnown{"no-export-subconfed", well_known::no_export_subconfed},
    WellKnown{"no-peer", well_known::no_peer},
    WellKnown{"nopeer", well_known::no_peer},  // as RFC 3765 spells it
    WellKnown{"graceful-shutdown", well_known::graceful_shutdown},
    WellKnown{"blackhole", well_known::blackhole},
    WellKnown{"accept-own", well_known::accept_own},
    WellKnown{"llgr-stale", well_known::llgr_stale},
    WellKnown{"no-llgr", well_known::no_llgr},
};

// RFC 4360 section 3, RFC 5668 section 2: what the first octet says of the next six.
constexpr std::uint64_t two_octet_as = 0x00;
constexpr std::uint64_t ipv4_address = 0x01;
constexpr std::uint64_t four_octet_as = 0x02;
constexpr std::uint64_t route_target = 0x02;  // RFC 4360 section 4
constexpr std::uint64_t route_origin = 0x03;  // RFC 4360 section 5, "site of origin"
constexpr std::string_view hex_start = "0x";
constexpr std::size_t hex_digits = 16;

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t max, int base = 10) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size() || value > max)
        return std::nullopt;
    return value;
}

std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t colon = text.find(':');
        parts.push_back(text.substr(0, colon));
        if (colon == std::string_view::npos) return parts;
        text.remove_prefix(colon + 1);
    }
}

/// One that begins with the octets `type` and `subtype`.
ExtendedCommunity extended(std::uint64_t type, std::uint64_t subtype, std::uint64_t value) {
    return ExtendedCommunity(type << 56 | subtype << 48 | value);
}

/// "65000:1", "4200000000:1", "192.0.2.1:1" behind "rt:" or "soo:".
std::optional<ExtendedCommunity> administered(std::uint64_t subtype, std::string_view global,
                                              std::string_view local) {
    if (const auto as_number = number(global, u32_max)) {
        const bool is_short = *as_number <= u16_max;
        const auto assigned = number(local, is_short ? u32_max : u16_max);
        if (!assigned) return std::nullopt;
        return is_short ? extended(two_octet_as, subtype, *as_number << 32 | *assigned)
                        : extended(four_octet_as, subtype, *as_number << 16 | *assigned);
    }
    const auto address = IpAddress::parse(global);
    const auto assigned = number(local, u16_max);
    if (!address || !address->is_v4() || !assigned) return std::nullopt;
    return extended(ipv4_address, subtype, std::uint64_t{address->v4_value()} << 16 | *assigned);
}

}  // namespace

std::optional<Community> well_known_community(std::string_view name) {
    const auto is_same = [](char ours, char given) {
        if (given == '_') given = '-';
        if (given >= 'A' && given <= 'Z') given = static_cast<char>(given - 'A' + 'a');
        return ours == given;
    };
    for (const WellKnown& known : well_known_names)
        if (std::ranges::equal(known.name, name, is_same)) return known.value;
    return std::nullopt;
}

Result<CommunityValue> parse_community_value(std::string_view text) {
    const std::vector<std::string_view> parts = parts_of(text);
    if (parts.size() == 2) {
        const auto high = number(parts[0], u16_max);
        const auto low = number(parts[1], u16_max);
        if (high && low) return Community(static_cast<std::uint32_t>(*high << 16 | *low));
    }
    if (parts.size() == 4 && parts[0] == "large") {
        const auto global = number(parts[1], u32_max);
        const auto first = number(parts[2], u32_max);
        const auto second = number(parts[3], u32_max);
        if (global && first && second)
            return LargeCommunity{static_cast<std::uint32_t>(*global),
                                  static_cast<std::uint32_t>(*first),
                                  static_cast<std::uint32_t>(*second)};
    }
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no community value: write 65000:100 or large:65000:1:2", text));
}

Result<ExtendedCommunity> parse_extended_community(std::string_view text) {
    if (text.starts_with(hex_start) && text.size() == hex_start.size() + hex_digits)
        if (const auto octets = number(text.substr(hex_start.size()), UINT64_MAX, 16))
            return ExtendedCommunity(*octets);
    const std::vector<std::string_view> parts = parts_of(text);
    if (parts.size() == 3 && (parts[0] == "rt" || parts[0] == "soo"))
        if (const auto community =
                administered(parts[0] == "rt" ? route_target : route_origin, parts[1], parts[2]))
            return *community;
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("'{}' is no extended community: write rt:65000:1, soo:192.0.2.1:1 or its eight "
                    "octets, as 0x0002fde800000001",
                    text));
}

bool is_community_alias(std::string_view text) {
    return !text.empty() && text.size() <= alias_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
}

std::string to_string(Community community) {
    for (const WellKnown& known : well_known_names)
        if (known.value == community) return std::string(known.name);
    return fmt::format("{}:{}", community.value() >> 16, community.value() & u16_max);
}

std::string to_string(const LargeCommunity& community) {
    return fmt::format("large:{}:{}:{}", community.global_administrator, community.local_data_1,
                       community.local_data_2);
}

std::string to_string(ExtendedCommunity community) {
    const std::uint64_t octets = community.value();
    const std::uint64_t type = octets >> 56;
    const std::uint64_t subtype = octets >> 48 & 0xFF;
    const std::uint64_t value = octets & 0xFFFFFFFFFFFF;
    const std::string_view word = subtype == route_target ? "rt" : "soo";
    std::string text;
    if (subtype == route_target || subtype == route_origin) {
        if (type == two_octet_as)
            text = fmt::format("{}:{}:{}", word, value >> 32, value & u32_max);
        else if (type == four_octet_as)
            text = fmt::format("{}:{}:{}", word, value >> 16, value & u16_max);
        else if (type == ipv4_address)
            text = fmt::format("{}:{}:{}", word,
                               IpAddress::v4(static_cast<std::uint32_t>(value >> 16)).to_string(),
                               value & u16_max);
    }
    // A small AS number in four octets would be read back in two.
    const auto parsed = parse_extended_community(text);
    if (parsed && *parsed == community) return text;
    return fmt::format("{}{:016x}", hex_start, octets);
}

}  // namespace trivet
