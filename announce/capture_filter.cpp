#include "announce/capture_filter.hpp"

#include <array>
#include <fmt/format.h>
#include <map>

namespace trivet::announce {

namespace {

using Words = std::array<std::uint32_t, 4>;  // an address as the filter machine loads it

constexpr std::size_t ndp_target_offset =
    48;  // in the IPv6 packet: header 40, ICMPv6 8 (RFC 4861 §4.3)
constexpr std::size_t arp_sender_offset = 14, arp_target_offset = 24;  // RFC 826

Words words_of(IpAddress address) {
    Words words{};
    for (std::size_t i = 0; i < 16; ++i) words[i / 4] = words[i / 4] << 8 | address.bytes()[i];
    return words;
}

void join(std::string& text, const std::string& term) {
    if (!text.empty()) text += " or ";
    text += term;
}

std::string within(const std::string& field, std::uint32_t first, std::uint32_t last) {
    if (first == 0 && last == 0xffffffff) return "";
    if (first == last) return fmt::format("{} = {:#x}", field, first);
    return fmt::format("({0} >= {1:#x} and {0} <= {2:#x})", field, first, last);
}

/// Comparisons of one field stand together: the optimiser then loads it once. That keeps the
/// program within net.core.optmem_max, which was only 20 KiB before Linux 6.7.
std::string arp_field(const std::vector<Prefix>& prefixes, std::size_t offset) {
    std::string text;
    const std::string field = fmt::format("arp[{}:4]", offset);
    for (const Prefix& prefix : prefixes) {
        if (!prefix.address().is_v4()) continue;
        const std::string term =
            within(field, prefix.address().v4_value(), prefix.last().v4_value());
        join(text, term.empty() ? "arp[0:1] >= 0" : term);  // a prefix of length 0
    }
    return text;
}

/// Terms are grouped by the words that their prefixes share, for the same reason.
std::string ndp_target(const std::vector<Prefix>& prefixes) {
    std::map<std::string, std::string> by_head;
    for (const Prefix& prefix : prefixes) {
        if (prefix.address().is_v4()) continue;
        const Words first = words_of(prefix.address()), last = words_of(prefix.last());
        std::string head, tail;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::string term =
                within(fmt::format("ip6[{}:4]", ndp_target_offset + 4 * i), first[i], last[i]);
            if (term.empty()) continue;
            if (i < 3 && first[i] == last[i])
                head += (head.empty() ? "" : " and ") + term;
            else
                tail += (tail.empty() ? "" : " and ") + term;
        }
        if (tail.empty()) tail = "ip6[40:1] >= 0";  // the head says it all
        join(by_head[head], tail);
    }
    std::string text;
    for (const auto& [head, tails] : by_head)
        join(text, head.empty() ? tails : fmt::format("({} and ({}))", head, tails));
    return text;
}

}  // namespace

std::string capture_expression(const std::vector<Prefix>& prefixes) {
    std::string text;
    const std::string targets = arp_field(prefixes, arp_target_offset);
    if (!targets.empty())
        join(text, "(arp and (" + targets + " or " + arp_field(prefixes, arp_sender_offset) + "))");
    const std::string ndp = ndp_target(prefixes);
    if (!ndp.empty())  // ICMPv6 directly after the header, type 135 or 136 (RFC 4861 §4.3, §4.4)
        join(text, "(ip6[6] = 58 and (ip6[40] = 135 or ip6[40] = 136) and (" + ndp + "))");
    if (text.empty()) return "";
    // Linux takes the tag off before a packet socket sees the frame, so a tagged request looks like
    // an untagged one; libpcap asks the kernel for the tag. It must come last: after the word
    // `vlan`, libpcap shifts every offset by the tag's four bytes.
    return "(" + text + ") and not vlan";
}

}  // namespace trivet::announce
