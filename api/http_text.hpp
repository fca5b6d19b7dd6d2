#pragma once
#include <algorithm>
#include <string_view>

/// The character classes of RFC 9110 and RFC 3986, without the locale that <cctype> looks at.
namespace trivet::api {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_alphanumeric(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}
constexpr bool is_hex_digit(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}
/// The value of a hexadecimal digit.
constexpr unsigned hex_value(char c) {
    return static_cast<unsigned>(is_digit(c) ? c - '0' : to_lower(c) - 'a' + 10);
}
constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }
/// CTL without HTAB, which may stand in field values (RFC 9110 section 5.5).
constexpr bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

constexpr bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}
/// tchar (RFC 9110 section 5.6.2).
constexpr bool is_token_character(char c) {
    return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}
constexpr bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}
/// pchar, "/" and "?" (RFC 3986 section 3.3): all that an origin-form target may hold.
constexpr bool is_target_character(char c) {
    return is_alphanumeric(c) || is_one_of(c, "-._~%!$&'()*+,;=:@/?");
}

constexpr std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return to_lower(x) == to_lower(y); });
}

}  // namespace trivet::api
