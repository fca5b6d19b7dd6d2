#include "core/check_parts.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace trivet {

namespace {

struct Forbidden {
    std::string_view range;
    std::string_view why;
};
constexpr std::array forbidden_ranges = {
    Forbidden{"0.0.0.0/8", "\"this host on this network\" (RFC 1122 section 3.2.1.3)"},
    Forbidden{"127.0.0.0/8", "loopback"},
    Forbidden{"224.0.0.0/4", "multicast"},
    Forbidden{"255.255.255.255", "the broadcast address"},
    Forbidden{"::", "the unspecified address"},
    Forbidden{"::1", "loopback"},
    Forbidden{"ff00::/8", "multicast"},
};

/// ::ffff:0:0/96, which parsing would turn into IPv4.
AddressRange mapped_block() {
    IpAddress::V6Bytes before{};
    before[10] = 0xff;
    before[11] = 0xfe;
    std::fill(before.begin() + 12, before.end(), std::uint8_t{0xff});
    IpAddress::V6Bytes after{};
    after[9] = 1;
    return {IpAddress::v6(before).next(), IpAddress::v6(after).previous()};
}

const std::vector<std::pair<AddressRange, std::string_view>>& forbidden() {
    static const auto parsed = [] {
        std::vector<std::pair<AddressRange, std::string_view>> ranges;
        for (const Forbidden& row : forbidden_ranges)
            ranges.emplace_back(*AddressRange::parse(row.range), row.why);
        ranges.emplace_back(mapped_block(), "IPv4 mapped into IPv6; write it as IPv4");
        return ranges;
    }();
    return parsed;
}

}  // namespace

Result<void> at(Result<void> checked, std::string field) {
    if (!checked && checked.error().field.empty()) checked.error().field = std::move(field);
    return checked;
}

Result<void> check_usable(const AddressRange& range, std::string_view use,
                          const std::string& field) {
    const bool single = range.first == range.last;
    for (const auto& [block, why] : forbidden())
        if (block.overlaps(range))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' cannot be used for {}: it {} {}",
                                    single ? range.first.to_string() : range.to_string(), use,
                                    single ? "is" : "holds", why),
                        field);
    return {};
}

}  // namespace trivet
