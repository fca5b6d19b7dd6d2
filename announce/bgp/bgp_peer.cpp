#include "announce/bgp/bgp_peer.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "announce/boot_clock.hpp"

namespace trivet::announce::bgp {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// UPDATEs that wait beside what the kernel holds: enough to keep it busy, and little memory for a
// peer that reads slowly.
constexpr std::size_t update_bytes = std::size_t{128} * 1024;

constexpr std::uint8_t ttl_max = 255;
constexpr std::uint8_t ttl_of_neighbour = 1;  // RFC 4271 appendix; as every router's default

std::uint8_t ttl_of(const BgpPeerSettings& settings) {
    // A peer of our own AS is usually a few hops away; an external one is not, unless so
    // configured.
    const bool is_internal = settings.dynamic_asn == DynamicAsn::internal ||
                             settings.peer_asn == settings.local_asn.value_or(settings.my_asn);
    if (settings.ttl_security_hops || settings.ebgp_multi_hop || is_internal) return ttl_max;
    return ttl_of_neighbour;
}

}  // namespace

BgpPeer::BgpPeer(asio::any_io_executor executor, Config config, Handlers handlers)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      handlers_(std::move(handlers)),
      session_(config_.session) {}

Result<std::shared_ptr<BgpPeer>> BgpPeer::open(asio::any_io_executor executor, Config config,
                                               Handlers handlers) {
    auto peer = std::make_shared<BgpPeer>(executor, std::move(config), std::move(handlers));
    auto timer = BootTimer::open(executor, [weak = peer->weak_from_this()](Instant now) {
        if (const auto self = weak.lock()) self->on_timer(now);
    });
    if (!timer) return fail(timer.error());
    peer->timer_ = std::move(*timer);
    return peer;
}

/// What has arrived first: a process that was suspended does not take its own sleep for silence.
void BgpPeer::on_timer(Instant now) {
    const auto connections = connections_;  // handlers change it
    for (const auto& [id, connection] : connections) connection->read_waiting();
    if (!is_closed_) perform(session_.on_timer(now));
}

TransportOptions BgpPeer::transport_options() const {
    const BgpPeerSettings& settings = config_.session.settings;
    TransportOptions options{.source_address = settings.source_address,
                             .bind_device = settings.bind_device,
                             .password = settings.password,
                             .ttl = ttl_of(settings)};
    if (settings.ttl_security_hops)  // RFC 5082 section 3
        options.minimum_ttl = static_cast<std::uint8_t>(ttl_max - *settings.ttl_security_hops + 1);
    options.user_timeout = settings.hold_time;
    return options;
}

void BgpPeer::start() { perform(session_.start(boot_now())); }
void BgpPeer::on_bfd(BfdState state) { perform(session_.on_bfd(state, boot_now())); }

void BgpPeer::stop(std::uint8_t cease_subcode, std::string_view text) {
    perform(session_.stop(cease_subcode, text, boot_now()));
}

void BgpPeer::close() {
    is_closed_ = true;
    timer_->close();
    connecting_.reset();
    for (const auto& [id, connection] : connections_) connection->close();
    connections_.clear();
}

void BgpPeer::set_routes(std::shared_ptr<const BgpRoutes> routes) {
    rib_.set_routes(std::move(routes));
    pump();
    arm_timer();
}

// ---- connections --------------------------------------------------------------------------------

void BgpPeer::perform(StartConnect) {
    perform(CancelConnect{});
    const auto endpoint = to_asio(config_.remote);
    if (!endpoint) return refuse_connect(endpoint.error().message);
    auto socket = open_outgoing(executor_, config_.remote, transport_options());
    if (!socket) return refuse_connect(socket.error().message);
    connecting_ = std::move(*socket);
    connecting_->async_connect(*endpoint, [weak = weak_from_this(), attempt = ++attempt_](
                                              const boost::system::error_code& error) {
        if (const auto self = weak.lock()) self->on_connect(attempt, error);
    });
}

void BgpPeer::perform(CancelConnect) {
    ++attempt_;
    connecting_.reset();
}

/// After the present event, for the session is in the middle of it.
void BgpPeer::refuse_connect(const std::string& reason) {
    asio::post(executor_, [weak = weak_from_this(), attempt = ++attempt_, reason] {
        const auto self = weak.lock();
        if (!self || self->is_closed_ || attempt != self->attempt_) return;
        self->transport_problem_ = reason;
        self->perform(self->session_.on_connect_failed(reason, boot_now()));
    });
}

void BgpPeer::on_connect(std::uint64_t attempt, const boost::system::error_code& error) {
    if (is_closed_ || attempt != attempt_ || !connecting_) return;
    tcp::socket socket = std::move(*connecting_);
    connecting_.reset();
    transport_problem_ = error ? error.message() : "";
    if (error) return perform(session_.on_connect_failed(error.message(), boot_now()));
    adopt(std::move(socket), Direction::outgoing);
}

void BgpPeer::adopt(tcp::socket socket) {
    if (auto prepared = prepare_accepted(socket, transport_options()); !prepared)
        return handlers_.log("warning", fmt::format("a connection of BGP peer '{}' was dropped: {}",
                                                    config_.name, prepared.error().message));
    adopt(std::move(socket), Direction::incoming);
}

void BgpPeer::adopt(tcp::socket socket, Direction direction) {
    const ConnectionId id = next_connection_++;
    const auto weak = weak_from_this();
    connections_[id] = TcpConnection::start(
        std::move(socket),
        {.on_bytes =
             [weak, id](std::span<const std::byte> bytes) {
                 if (const auto self = weak.lock())
                     self->perform(self->session_.on_bytes(id, bytes, boot_now()));
             },
         .on_closed =
             [weak, id](const std::string& reason) {
                 const auto self = weak.lock();
                 if (!self) return;
                 self->connections_.erase(id);
                 self->perform(self->session_.on_closed(id, reason, boot_now()));
             },
         .on_written =
             [weak, id](std::size_t taken, std::size_t waiting) {
                 const auto self = weak.lock();
                 if (!self || self->is_closed_) return;
                 self->session_.on_write_progress(id, {.taken = taken, .waiting = waiting},
                                                  boot_now());
                 self->pump();
                 self->arm_timer();
             }});
    perform(session_.on_connected(id, direction, boot_now()));
}

// ---- what the session wants ---------------------------------------------------------------------

void BgpPeer::perform(SessionActions actions) {
    for (SessionAction& action : actions) {
        if (is_closed_) return;
        std::visit([this](auto& one) { perform(one); }, action);
    }
    arm_timer();
}

void BgpPeer::arm_timer() {
    if (!is_closed_) timer_->arm(session_.next_deadline());
}

void BgpPeer::perform(SendBytes& send) {
    const auto found = connections_.find(send.connection);
    if (found != connections_.end()) found->second->send(std::move(send.bytes));
}

void BgpPeer::perform(const CloseTransport& close) {
    const auto found = connections_.find(close.connection);
    if (found == connections_.end()) return;  // it was the peer who closed it
    if (close.closing == Closing::at_once)
        found->second->abort();
    else
        found->second->close();
    connections_.erase(found);
}

void BgpPeer::perform(const SessionUp& up) {
    const auto& connection = *connections_.at(up.connection);
    const InterfaceAddresses beside =
        addresses_beside(connection.local(), config_.remote.interface);
    next_hops_ = {
        .ipv4 = beside.ipv4, .ipv6 = beside.ipv6, .ipv6_link_local = beside.ipv6_link_local};
    if (!config_.session.settings.unnumbered_interface.empty()) {
        // What the router surely reaches on a link where nobody need have another address.
        next_hops_.ipv6.reset();
        if (up.negotiated.codec.extended_next_hop.contains(ipv4_unicast)) next_hops_.ipv4.reset();
    }
    established_ = up.connection;
    rib_.on_up(up.negotiated, next_hops_, config_.session.settings.role);
    handlers_.on_up(up);
    pump();
}

void BgpPeer::perform(const SessionDown& down) {
    if (down.was_established) {
        established_.reset();
        rib_.on_down();
    }
    handlers_.on_down(down);
}

void BgpPeer::perform(const RefreshRequested& request) {
    rib_.refresh(request.family);
    pump();
}

void BgpPeer::pump() {
    if (!established_ || is_closed_) return;
    const auto found = connections_.find(*established_);
    if (found == connections_.end()) return;
    TcpConnection& connection = *found->second;
    while (connection.waiting() < update_bytes && rib_.has_work()) {
        const std::uint64_t before = rib_.counters().updates_sent;
        std::vector<std::byte> updates = rib_.take_updates(update_bytes);
        if (updates.empty()) break;  // what is left cannot be sent; the status tells why
        connection.send(std::move(updates));
        session_.on_updates_sent(*established_, rib_.counters().updates_sent - before, boot_now());
    }
    session_.on_write_progress(*established_, {.taken = 0, .waiting = connection.waiting()},
                               boot_now());
}

PeerStatus BgpPeer::status() const {
    PeerStatus status{.name = config_.name, .remote = config_.remote};
    status.session = session_.status();
    status.next_hops = next_hops_;
    status.sent = rib_.counters();
    status.transport_problem = transport_problem_;
    if (established_)
        if (const auto found = connections_.find(*established_); found != connections_.end())
            status.local = found->second->local();
    for (const AfiSafi family : {ipv4_unicast, ipv6_unicast}) {
        status.advertised[family] = rib_.advertised(family);
        status.held_back[family] = rib_.held_back(family);
    }
    return status;
}

}  // namespace trivet::announce::bgp
