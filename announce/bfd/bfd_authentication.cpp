#include "announce/bfd/bfd_authentication.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "announce/wire_bytes.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

constexpr std::size_t md5_bytes = 16;
constexpr std::size_t sha1_bytes = 20;
constexpr std::size_t section_head_bytes = 8;  // type, length, key id, reserved, sequence number
constexpr std::size_t key_id_offset = mandatory_section_bytes + 2;
constexpr std::size_t digest_offset = mandatory_section_bytes + section_head_bytes;
// RFC 5880 section 4.1: the second byte's A bit, the third one is Detect Mult, the fourth Length.
constexpr std::byte authentication_bit{0x04};
constexpr std::size_t multiplier_offset = 2;
constexpr std::size_t length_offset = 3;

bool is_md5(AuthenticationType type) {
    return type == AuthenticationType::keyed_md5 ||
           type == AuthenticationType::meticulous_keyed_md5;
}

}  // namespace

void Authenticator::Free::operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
void Authenticator::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Result<Authenticator> Authenticator::make(const AuthenticationKey& key,
                                          std::uint32_t first_sequence) {
    Authenticator made;
    made.type_ = key.type;
    made.key_id_ = key.key_id;
    made.digest_bytes_ = is_md5(key.type) ? md5_bytes : sha1_bytes;
    const char* name = is_md5(key.type) ? "MD5" : "SHA1";
    if (key.secret.empty() || key.secret.size() > made.digest_bytes_)
        return fail(ErrorCode::invalid_argument,
                    std::string("a BFD secret for ") + name + " has 1 to " +
                        std::to_string(made.digest_bytes_) + " bytes, not " +
                        std::to_string(key.secret.size()));
    std::ranges::transform(key.secret, made.key_.begin(),
                           [](char each) { return static_cast<std::uint8_t>(each); });
    made.digest_.reset(EVP_MD_fetch(nullptr, name, nullptr));
    made.context_.reset(EVP_MD_CTX_new());
    if (made.digest_ == nullptr || made.context_ == nullptr ||
        EVP_DigestInit_ex2(made.context_.get(), made.digest_.get(), nullptr) != 1)
        return fail(ErrorCode::unavailable,
                    std::string("BFD authentication by ") + name +
                        ": OpenSSL does not offer it on this system; choose the other digest");
    made.sent_sequence_ = first_sequence;
    return made;
}

bool Authenticator::is_meticulous() const {
    return type_ == AuthenticationType::meticulous_keyed_md5 ||
           type_ == AuthenticationType::meticulous_keyed_sha1;
}

std::size_t Authenticator::section_bytes() const { return section_head_bytes + digest_bytes_; }

void Authenticator::sign(ControlBytes& packet) {
    TRIVET_ASSERT(packet.size == mandatory_section_bytes);
    const auto mandatory = std::span(packet.bytes).first<mandatory_section_bytes>();
    // Sections 6.7.3 and 6.7.4: meticulous "MUST be incremented" by each packet; otherwise "SHOULD
    // be incremented when ... the packet carries different contents".
    if (is_meticulous() || !std::ranges::equal(mandatory, signed_before_)) ++sent_sequence_;
    std::ranges::copy(mandatory, signed_before_.begin());

    packet.size = static_cast<std::uint8_t>(mandatory_section_bytes + section_bytes());
    packet.bytes[1] |= authentication_bit;
    packet.bytes[length_offset] = std::byte{packet.size};
    const std::array<std::uint8_t, section_head_bytes> head{
        static_cast<std::uint8_t>(type_),
        static_cast<std::uint8_t>(section_bytes()),
        key_id_,
        0,  // sections 4.3 and 4.4: reserved, "MUST be set to zero on transmit"
        static_cast<std::uint8_t>(sent_sequence_ >> 24),
        static_cast<std::uint8_t>(sent_sequence_ >> 16 & 0xff),
        static_cast<std::uint8_t>(sent_sequence_ >> 8 & 0xff),
        static_cast<std::uint8_t>(sent_sequence_ & 0xff),
    };
    const auto to_byte = [](std::uint8_t value) { return std::byte{value}; };
    std::ranges::transform(head, packet.bytes.begin() + mandatory_section_bytes, to_byte);
    const auto digest = digest_of(std::span(packet.bytes).first<digest_offset>());
    TRIVET_ASSERT(digest.has_value());  // it worked when this object was made
    std::ranges::transform(std::span(*digest).first(digest_bytes_),
                           packet.bytes.begin() + digest_offset, to_byte);
}

std::optional<Discard> Authenticator::verify(std::span<const std::byte> packet) {
    // Sections 6.7.3 and 6.7.4, in their order.
    ByteReader reader(packet);
    reader.take(mandatory_section_bytes);
    const std::uint8_t type = reader.u8();
    const std::uint8_t section_length = reader.u8();
    if (type != static_cast<std::uint8_t>(type_)) return Discard::authentication_type;
    if (packet.size() <= key_id_offset) return Discard::authentication_length;
    if (reader.u8() != key_id_) return Discard::authentication_key_id;
    if (section_length != section_bytes() ||
        packet.size() != mandatory_section_bytes + section_bytes())
        return Discard::authentication_length;
    reader.take(1);  // reserved, "ignored on receipt"
    const std::uint32_t sequence = reader.u32();
    const auto detect_multiplier = std::to_integer<std::uint8_t>(packet[multiplier_offset]);
    if (!is_in_window(sequence, detect_multiplier)) return Discard::authentication_sequence;

    const auto right = digest_of(packet.first(digest_offset));
    if (!right || CRYPTO_memcmp(right->data(), reader.rest().data(), digest_bytes_) != 0)
        return Discard::authentication_digest;
    // Only now: what anybody could have sent shall not move the window.
    received_sequence_ = sequence;
    return std::nullopt;
}

bool Authenticator::is_in_window(std::uint32_t sequence, std::uint8_t detect_multiplier) const {
    if (!received_sequence_) return true;
    // "Inclusive (when treated as an unsigned 32-bit circular number space)".
    const std::uint32_t ahead = sequence - *received_sequence_;
    return ahead >= (is_meticulous() ? 1U : 0U) && ahead <= 3U * detect_multiplier;
}

/// "Calculated over the entire BFD Control packet", with the key in the place of the digest.
std::optional<Authenticator::Digest> Authenticator::digest_of(
    std::span<const std::byte> before_digest) {
    Digest digest{};
    unsigned size = 0;
    const bool done =
        EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1 &&
        EVP_DigestUpdate(context_.get(), before_digest.data(), before_digest.size()) == 1 &&
        EVP_DigestUpdate(context_.get(), key_.data(), digest_bytes_) == 1 &&
        EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1;
    if (!done || size != digest_bytes_) return std::nullopt;
    return digest;
}

}  // namespace trivet::announce::bfd
