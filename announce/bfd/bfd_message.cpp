#include "announce/bfd/bfd_message.hpp"

#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

// RFC 5880 section 4.1, second byte: Sta, P, F, C, A, D, M.
constexpr std::uint8_t poll_bit = 0x20;
constexpr std::uint8_t final_bit = 0x10;
constexpr std::uint8_t control_plane_independent_bit = 0x08;
constexpr std::uint8_t authentication_bit = 0x04;
constexpr std::uint8_t demand_bit = 0x02;
constexpr std::uint8_t multipoint_bit = 0x01;
constexpr std::uint8_t diagnostic_mask = 0x1f;

// As far as the Length field: without it nothing can be said of a packet.
constexpr std::size_t start_bytes = 4;
// Section 6.8.6: "26 if the A bit is set", for type and length of the authentication section.
constexpr std::uint8_t authenticated_bytes_min = 26;

/// Writes into a packet of fixed size, most significant byte first.
class FixedWriter {
public:
    explicit FixedWriter(std::span<std::byte> bytes) : rest_(bytes) {}
    void u8(unsigned value) {
        rest_[0] = static_cast<std::byte>(value & 0xff);
        rest_ = rest_.subspan(1);
    }
    void u32(std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) u8(value >> shift);
    }

private:
    std::span<std::byte> rest_;
};

}  // namespace

std::string_view to_string(State state) {
    switch (state) {
        case State::admin_down:
            return "admin_down";
        case State::down:
            return "down";
        case State::init:
            return "init";
        case State::up:
            return "up";
    }
    return "";
}

std::string_view to_string(Diagnostic diagnostic) {
    switch (diagnostic) {
        case Diagnostic::none:
            return "none";
        case Diagnostic::control_detection_time_expired:
            return "control detection time expired";
        case Diagnostic::echo_function_failed:
            return "echo function failed";
        case Diagnostic::neighbor_signaled_session_down:
            return "neighbor signaled session down";
        case Diagnostic::forwarding_plane_reset:
            return "forwarding plane reset";
        case Diagnostic::path_down:
            return "path down";
        case Diagnostic::concatenated_path_down:
            return "concatenated path down";
        case Diagnostic::administratively_down:
            return "administratively down";
        case Diagnostic::reverse_concatenated_path_down:
            return "reverse concatenated path down";
    }
    return "reserved";
}

std::string_view to_string(Discard reason) {
    switch (reason) {
        case Discard::truncated:
            return "truncated";
        case Discard::version:
            return "version";
        case Discard::length:
            return "length";
        case Discard::length_beyond_payload:
            return "length_beyond_payload";
        case Discard::multiplier_zero:
            return "multiplier_zero";
        case Discard::multipoint:
            return "multipoint";
        case Discard::my_discriminator_zero:
            return "my_discriminator_zero";
        case Discard::your_discriminator_zero:
            return "your_discriminator_zero";
        case Discard::no_session:
            return "no_session";
        case Discard::hop_limit:
            return "hop_limit";
        case Discard::authentication_unexpected:
            return "authentication_unexpected";
        case Discard::authentication_missing:
            return "authentication_missing";
        case Discard::authentication_type:
            return "authentication_type";
        case Discard::authentication_key_id:
            return "authentication_key_id";
        case Discard::authentication_length:
            return "authentication_length";
        case Discard::authentication_sequence:
            return "authentication_sequence";
        case Discard::authentication_digest:
            return "authentication_digest";
        case Discard::unproven:
            return "unproven";
        case Discard::admin_down:
            return "admin_down";
    }
    return "";
}

Result<ControlPacket, Discard> decode_control(std::span<const std::byte> payload) {
    const auto discard = [](Discard reason) { return tl::unexpected(reason); };
    ByteReader reader(payload);
    const std::uint8_t version_and_diagnostic = reader.u8();
    const std::uint8_t flags = reader.u8();
    ControlPacket packet;
    packet.detect_multiplier = reader.u8();
    const std::uint8_t length = reader.u8();
    if (payload.size() < start_bytes) return discard(Discard::truncated);

    // Section 6.8.6, in its order.
    if (version_and_diagnostic >> 5 != protocol_version) return discard(Discard::version);
    packet.has_authentication = (flags & authentication_bit) != 0;
    if (length < (packet.has_authentication ? authenticated_bytes_min : mandatory_section_bytes))
        return discard(Discard::length);
    if (length > payload.size()) return discard(Discard::length_beyond_payload);
    if (packet.detect_multiplier == 0) return discard(Discard::multiplier_zero);
    if ((flags & multipoint_bit) != 0) return discard(Discard::multipoint);
    packet.my_discriminator = reader.u32();
    if (packet.my_discriminator == 0) return discard(Discard::my_discriminator_zero);
    packet.your_discriminator = reader.u32();
    packet.state = static_cast<State>(flags >> 6);
    if (packet.your_discriminator == 0 && packet.state != State::down &&
        packet.state != State::admin_down)
        return discard(Discard::your_discriminator_zero);

    packet.diagnostic = static_cast<Diagnostic>(version_and_diagnostic & diagnostic_mask);
    packet.poll = (flags & poll_bit) != 0;
    packet.final = (flags & final_bit) != 0;
    packet.control_plane_independent = (flags & control_plane_independent_bit) != 0;
    packet.demand = (flags & demand_bit) != 0;
    packet.desired_min_tx_us = reader.u32();
    packet.required_min_rx_us = reader.u32();
    packet.required_min_echo_rx_us = reader.u32();
    TRIVET_ASSERT(reader.ok());
    return packet;
}

ControlBytes encode(const ControlPacket& packet) {
    TRIVET_ASSERT(!(packet.poll && packet.final));
    TRIVET_ASSERT(!packet.has_authentication);
    ControlBytes encoded;
    encoded.size = mandatory_section_bytes;
    FixedWriter writer(encoded.bytes);
    writer.u8(unsigned{protocol_version} << 5 | static_cast<unsigned>(packet.diagnostic));
    unsigned flags = static_cast<unsigned>(packet.state) << 6;
    if (packet.poll) flags |= poll_bit;
    if (packet.final) flags |= final_bit;
    if (packet.control_plane_independent) flags |= control_plane_independent_bit;
    if (packet.demand) flags |= demand_bit;
    writer.u8(flags);
    writer.u8(packet.detect_multiplier);
    writer.u8(encoded.size);
    writer.u32(packet.my_discriminator);
    writer.u32(packet.your_discriminator);
    writer.u32(packet.desired_min_tx_us);
    writer.u32(packet.required_min_rx_us);
    writer.u32(packet.required_min_echo_rx_us);
    return encoded;
}

}  // namespace trivet::announce::bfd
