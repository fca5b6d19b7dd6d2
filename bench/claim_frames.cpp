#include "bench/claim_frames.hpp"

#include <algorithm>
#include <cstddef>

namespace trivet::bench {
namespace {

constexpr std::size_t ethernet_bytes = 14, ipv6_bytes = 40, frame_bytes_least = 60;
constexpr std::size_t arp_bytes = 28, neighbour_bytes = 24;  // RFC 4861 sections 4.3 and 4.4
constexpr std::size_t ipv6_at = ethernet_bytes, icmp_at = ipv6_at + ipv6_bytes;
constexpr std::uint8_t icmpv6 = 58, solicitation = 135, advertisement = 136;
constexpr std::uint8_t solicited_flag = 0x40;
constexpr std::uint8_t source_link_layer = 1, target_link_layer = 2;  // RFC 4861 section 4.6.1

template <std::size_t size>
std::array<std::uint8_t, size> take(FrameBytes frame, std::size_t at) {
    std::array<std::uint8_t, size> bytes;
    std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(at), size, bytes.begin());
    return bytes;
}

template <class Bytes>
void append(std::vector<std::uint8_t>& frame, const Bytes& bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
}

void append(std::vector<std::uint8_t>& frame, std::initializer_list<std::uint8_t> bytes) {
    frame.insert(frame.end(), bytes);
}

bool has_ethertype(FrameBytes frame, std::uint16_t ethertype) {
    return frame[12] == ethertype >> 8 && frame[13] == (ethertype & 0xff);
}

/// RFC 4443 section 2.3, over the pseudo-header as well; `frame` has zeros where the sum goes.
std::uint16_t icmpv6_checksum(FrameBytes frame) {
    std::uint32_t sum = static_cast<std::uint32_t>(frame.size() - icmp_at) + icmpv6;
    for (std::size_t at = ipv6_at + 8; at < frame.size(); at += 2)  // from the addresses on
        sum += static_cast<std::uint32_t>(frame[at] << 8 | frame[at + 1]);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

/// The MAC in the first option of the kind; options count in units of 8 bytes.
std::optional<Mac> link_layer_option(FrameBytes frame, std::uint8_t kind) {
    for (std::size_t at = icmp_at + neighbour_bytes; at + 8 <= frame.size();) {
        if (frame[at] == kind && frame[at + 1] == 1) return take<6>(frame, at + 2);
        if (frame[at + 1] == 0) return std::nullopt;
        at += std::size_t{8} * frame[at + 1];
    }
    return std::nullopt;
}

}  // namespace

std::vector<std::uint8_t> arp_request(const Mac& mac, const V4& sender, const V4& target) {
    std::vector<std::uint8_t> frame(6, 0xff);
    append(frame, mac);
    append(frame, {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1});
    append(frame, mac);
    append(frame, sender);
    append(frame, Mac{});
    append(frame, target);
    frame.resize(frame_bytes_least);
    return frame;
}

std::vector<std::uint8_t> neighbour_solicitation(const Mac& mac, const V6& sender,
                                                 const V6& target) {
    // RFC 4291 section 2.7.1 and RFC 2464 section 7.
    std::vector<std::uint8_t> frame{0x33, 0x33, 0xff, target[13], target[14], target[15]};
    append(frame, mac);
    append(frame, {0x86, 0xdd, 0x60, 0, 0, 0, 0, neighbour_bytes + 8, icmpv6, 255});
    append(frame, sender);
    append(frame,
           {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]});
    append(frame, {solicitation, 0, 0, 0, 0, 0, 0, 0});
    append(frame, target);
    append(frame, {source_link_layer, 1});
    append(frame, mac);
    const std::uint16_t sum = icmpv6_checksum(frame);
    frame[icmp_at + 2] = static_cast<std::uint8_t>(sum >> 8);
    frame[icmp_at + 3] = static_cast<std::uint8_t>(sum & 0xff);
    return frame;
}

std::optional<Claim<V4>> arp_claim(FrameBytes frame) {
    if (frame.size() < ethernet_bytes + arp_bytes || !has_ethertype(frame, ethertype_arp))
        return std::nullopt;
    const auto sender = take<4>(frame, ethernet_bytes + 14);
    const auto target = take<4>(frame, ethernet_bytes + 24);
    return Claim<V4>{.address = sender,
                     .mac = take<6>(frame, ethernet_bytes + 8),
                     .announcement = sender == target};
}

std::optional<Claim<V6>> ndp_claim(FrameBytes frame) {
    if (frame.size() < icmp_at + neighbour_bytes || !has_ethertype(frame, ethertype_ipv6) ||
        frame[ipv6_at + 6] != icmpv6)
        return std::nullopt;
    if (frame[icmp_at] == advertisement) {
        const auto mac = link_layer_option(frame, target_link_layer);
        if (!mac) return std::nullopt;
        return Claim<V6>{.address = take<16>(frame, icmp_at + 8),
                         .mac = *mac,
                         .announcement = (frame[icmp_at + 4] & solicited_flag) == 0};
    }
    if (frame[icmp_at] != solicitation) return std::nullopt;
    const auto mac = link_layer_option(frame, source_link_layer);
    if (!mac) return std::nullopt;
    return Claim<V6>{.address = take<16>(frame, ipv6_at + 8), .mac = *mac, .announcement = false};
}

}  // namespace trivet::bench
