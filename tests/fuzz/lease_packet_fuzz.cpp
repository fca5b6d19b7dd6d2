// A datagram of the leases, its MAC not checked. No crash, and what decodes encodes to the same
// bytes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "core/assert.hpp"
#include "daemon/wire/lease_packet.hpp"

using namespace trivet;
using namespace trivet::daemon;

namespace {

template <class Message>
void check_same(const LeaseHeader& header, const Message& message,
                std::span<const std::byte> packet) {
    static std::array<std::byte, lease_packet_bytes_max> again;
    const std::size_t size = write_packet(header, message, again);
    const auto written = packet.first(packet.size() - lease_mac_bytes);
    TRIVET_ASSERT(size == written.size());
    TRIVET_ASSERT(std::ranges::equal(written, std::span(again).first(size)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static LeaseMessages messages;  // reused, as the lease thread does
    const auto packet = std::as_bytes(std::span(data, size));
    LeaseHeader header;
    if (read_header(packet, header) != LeaseForm::good) return 0;
    if (!read_body(packet, header.kind, messages)) return 0;
    switch (header.kind) {
        case LeaseKind::renew:
            check_same(header, messages.renew, packet);
            break;
        case LeaseKind::ack:
            check_same(header, messages.ack, packet);
            break;
        case LeaseKind::refuse:
            check_same(header, messages.refuse, packet);
            break;
        case LeaseKind::release:
            check_same(header, messages.release, packet);
            break;
    }
    return 0;
}
