// NDP: the input is a frame, or (after the first byte) a series of frames and pauses for a session.
// A fuzzer seldom guesses a checksum, so each frame is tried as it is and with the right one.
#include <cstdint>
#include <span>
#include <vector>

#include "announce/ndp_session.hpp"
#include "core/assert.hpp"
#include "tests/fuzz/l2_session_drive.hpp"

using namespace trivet;
using namespace trivet::announce;

namespace {

constexpr std::size_t addresses_offset = 22;
constexpr std::size_t icmpv6_offset = 54;
constexpr std::size_t payload_length_offset = 18;

/// The frame with the checksum that its ICMPv6 message should have.
std::vector<std::byte> with_checksum(std::span<const std::byte> frame) {
    std::vector<std::byte> copy(frame.begin(), frame.end());
    if (copy.size() < icmpv6_offset + 4) return copy;
    const auto address = [&copy](std::size_t offset) {
        IpAddress::V6Bytes bytes;
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = std::to_integer<std::uint8_t>(copy[offset + i]);
        return IpAddress::v6(bytes);
    };
    const std::size_t length = std::to_integer<std::size_t>(copy[payload_length_offset]) << 8 |
                               std::to_integer<std::size_t>(copy[payload_length_offset + 1]);
    if (length < 4 || length > copy.size() - icmpv6_offset) return copy;
    copy[icmpv6_offset + 2] = copy[icmpv6_offset + 3] = std::byte{0};
    const std::uint16_t checksum =
        icmpv6_checksum(address(addresses_offset), address(addresses_offset + 16),
                        std::span(copy).subspan(icmpv6_offset, length));
    copy[icmpv6_offset + 2] = static_cast<std::byte>(checksum >> 8);
    copy[icmpv6_offset + 3] = static_cast<std::byte>(checksum & 0xff);
    return copy;
}

void check_codec(std::span<const std::byte> frame) {
    const auto message = decode_ndp(frame);
    if (!message) return;
    const auto again = decode_ndp(encode(*message));
    TRIVET_ASSERT(again.has_value());
    TRIVET_ASSERT(*again == *message);
}

void check_sent(std::span<const std::byte> frame) {
    const auto message = decode_ndp(frame);
    TRIVET_ASSERT(message.has_value());
    TRIVET_ASSERT(message->ethernet_source == fuzz::own_mac ||
                  message->ethernet_source == fuzz::other_mac);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    check_codec(input);
    check_codec(with_checksum(input));
    const IpAddress::V6Bytes first{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10};
    IpAddress::V6Bytes same_group = first;
    same_group[5] = 1;
    const IpAddress vip = IpAddress::v6(first);
    fuzz::drive<NdpSession>(input, {vip, vip.next(), IpAddress::v6(same_group)}, check_sent,
                            with_checksum);
    return 0;
}
