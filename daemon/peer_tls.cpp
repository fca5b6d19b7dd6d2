#include "daemon/peer_tls.hpp"

#include <array>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>

#include "announce/durable_file.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t pem_bytes_max = 64 * 1024;
// RFC 5705 section 4: labels that begin so need no registration.
constexpr std::string_view lease_label = "EXPERIMENTAL-trivet-lease-1";

struct Pems {
    std::string certificate, key, authority;
};

Result<Pems> read_pems(const Pki& pki) {
    auto certificate = announce::read_file(pki.node_certificate(), pem_bytes_max);
    if (!certificate) return fail(certificate.error());
    auto key = announce::read_file(pki.node_key(), pem_bytes_max);
    if (!key) return fail(key.error());
    auto authority = announce::read_file(pki.ca_certificate(), pem_bytes_max);
    if (!authority) return fail(authority.error());
    return Pems{std::move(*certificate), std::move(*key), std::move(*authority)};
}

Result<std::shared_ptr<asio::ssl::context>> make_context(const Pems& pems,
                                                         asio::ssl::context::method method) {
    auto context = std::make_shared<asio::ssl::context>(method);
    SSL_CTX* native = context->native_handle();
    boost::system::error_code error;
    context->use_certificate_chain(asio::buffer(pems.certificate), error);
    if (!error) context->use_private_key(asio::buffer(pems.key), asio::ssl::context::pem, error);
    // The cluster's authority alone: what the system trusts does not make a node.
    if (!error) context->add_certificate_authority(asio::buffer(pems.authority), error);
    if (!error)
        context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert,
                                 error);
    if (error)
        return fail(ErrorCode::invalid_argument,
                    "OpenSSL does not take this node's certificate: " + error.message());
    if (SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) != 1)
        return fail(ErrorCode::internal, "OpenSSL lacks TLS 1.3");
    // Every connection proves itself anew, and a removed node finds no ticket to come back with.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(native, 0);
    return context;
}

}  // namespace

Result<PeerContexts> make_peer_contexts(const Pki& pki) {
    auto pems = read_pems(pki);
    if (!pems) return fail(pems.error());
    auto accepting = make_context(*pems, asio::ssl::context::tls_server);
    if (!accepting) return fail(accepting.error());
    auto dialling = make_context(*pems, asio::ssl::context::tls_client);
    if (!dialling) return fail(dialling.error());
    return PeerContexts{std::move(*accepting), std::move(*dialling)};
}

bool peer_is(SSL* connection, const std::string& node) {
    X509* certificate = SSL_get0_peer_certificate(connection);
    return certificate != nullptr &&
           X509_check_host(certificate, node.data(), node.size(),
                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS,
                           nullptr) == 1;
}

Result<LeaseKey> export_lease_key(SSL* connection, PeerPair pair) {
    // The two lives of data directories that the greeting has named: the key is for these alone.
    std::array<std::uint8_t, 16> context{};
    for (std::size_t i = 0; i < 8; ++i) {
        const auto shift = 56 - 8 * i;
        context[i] = static_cast<std::uint8_t>(pair.dialler.value() >> shift);
        context[8 + i] = static_cast<std::uint8_t>(pair.acceptor.value() >> shift);
    }
    LeaseKey key;
    if (SSL_export_keying_material(connection, key.bytes.data(), key.bytes.size(),
                                   lease_label.data(), lease_label.size(), context.data(),
                                   context.size(), 1) != 1)
        return fail(ErrorCode::internal, "OpenSSL derives no key from a connection to a node");
    return key;
}

}  // namespace trivet::daemon
