// ARP: the input is a frame, or (after the first byte) a series of frames and pauses for a session.
#include <cstdint>
#include <span>

#include "announce/arp_session.hpp"
#include "core/assert.hpp"
#include "tests/fuzz/l2_session_drive.hpp"

using namespace trivet;
using namespace trivet::announce;

namespace {

void check_codec(std::span<const std::byte> frame) {
    const auto message = decode_arp(frame);
    if (!message) return;
    const auto again = decode_arp(encode(*message));
    TRIVET_ASSERT(again.has_value());
    TRIVET_ASSERT(*again == *message);
}

void check_sent(std::span<const std::byte> frame) {
    const auto message = decode_arp(frame);
    TRIVET_ASSERT(message.has_value());
    TRIVET_ASSERT(message->sender_hardware_address == fuzz::own_mac ||
                  message->sender_hardware_address == fuzz::other_mac);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    check_codec(input);
    fuzz::drive<ArpSession>(input,
                            {IpAddress::v4(0xc000020a), IpAddress::v4(0xc000020b),
                             IpAddress::v4(0xc000020c)},  // 192.0.2.10 to .12
                            check_sent);
    return 0;
}
