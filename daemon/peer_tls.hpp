#pragma once
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "core/raft/types.hpp"
#include "core/result.hpp"
#include "daemon/pki.hpp"
#include "daemon/wire/lease_guard.hpp"

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

struct PeerPair {
    raft::RaftId dialler, acceptor;
};

/// The key that protects what the dialler of this connection sends to its acceptor as packets of
/// the leases: both ends derive the same one, and nobody else can (RFC 8446 section 7.5).
/// Errors: internal, OpenSSL does not derive it.
Result<LeaseKey> export_lease_key(SSL* connection, PeerPair pair);

}  // namespace trivet::daemon
