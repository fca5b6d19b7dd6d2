#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "announce/bfd/bfd_message.hpp"
#include "core/result.hpp"

using EVP_MD = struct evp_md_st;  // OpenSSL's own names for them
using EVP_MD_CTX = struct evp_md_ctx_st;

namespace trivet::announce::bfd {

enum class AuthenticationType : std::uint8_t {  // RFC 5880 section 4.1 "Auth Type"
    keyed_md5 = 2,
    meticulous_keyed_md5 = 3,
    keyed_sha1 = 4,
    meticulous_keyed_sha1 = 5,
};

struct AuthenticationKey {
    AuthenticationType type = AuthenticationType::meticulous_keyed_sha1;
    std::uint8_t key_id = 0;
    std::string secret = {};  // bytes: at most 16 for MD5, 20 for SHA1 (sections 6.7.3 and 6.7.4)
    bool operator==(const AuthenticationKey&) const = default;
};

/// Signs and verifies the packets of one session (RFC 5880 section 6.7). It allocates nothing, but
/// OpenSSL does for each digest, some hundred bytes. Not thread-safe: its session owns it.
class Authenticator {
public:
    /// `first_sequence` shall be random (section 6.8.1, bfd.XmitAuthSeq).
    /// Errors: invalid_argument, the length of the secret; unavailable, this system forbids the
    /// digest.
    static Result<Authenticator> make(const AuthenticationKey& key, std::uint32_t first_sequence);

    /// Adds the authentication section.
    void sign(ControlBytes& packet);
    /// `packet` is as long as its Length field says. nullopt: it is authentic, and its sequence
    /// number is the last one received.
    std::optional<Discard> verify(std::span<const std::byte> packet);
    /// Nothing was received "for at least twice the Detection Time" (section 6.8.1,
    /// bfd.AuthSeqKnown): the peer may have begun anew.
    void forget_sequence() { received_sequence_.reset(); }

private:
    struct Free {
        void operator()(EVP_MD* digest) const;
        void operator()(EVP_MD_CTX* context) const;
    };
    static constexpr std::size_t digest_bytes_max = 20;
    using Digest = std::array<std::uint8_t, digest_bytes_max>;

    Authenticator() = default;
    bool is_meticulous() const;
    std::size_t section_bytes() const;
    bool is_in_window(std::uint32_t sequence, std::uint8_t detect_multiplier) const;
    std::optional<Digest> digest_of(std::span<const std::byte> before_digest);

    AuthenticationType type_ = AuthenticationType::meticulous_keyed_sha1;
    std::uint8_t key_id_ = 0;
    std::size_t digest_bytes_ = 0;
    Digest key_{};  // padded with zeros
    std::unique_ptr<EVP_MD, Free> digest_;
    std::unique_ptr<EVP_MD_CTX, Free> context_;
    std::uint32_t sent_sequence_ = 0;                 // bfd.XmitAuthSeq
    std::optional<std::uint32_t> received_sequence_;  // bfd.RcvAuthSeq; nullopt: AuthSeqKnown is 0
    std::array<std::byte, mandatory_section_bytes> signed_before_{};
};

}  // namespace trivet::announce::bfd
