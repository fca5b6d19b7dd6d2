#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The text that goes with an administrative shutdown or reset (RFC 9003): one octet of length, and
/// that many octets of UTF-8. It comes from outside, so it is checked, and disarmed for printing.
namespace trivet::announce::bgp {

/// RFC 9003 section 3: what peers understand that know RFC 8203 alone, and what the field can hold.
inline constexpr std::size_t shutdown_text_size_usual = 128;
inline constexpr std::size_t shutdown_text_size_max = 255;

/// Length and text; cut to `size_max` octets between two characters. What is no UTF-8 becomes
/// U+FFFD. `size_max` is at most shutdown_text_size_max.
std::vector<std::byte> encode_shutdown_text(std::string_view text,
                                            std::size_t size_max = shutdown_text_size_usual);

/// Empty when there is no text. nullopt: the length goes beyond the data, or what it spans is no
/// UTF-8 in shortest form, which must not be interpreted (section 2). Octets after it are ignored.
std::optional<std::string> decode_shutdown_text(std::span<const std::byte> data);

/// `utf8` in double quotes, with escapes for all that a terminal or a log could take for something
/// else: control and formatting characters, quotes, backslashes. `utf8` must be valid.
std::string quoted_for_people(std::string_view utf8);

/// The length of the character that `text` begins with (RFC 3629 section 4); 0: there is none.
std::size_t utf8_character_size(std::string_view text);

}  // namespace trivet::announce::bgp
