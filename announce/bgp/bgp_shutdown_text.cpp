#include "announce/bgp/bgp_shutdown_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>

#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::string_view replacement_character = "\xef\xbf\xbd";  // U+FFFD

constexpr std::uint8_t octet(char character) { return static_cast<std::uint8_t>(character); }

/// What the first octet of a character says: how many follow, and within which bounds the second
/// is. The bounds keep out overlong forms, surrogates and what is above U+10FFFF (RFC 3629).
struct Lead {
    std::uint8_t first, last;
    std::size_t size;
    std::uint8_t second_min, second_max;
};
constexpr std::array leads = {
    Lead{0x00, 0x7f, 1, 0x00, 0x00}, Lead{0xc2, 0xdf, 2, 0x80, 0xbf},
    Lead{0xe0, 0xe0, 3, 0xa0, 0xbf}, Lead{0xe1, 0xec, 3, 0x80, 0xbf},
    Lead{0xed, 0xed, 3, 0x80, 0x9f}, Lead{0xee, 0xef, 3, 0x80, 0xbf},
    Lead{0xf0, 0xf0, 4, 0x90, 0xbf}, Lead{0xf1, 0xf3, 4, 0x80, 0xbf},
    Lead{0xf4, 0xf4, 4, 0x80, 0x8f},
};

/// The character's number; `character` is one that utf8_character_size has found valid.
std::uint32_t code_point(std::string_view character) {
    constexpr std::array<std::uint8_t, 5> lead_mask = {0, 0x7f, 0x1f, 0x0f, 0x07};
    std::uint32_t value = octet(character[0]) & lead_mask[character.size()];
    for (const char follower : character.substr(1)) value = value << 6 | (octet(follower) & 0x3f);
    return value;
}

/// Characters that have no picture of their own: they move the cursor, end a line, hide, or turn
/// the direction of what follows, and so make a text look like another (RFC 9003 section 6).
struct Hidden {
    std::uint32_t first, last;
};
constexpr std::array hidden = {
    Hidden{0x00, 0x1f},     Hidden{0x7f, 0x9f},     Hidden{0xad, 0xad},
    Hidden{0x61c, 0x61c},   Hidden{0x115f, 0x1160}, Hidden{0x180b, 0x180f},
    Hidden{0x200b, 0x200f}, Hidden{0x2028, 0x202e}, Hidden{0x2060, 0x206f},
    Hidden{0x3164, 0x3164}, Hidden{0xfe00, 0xfe0f}, Hidden{0xfeff, 0xfeff},
    Hidden{0xffa0, 0xffa0}, Hidden{0xfff0, 0xfffb}, Hidden{0xe0000, 0xe0fff},
};

bool is_hidden(std::uint32_t value) {
    return std::ranges::any_of(hidden, [value](const Hidden& range) {
        return range.first <= value && value <= range.last;
    });
}

}  // namespace

std::size_t utf8_character_size(std::string_view text) {
    if (text.empty()) return 0;
    const auto* lead = std::ranges::find_if(leads, [first = octet(text[0])](const Lead& candidate) {
        return candidate.first <= first && first <= candidate.last;
    });
    if (lead == leads.end() || text.size() < lead->size) return 0;
    if (lead->size == 1) return 1;
    if (octet(text[1]) < lead->second_min || octet(text[1]) > lead->second_max) return 0;
    const auto followers = text.substr(2, lead->size - 2);
    const bool all = std::ranges::all_of(
        followers, [](char follower) { return (octet(follower) & 0xc0) == 0x80; });
    return all ? lead->size : 0;
}

std::vector<std::byte> encode_shutdown_text(std::string_view text, std::size_t size_max) {
    TRIVET_ASSERT(size_max <= shutdown_text_size_max);
    std::vector<std::byte> data(1);
    while (!text.empty()) {
        const std::size_t size = utf8_character_size(text);
        const std::string_view character = size == 0 ? replacement_character : text.substr(0, size);
        if (data.size() - 1 + character.size() > size_max) break;
        const auto bytes = std::as_bytes(std::span(character));
        data.insert(data.end(), bytes.begin(), bytes.end());
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    data[0] = static_cast<std::byte>(data.size() - 1);
    return data;
}

std::optional<std::string> decode_shutdown_text(std::span<const std::byte> data) {
    if (data.empty()) return std::string{};
    const auto size = std::to_integer<std::size_t>(data[0]);
    if (size > data.size() - 1) return std::nullopt;
    std::string text(size, '\0');
    std::ranges::transform(data.subspan(1, size), text.begin(),
                           [](std::byte byte) { return static_cast<char>(byte); });
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t character = utf8_character_size(rest);
        if (character == 0) return std::nullopt;
        rest.remove_prefix(character);
    }
    return text;
}

std::string quoted_for_people(std::string_view utf8) {
    std::string quoted = "\"";
    while (!utf8.empty()) {
        const std::size_t size = utf8_character_size(utf8);
        TRIVET_ASSERT(size != 0);
        const std::string_view character = utf8.substr(0, size);
        utf8.remove_prefix(size);
        if (is_hidden(code_point(character))) {
            quoted += fmt::format("\\u{{{:x}}}", code_point(character));
            continue;
        }
        if (character == "\"" || character == "\\") quoted += '\\';
        quoted += character;
    }
    return quoted + '"';
}

}  // namespace trivet::announce::bgp
