#include "announce/bfd/bfd_echo.hpp"

#include <algorithm>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>

#include "announce/wire_bytes.hpp"

namespace trivet::announce::bfd {

namespace {

constexpr std::array<std::uint8_t, 4> form{'T', 'V', 'e', '1'};
constexpr std::size_t tagged_bytes = 16;
using Tag = std::array<std::uint8_t, crypto_shorthash_siphashx24_BYTES>;
static_assert(tagged_bytes + Tag{}.size() == EchoBytes{}.size());
static_assert(EchoKey{}.size() == crypto_shorthash_siphashx24_KEYBYTES);

Tag tag_of(std::span<const std::uint8_t, tagged_bytes> tagged, const EchoKey& key) {
    Tag tag{};
    crypto_shorthash_siphashx24(tag.data(), tagged.data(), tagged.size(), key.data());
    return tag;
}

}  // namespace

EchoBytes encode(const EchoPacket& packet, const EchoKey& key) {
    std::array<std::uint8_t, tagged_bytes> tagged{};
    std::ranges::copy(form, tagged.begin());
    for (unsigned i = 0; i < 4; ++i)
        tagged[4 + i] = static_cast<std::uint8_t>(packet.discriminator >> (24 - 8 * i) & 0xff);
    for (unsigned i = 0; i < 8; ++i)
        tagged[8 + i] = static_cast<std::uint8_t>(packet.sequence >> (56 - 8 * i) & 0xff);
    const Tag tag = tag_of(tagged, key);
    EchoBytes bytes{};
    const auto to_byte = [](std::uint8_t value) { return std::byte{value}; };
    std::ranges::transform(tagged, bytes.begin(), to_byte);
    std::ranges::transform(tag, bytes.begin() + tagged_bytes, to_byte);
    return bytes;
}

std::optional<EchoPacket> peek_echo(std::span<const std::byte> payload) {
    if (payload.size() != EchoBytes{}.size()) return std::nullopt;
    ByteReader reader(payload);
    if (reader.array<form.size()>() != form) return std::nullopt;
    EchoPacket packet;
    packet.discriminator = reader.u32();
    const std::uint64_t high = reader.u32();
    packet.sequence = high << 32 | reader.u32();
    return packet;
}

std::optional<EchoPacket> decode_echo(std::span<const std::byte> payload, const EchoKey& key) {
    const auto packet = peek_echo(payload);
    if (!packet) return std::nullopt;
    ByteReader reader(payload);
    const auto tagged = reader.array<tagged_bytes>();
    const Tag right = tag_of(tagged, key);
    const auto given = reader.array<Tag{}.size()>();
    // In constant time, or the tag could be guessed byte by byte.
    if (sodium_memcmp(given.data(), right.data(), right.size()) != 0) return std::nullopt;
    return packet;
}

}  // namespace trivet::announce::bfd
