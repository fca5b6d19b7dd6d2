#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace trivet::announce::bfd {

/// One BFD Echo packet of ours (RFC 5880 section 5: "the payload is a local matter, since only the
/// sending system ever processes the content"). It names the session and the place in its sequence,
/// and carries a tag that only who has the session's key can make: "Echo packets may be spoofed".
///
///   0  4  "TVe1"
///   4  4  discriminator of our session
///   8  8  sequence number, from 1
///  16 16  SipHash-2-4 of the 16 bytes before, 128 bits
///
/// 32 bytes: FRR returns nothing that is shorter than its own 24.
struct EchoPacket {
    std::uint32_t discriminator = 0;
    std::uint64_t sequence = 0;
    bool operator==(const EchoPacket&) const = default;
};

using EchoKey = std::array<std::uint8_t, 16>;  // random, one a session
using EchoBytes = std::array<std::byte, 32>;

EchoBytes encode(const EchoPacket& packet, const EchoKey& key);

/// For whom it would be, if its tag were right. nullopt: it is not in our form.
std::optional<EchoPacket> peek_echo(std::span<const std::byte> payload);

/// nullopt: not in our form, or not made with this key.
std::optional<EchoPacket> decode_echo(std::span<const std::byte> payload, const EchoKey& key);

}  // namespace trivet::announce::bfd
