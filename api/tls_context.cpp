#include "api/tls_context.hpp"

#include <openssl/ssl.h>
#include <string>

#include <boost/asio/buffer.hpp>

namespace trivet::api {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// RFC 9325 section 4.2; TLS 1.3 has no other kind.
constexpr const char* cipher_list =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// Picks http/1.1 from the client's list; a client that offers only others is told so with
/// no_application_protocol (RFC 7301 section 3.2).
int select_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    unsigned char* selected = nullptr;
    if (SSL_select_next_proto(&selected, chosen_size, ours, sizeof ours - 1, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = selected;
    return SSL_TLSEXT_ERR_OK;
}

auto refuse(const char* what, const error_code& error) {
    return fail(ErrorCode::invalid_argument, std::string(what) + ": " + error.message());
}

}  // namespace

Result<std::shared_ptr<asio::ssl::context>> make_tls_context(TlsIdentity identity) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    error_code error;
    context->use_certificate_chain(asio::buffer(identity.certificate_chain_pem), error);
    if (error) return refuse("the certificate chain is no PEM that can be used", error);
    context->use_private_key(asio::buffer(identity.private_key_pem), asio::ssl::context::pem,
                             error);
    if (error) return refuse("the private key is no PEM, or not that of the certificate", error);
    SSL_CTX* native = context->native_handle();
    if (SSL_CTX_check_private_key(native) != 1)
        return fail(ErrorCode::invalid_argument, "the private key is not that of the certificate");
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(native, cipher_list) != 1)
        return fail(ErrorCode::internal, "OpenSSL lacks TLS 1.2 or its AEAD ciphers");
    SSL_CTX_set_options(
        native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Idle connections give their 34 KiB of record buffers back.
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(native, select_alpn, nullptr);
    return context;
}

}  // namespace trivet::api
