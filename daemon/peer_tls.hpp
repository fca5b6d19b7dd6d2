#pragma once
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "core/result.hpp"
#include "daemon/pki.hpp"

/// TLS between nodes: version 1.3, and both sides show a certificate of the cluster's authority.
namespace trivet::daemon {

struct PeerContexts {
    std::shared_ptr<boost::asio::ssl::context> accepting, dialling;
};

/// From the node's files, as they are now. Errors: those of reading them; invalid_argument, OpenSSL
/// does not take them.
Result<PeerContexts> make_peer_contexts(const Pki& pki);

/// Whether the peer's certificate carries the node's name among its alternative names (RFC 6125
/// section 6.4.4: never by the common name).
bool peer_is(SSL* connection, const std::string& node);

}  // namespace trivet::daemon
