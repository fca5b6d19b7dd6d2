#include "core/link_address.hpp"

#include <charconv>
#include <fmt/format.h>

namespace trivet {

Result<MacAddress> MacAddress::parse(std::string_view text) {
    MacAddress mac;
    bool valid = text.size() == 17;
    for (std::size_t i = 0; valid && i < mac.bytes.size(); ++i) {
        const char* digits = text.data() + 3 * i;
        const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
        valid = error == std::errc{} && end == digits + 2 && (i == 5 || digits[2] == ':');
    }
    if (!valid)
        return fail(ErrorCode::invalid_argument,
                    "'" + std::string(text) + "' is no Ethernet address (as 02:00:00:00:00:01)");
    return mac;
}

std::string MacAddress::to_string() const { return fmt::format("{:02x}", fmt::join(bytes, ":")); }

}  // namespace trivet
