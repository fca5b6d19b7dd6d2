#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include <boost/asio/ssl/context.hpp>

#include "api/model/rest_client.hpp"

namespace trivet::model {

/// PEM texts, for who has no files.
struct PemTrust {
    std::string ca = {};  // empty: what the system trusts
    std::string certificate =
        {};  // with its chain: what the client shows of itself; empty: nothing
    std::string key = {};
    std::string advice = {};  // what to do when the server is not trusted: "correct ... in FILE"
};

/// The TLS side of one server: which CA is trusted, and how a failure is told. Owned by one call;
/// must outlive the streams made from its context.
class TlsTrust {
public:
    /// Errors: invalid_argument, the CA file or hash cannot be used.
    static Result<std::unique_ptr<TlsTrust>> make(const TlsServer& server);

    /// Errors: invalid_argument, one of the texts cannot be used.
    static Result<std::unique_ptr<TlsTrust>> make(const PemTrust& pem);

    boost::asio::ssl::context& context() { return context_; }
    /// Makes the handshake of `ssl` insist on the server's name or address (RFC 9110 §4.3.4).
    Result<void> expect_host(SSL* ssl, const std::string& host) const;
    /// Why the certificate of a failed handshake is not trusted, and what to do; empty when it is,
    /// and the handshake failed for another reason.
    std::string refusal(SSL* ssl) const;

private:
    using Sha256 = std::array<std::uint8_t, 32>;
    TlsTrust();
    static int verify_pinned(X509_STORE_CTX* context, void* self);
    static std::optional<Sha256> parse_hash(std::string_view text);

    boost::asio::ssl::context context_;
    Sha256 pinned_{};
    std::string advice_ = "give the cluster's CA with --ca-file or --ca-hash";
    bool pin_missed_ = false;  // no certificate that the server sent has the pinned hash
};

}  // namespace trivet::model
