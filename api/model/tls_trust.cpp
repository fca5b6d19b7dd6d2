#include "api/model/tls_trust.hpp"

#include <fmt/format.h>
#include <openssl/x509v3.h>

namespace trivet::model {
namespace ssl = boost::asio::ssl;

TlsTrust::TlsTrust() : context_(ssl::context::tls_client) {
    context_.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                         ssl::context::no_tlsv1_1);
    context_.set_verify_mode(ssl::verify_peer);
}

Result<std::unique_ptr<TlsTrust>> TlsTrust::make(const TlsServer& server) {
    std::unique_ptr<TlsTrust> trust(new TlsTrust());
    boost::system::error_code error;
    if (!server.ca_hash.empty()) {
        const auto hash = parse_hash(server.ca_hash);
        if (!hash) {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no CA hash; it looks like sha256: and 64 hexadecimal "
                                    "digits, as 'lbctl init' printed it",
                                    server.ca_hash));
        }
        trust->pinned_ = *hash;
        SSL_CTX_set_cert_verify_callback(trust->context_.native_handle(), &verify_pinned,
                                         trust.get());
    } else if (!server.ca_file.empty()) {
        trust->context_.load_verify_file(server.ca_file, error);
        if (error) {
            return fail(ErrorCode::invalid_argument, fmt::format("CA file '{}' cannot be used: {}",
                                                                 server.ca_file, error.message()));
        }
    } else {
        trust->context_.set_default_verify_paths(error);
        if (error) {
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the system's CA certificates cannot be read: {}; name the "
                                    "cluster's with --ca-file or --ca-hash",
                                    error.message()));
        }
    }
    return trust;
}

Result<std::unique_ptr<TlsTrust>> TlsTrust::make(const PemTrust& pem) {
    std::unique_ptr<TlsTrust> trust(new TlsTrust());
    if (!pem.advice.empty()) trust->advice_ = pem.advice;
    boost::system::error_code error;
    const auto refuse = [&error](std::string_view what) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} cannot be used: {}", what, error.message()));
    };
    const auto buffer = [](const std::string& text) { return boost::asio::buffer(text); };
    if (pem.ca.empty())
        trust->context_.set_default_verify_paths(error);
    else
        trust->context_.add_certificate_authority(buffer(pem.ca), error);
    if (error) return refuse("the CA certificate");
    if (pem.certificate.empty()) return trust;
    trust->context_.use_certificate_chain(buffer(pem.certificate), error);
    if (error) return refuse("the client certificate");
    trust->context_.use_private_key(buffer(pem.key), ssl::context::pem, error);
    if (error) return refuse("the client's private key");
    return trust;
}

std::optional<TlsTrust::Sha256> TlsTrust::parse_hash(std::string_view text) {
    constexpr std::string_view prefix = "sha256:";
    if (!text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    Sha256 hash{};
    if (text.size() != 2 * hash.size()) return std::nullopt;
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (std::size_t i = 0; i < hash.size(); ++i) {
        const int high = digit(text[2 * i]);
        const int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        hash[i] = static_cast<std::uint8_t>(16 * high + low);
    }
    return hash;
}

/// Trusts, out of all that the server sent, only the certificate with the pinned hash; the chain up
/// to it, its validity and the host name are then checked as always.
int TlsTrust::verify_pinned(X509_STORE_CTX* context, void* self) {
    auto& trust = *static_cast<TlsTrust*>(self);
    STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(context);
    const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> trusted(
        sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_free(stack); });
    if (!trusted) return 0;
    for (int i = 0; i < sk_X509_num(sent); ++i) {
        X509* certificate = sk_X509_value(sent, i);
        Sha256 hash{};
        unsigned length = 0;
        if (X509_digest(certificate, EVP_sha256(), hash.data(), &length) != 1) continue;
        if (hash == trust.pinned_ && sk_X509_push(trusted.get(), certificate) <= 0) return 0;
    }
    if (sk_X509_num(trusted.get()) == 0) {
        trust.pin_missed_ = true;
        X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    X509_STORE_CTX_set0_trusted_stack(context, trusted.get());
    return X509_verify_cert(context);
}

Result<void> TlsTrust::expect_host(SSL* handle, const std::string& host) const {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(handle);
    if (IpAddress::parse(host)) {
        if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return {};
    } else {
        X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        // RFC 6066 §3: the name is sent, a literal address is not.
        if (X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size()) == 1 &&
            SSL_ctrl(handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(host.c_str())) == 1) {  // the macro has an old-style cast
            return {};
        }
    }
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no host name", host));
}

std::string TlsTrust::refusal(SSL* handle) const {
    const long verified = SSL_get_verify_result(handle);
    if (verified == X509_V_OK) return {};
    if (pin_missed_) {
        return "none of the certificates that it sent has the CA hash; compare the hash with what "
               "'lbctl init' printed, or use --ca-file";
    }
    const bool wrong_name =
        verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH;
    return fmt::format(
        "{}; {}", X509_verify_cert_error_string(verified),
        wrong_name ? "use a name or address that the certificate carries" : advice_.c_str());
}

}  // namespace trivet::model
