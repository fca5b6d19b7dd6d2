#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "announce/bgp/bgp_rib_out.hpp"
#include "announce/bgp/bgp_session.hpp"
#include "announce/bgp/bgp_socket.hpp"
#include "announce/bgp/tcp_connection.hpp"
#include "announce/boot_timer.hpp"
#include "announce/log_limit.hpp"

namespace trivet::announce::bgp {

/// How one peer fares, for people.
struct PeerStatus {
    std::string name;
    Endpoint remote;
    std::optional<IpAddress> local = {};  // of the established connection
    SessionStatus session = {};
    NextHops next_hops = {};
    std::map<AfiSafi, std::size_t> advertised = {};
    std::map<AfiSafi, HeldBack> held_back = {};  // routes that cannot be sent, and why
    RibOut::Counters sent = {};
    std::string transport_problem = {};  // why no connection can be made; empty: none
};

/// A BFD session that a peer wants (RFC 5882 section 4.2).
struct BfdWish {
    IpAddress remote;
    std::optional<IpAddress> local = {};  // nullopt: what the route to the peer says
    std::string interface = {};           // of a link-local peer, or the device bound to
    bool is_multihop = false;             // RFC 5883
    BfdSettings settings = {};
    bool operator==(const BfdWish&) const = default;
};

/// Carries bytes and time between the sockets of one peer, its session and its Adj-RIB-Out; holds
/// no protocol rule. Not thread-safe: everything happens on the executor's one thread.
class BgpPeer : public std::enable_shared_from_this<BgpPeer> {
public:
    struct Config {
        std::string name;
        Endpoint remote;
        BgpSession::Config session;
    };
    struct Handlers {
        std::function<void(const SessionUp&)> on_up;
        std::function<void(const SessionDown&)> on_down;
        Log log;
    };

    /// Errors: unavailable, no timer.
    static Result<std::shared_ptr<BgpPeer>> open(boost::asio::any_io_executor executor,
                                                 Config config, Handlers handlers);
    BgpPeer(boost::asio::any_io_executor executor, Config config, Handlers handlers);

    void start();
    /// An accepted connection from the peer's address.
    void adopt(boost::asio::ip::tcp::socket socket);
    void set_routes(std::shared_ptr<const BgpRoutes> routes);
    void on_bfd(BfdState state);
    /// CEASE with `subcode` and text, then idle until start().
    void stop(std::uint8_t cease_subcode, std::string_view text);
    /// No handler is called after this; what was sent before still goes out. Idempotent.
    void close();

    const Config& config() const { return config_; }
    SessionState state() const { return session_.state(); }
    PeerStatus status() const;
    const RibOut& rib() const { return rib_; }
    TransportOptions transport_options() const;

private:
    void perform(SessionActions actions);
    void perform(StartConnect);
    void perform(CancelConnect);
    void perform(SendBytes& send);
    void perform(const CloseTransport& close);
    void perform(const SessionUp& up);
    void perform(const SessionDown& down);
    void perform(const RefreshRequested& request);
    void on_timer(Instant now);
    void on_connect(std::uint64_t attempt, const boost::system::error_code& error);
    void adopt(boost::asio::ip::tcp::socket socket, Direction direction);
    void refuse_connect(const std::string& reason);
    /// Gives the connection the next UPDATEs, if it has room.
    void pump();
    void arm_timer();

    boost::asio::any_io_executor executor_;
    Config config_;
    Handlers handlers_;
    BgpSession session_;
    RibOut rib_;
    std::shared_ptr<BootTimer> timer_;
    std::map<ConnectionId, std::shared_ptr<TcpConnection>> connections_;
    std::optional<ConnectionId> established_;
    std::optional<boost::asio::ip::tcp::socket> connecting_;
    std::uint64_t attempt_ = 0;  // tells a connect that was cancelled from the present one
    ConnectionId next_connection_ = 1;
    NextHops next_hops_;
    std::string transport_problem_;
    bool is_closed_ = false;
};

}  // namespace trivet::announce::bgp
