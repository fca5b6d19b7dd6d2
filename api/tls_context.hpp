#pragma once
#include <memory>
#include <string_view>

#include <boost/asio/ssl/context.hpp>

#include "core/result.hpp"

namespace trivet::api {

struct TlsIdentity {
    std::string_view certificate_chain_pem;  // our own certificate first
    std::string_view private_key_pem;
};

/// A server context: TLS 1.2 or later, forward secrecy and authenticated encryption only, no
/// renegotiation, no compression, ALPN http/1.1 (RFC 9325).
/// Errors: invalid_argument, naming the part that OpenSSL does not take and why.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(TlsIdentity identity);

}  // namespace trivet::api
