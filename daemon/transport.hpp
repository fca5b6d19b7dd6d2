#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/raft/types.hpp"
#include "daemon/log.hpp"
#include "daemon/peer_tls.hpp"
#include "daemon/wire/frame.hpp"

namespace trivet::daemon {

class PeerLink;
struct TransportShared;

/// The connections between this node and the others (docs/internals/transport.md): one that it
/// dials to each member, on which it alone sends, and one that each member dials to it. A message
/// may be lost, never changed, and never comes from another node than it says.
/// Lives on the thread of `io`; callbacks come there, never from within a call.
class Transport {
public:
    struct Options {
        raft::RaftId id;
        std::string node;
        raft::BootHistory boots;
    };
    struct Callbacks {
        std::function<void(raft::RaftId from, Frame frame)> on_frame;
        /// The way to `peer` is open, or no more: what was sent on it last may be lost.
        std::function<void(raft::RaftId peer, bool is_up)> on_link;
        /// Whether a peer's disk can be what it shows. Errors: the reason, which the peer is told.
        std::function<Result<void>(raft::RaftId peer, const std::string& node,
                                   const raft::BootHistory& boots)>
            check_peer;
        std::function<std::string()> cluster_id;  // empty: not known yet
        std::function<std::string()> address;     // where this node listens, for the others
        /// A node that may be dialled said where.
        std::function<void(raft::RaftId peer, const raft::Member& member)> on_introduction;
        /// A key for packets of the leases to or from `peer`, who knows it by now or will before
        /// it uses it. On every new connection; older ones stay good (wire/lease_guard.hpp).
        std::function<void(raft::RaftId peer, LeaseKeyUse use, const LeaseKey& key)> on_lease_key =
            {};
    };
    struct LinkState {
        bool is_up = false;
        std::string problem;  // why it is not
    };

    Transport(boost::asio::io_context& io, Log& log, Options options, Callbacks callbacks);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Errors: unavailable, naming address and reason.
    Result<void> listen(const boost::asio::ip::tcp::endpoint& endpoint, PeerContexts contexts);
    bool is_listening() const;
    /// A renewed certificate, for handshakes from now on.
    void use(PeerContexts contexts);
    /// Dials new ones, and lets those go that are not named any more once they had time to hear of
    /// it.
    void set_peers(const std::map<raft::RaftId, raft::Member>& members);
    /// False: there is no connection, or its queue is full.
    bool send(raft::RaftId to, const Frame& frame);
    LinkState link(raft::RaftId peer) const;
    /// Peers that were turned away lately, and why, for `cluster status`.
    std::vector<std::string> refusals() const;
    void stop();

private:
    void accept();
    void drop(raft::RaftId peer);

    std::shared_ptr<TransportShared> shared_;
    std::map<raft::RaftId, std::shared_ptr<PeerLink>> links_;
    boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace trivet::daemon
