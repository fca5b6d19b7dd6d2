#include "announce/bgp/bgp_engine.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <random>

#include "announce/bgp/bgp_notification.hpp"
#include "announce/boot_clock.hpp"

namespace trivet::announce::bgp {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::chrono::seconds tick_interval{1};  // as BgpService::status() says
constexpr std::chrono::seconds stranger_log_interval{60};

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

/// What may change without a new session.
bool needs_reset(const BgpPeerSettings& before, const BgpPeerSettings& after) {
    BgpPeerSettings compared = after;
    compared.bfd = before.bfd;
    return !(compared == before);
}

/// Where a multihop session ends is many routers away: BFD must not insist on one hop.
std::optional<BfdWish> bfd_wish(const Endpoint& remote, const BgpPeerSettings& settings) {
    if (!settings.bfd) return std::nullopt;
    return BfdWish{.remote = remote.address,
                   .local = settings.source_address,
                   .interface = remote.interface.empty() ? settings.bind_device : remote.interface,
                   .is_multihop = settings.ebgp_multi_hop,
                   .settings = *settings.bfd};
}

}  // namespace

BgpEngine::BgpEngine(asio::any_io_executor executor, BgpService::Config config,
                     BgpService::Callbacks callbacks)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      callbacks_(std::move(callbacks)),
      stranger_log_(stranger_log_interval) {}

Result<void> BgpEngine::start() {
    auto timer = BootTimer::open(executor_, [this](Instant now) { on_tick(now); });
    if (!timer) return fail(timer.error());
    tick_timer_ = std::move(*timer);
    started_at_ = boot_now();
    tick_timer_->arm(started_at_ + tick_interval);
    return {};
}

void BgpEngine::log(std::string level, std::string message) {
    if (callbacks_.on_log) callbacks_.on_log(std::move(level), std::move(message));
}

void BgpEngine::on_tick(Instant now) {
    tick_timer_->arm(now + tick_interval);
    listen();  // the port may be free by now
    take_status();
}

// ---- plan ---------------------------------------------------------------------------------------

void BgpEngine::set_plan(BgpPlan plan) {
    if (is_shut_down_) return;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto here = entry++;
        if (plan.contains(here->first)) continue;
        end(here->second, cease_reason::peer_deconfigured,
            "this peer was removed from the configuration");
        entries_.erase(here);
    }
    listen();
    for (const auto& [name, peer_plan] : plan) update(name, peer_plan);
    if (plan.empty()) {
        for (const auto& listener : listeners_) listener->close();
        listeners_.clear();
        listen_problem_.clear();
    }
    tell_bfd_wishes();
    take_status();
}

void BgpEngine::update(const std::string& name, const BgpPeerPlan& plan) {
    const auto [found, is_new] = entries_.try_emplace(name);
    Entry& entry = found->second;
    if (!is_new && !needs_reset(entry.plan.settings, plan.settings)) {
        entry.plan = plan;
        for (const auto& [peer_name, peer] : entry.peers) peer->set_routes(plan.routes);
        return;
    }
    if (!is_new)
        end(entry, cease_reason::other_configuration_change, "the settings of this peer changed");
    entry.plan = plan;
    set_listen_passwords(entry, true);
    const BgpPeerSettings& settings = entry.plan.settings;
    if (settings.peer_address)
        return open(entry, name,
                    {.address = *settings.peer_address,
                     .port = settings.peer_port,
                     .interface = settings.bind_device});
    if (settings.unnumbered_interface.empty()) return;  // a peer_prefix: they come to us
    entry.finder = RouterFinder::start(
        executor_, settings.unnumbered_interface,
        [this, name](IpAddress router) { on_router(name, router); },
        [this](std::string level, std::string message) {
            log(std::move(level), std::move(message));
        });
}

void BgpEngine::end(Entry& entry, std::uint8_t cease_subcode, std::string_view text) {
    if (entry.finder) entry.finder->close();
    entry.finder.reset();
    for (const auto& [name, peer] : entry.peers) {
        peer->stop(cease_subcode, text);
        peer->close();
    }
    entry.peers.clear();
    set_listen_passwords(entry, false);
}

void BgpEngine::open(Entry& entry, const std::string& peer_name, Endpoint remote) {
    const std::string entry_name =
        entry.plan.settings.peer_prefix ? peer_name.substr(0, peer_name.rfind('@')) : peer_name;
    BgpSession::Config session{.settings = entry.plan.settings,
                               .bgp_identifier = entry.plan.settings.router_id
                                                     ? entry.plan.settings.router_id->v4_value()
                                                     : config_.router_id,
                               .random_seed = random_seed()};
    // RFC 4724 section 4.1: the peers wait this long, and whoever is added later never knew us.
    session.restarting =
        config_.is_restart && boot_now() < started_at_ + entry.plan.settings.restart_time;
    for (const AfiSafi family : {ipv4_unicast, ipv6_unicast})
        session.forwarding_kept[family] = session.restarting && config_.forwarding_kept;
    auto peer = BgpPeer::open(
        executor_, {.name = peer_name, .remote = std::move(remote), .session = std::move(session)},
        {.on_up =
             [this, peer_name](const SessionUp& up) {
                 callbacks_.on_event({.peer = peer_name,
                                      .is_up = true,
                                      .text = fmt::format("BGP session with AS {} is established",
                                                          up.negotiated.peer_as.value())});
             },
         .on_down = [this, entry_name,
                     peer_name](const SessionDown& down) { on_down(entry_name, peer_name, down); },
         .log = [this](std::string level,
                       std::string message) { log(std::move(level), std::move(message)); }});
    if (!peer) return log("error", peer.error().message);
    entry.peers[peer_name] = *peer;
    (*peer)->set_routes(entry.plan.routes);
    (*peer)->start();
}

void BgpEngine::on_down(const std::string& entry_name, const std::string& peer,
                        const SessionDown& down) {
    if (down.was_established)
        callbacks_.on_event({.peer = peer, .is_up = false, .text = to_words(down)});
    const auto found = entries_.find(entry_name);
    if (found == entries_.end() || !found->second.plan.settings.peer_prefix) return;
    // A dynamic neighbour comes back by itself. After the present event, for it is in the middle.
    asio::post(executor_, [this, entry_name, peer] {
        const auto entry = entries_.find(entry_name);
        if (entry == entries_.end()) return;
        const auto gone = entry->second.peers.find(peer);
        if (gone == entry->second.peers.end()) return;
        if (gone->second->state() == SessionState::established) return;
        gone->second->close();
        entry->second.peers.erase(gone);
        tell_bfd_wishes();
    });
}

void BgpEngine::on_router(const std::string& name, std::optional<IpAddress> router) {
    const auto found = entries_.find(name);
    if (found == entries_.end() || !router) return;
    Entry& entry = found->second;
    for (const auto& [peer_name, peer] : entry.peers) {
        peer->stop(cease_reason::other_configuration_change,
                   "the router of this link has another address");
        peer->close();
    }
    entry.peers.clear();
    const BgpPeerSettings& settings = entry.plan.settings;
    open(entry, name,
         {.address = *router,
          .port = settings.peer_port,
          .interface = settings.unnumbered_interface});
    tell_bfd_wishes();
}

void BgpEngine::on_bfd(const std::string& peer, BfdState state) {
    for (auto& [name, entry] : entries_)
        if (const auto found = entry.peers.find(peer); found != entry.peers.end())
            return found->second->on_bfd(state);
}

void BgpEngine::reset(const std::string& peer) {
    const auto found = entries_.find(peer);
    if (found == entries_.end()) return;
    const auto peers = found->second.peers;  // a dynamic neighbour leaves while it is stopped
    for (const auto& [name, each] : peers) {
        each->stop(cease_reason::administrative_reset, "reset by hand");
        each->start();
    }
}

void BgpEngine::shutdown() {
    is_shut_down_ = true;
    for (auto& [name, entry] : entries_)
        end(entry, cease_reason::administrative_shutdown, "this node is being stopped");
    entries_.clear();
    for (const auto& listener : listeners_) listener->close();
    listeners_.clear();
    tick_timer_->close();
}

// ---- listening ----------------------------------------------------------------------------------

void BgpEngine::listen() {
    if (!listeners_.empty() || entries_.empty()) return;
    std::vector<IpAddress> addresses = config_.listen_addresses;
    if (addresses.empty()) addresses = {IpAddress{}, IpAddress::v6({})};
    for (const IpAddress address : addresses) {
        auto listener = BgpListener::open(
            executor_, {.address = address, .port = config_.listen_port},
            [this](tcp::socket socket) { on_accepted(std::move(socket)); },
            [this](std::string level, std::string message) {
                log(std::move(level), std::move(message));
            });
        if (listener) {
            listeners_.push_back(std::move(*listener));
            continue;
        }
        // Sessions that this side opens work all the same.
        if (std::exchange(listen_problem_, listener.error().message) != listener.error().message)
            log("warning", listen_problem_);
    }
    for (const auto& [name, entry] : entries_) set_listen_passwords(entry, true);
}

void BgpEngine::set_listen_passwords(const Entry& entry, bool is_wanted) {
    const BgpPeerSettings& settings = entry.plan.settings;
    if (settings.password.empty()) return;
    std::optional<Prefix> peer = settings.peer_prefix;
    if (settings.peer_address) peer = Prefix::host(*settings.peer_address);
    if (!peer) return;  // an unnumbered router: this side opens the connection
    for (const auto& listener : listeners_) {
        if (listener->family() != peer->family()) continue;
        const auto done = set_password(listener->descriptor(), *peer,
                                       is_wanted ? settings.password : std::string());
        if (!done) log("error", done.error().message);
    }
}

std::shared_ptr<BgpPeer> BgpEngine::peer_of(IpAddress remote, const std::string& interface) {
    for (auto& [name, entry] : entries_)
        for (auto& [peer_name, peer] : entry.peers) {
            const Endpoint& at = peer->config().remote;
            const bool is_same_link =
                !remote.is_link_local() || remote.is_v4() || at.interface == interface;
            if (at.address == remote && is_same_link) return peer;
        }
    for (auto& [name, entry] : entries_) {
        const auto& prefix = entry.plan.settings.peer_prefix;
        if (!prefix || prefix->family() != remote.family() || !prefix->contains(remote)) continue;
        if (entry.peers.size() >= dynamic_peers_max) return nullptr;
        const std::string peer_name = name + "@" + remote.to_string();
        open(entry, peer_name, {.address = remote, .interface = interface});
        tell_bfd_wishes();
        const auto opened = entry.peers.find(peer_name);
        return opened == entry.peers.end() ? nullptr : opened->second;
    }
    return nullptr;
}

void BgpEngine::on_accepted(tcp::socket socket) {
    boost::system::error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    if (error) return;  // gone already
    const IpAddress remote = from_asio(endpoint.address());
    std::string interface;
    if (endpoint.address().is_v6() && endpoint.address().to_v6().scope_id() != 0)
        interface = interface_name(static_cast<unsigned>(endpoint.address().to_v6().scope_id()));
    if (const auto peer = peer_of(remote, interface)) return peer->adopt(std::move(socket));
    if (const auto held_back = stranger_log_.admit(boot_now()))
        log("warning", fmt::format("{} wanted a BGP session and is no bgp-peer of this node{}",
                                   remote.to_string(), held_back_note(*held_back)));
}

// ---- what others ask for ------------------------------------------------------------------------

void BgpEngine::tell_bfd_wishes() {
    if (!callbacks_.on_bfd_wishes) return;
    std::map<std::string, BfdWish> wishes;
    for (const auto& [name, entry] : entries_)
        for (const auto& [peer_name, peer] : entry.peers)
            if (auto wish = bfd_wish(peer->config().remote, entry.plan.settings))
                wishes.emplace(peer_name, std::move(*wish));
    if (wishes == bfd_told_) return;
    bfd_told_ = wishes;
    callbacks_.on_bfd_wishes(std::move(wishes));
}

std::vector<AdvertisedRoute> BgpEngine::routes(const RouteQuery& query) const {
    std::vector<AdvertisedRoute> routes;
    for (const auto& [name, entry] : entries_)
        for (const auto& [peer_name, peer] : entry.peers) {
            if (!query.peer.empty() && query.peer != peer_name && query.peer != name) continue;
            if (!query.covering) {
                for (const ToldRoute& route : peer->rib().told_routes({}, query.count_max))
                    routes.push_back({peer_name, route.prefix, *route.attributes});
                continue;
            }
            for (int length = query.covering->bits(); length >= 0; --length) {
                const Prefix prefix = Prefix::containing(*query.covering, length);
                if (const BgpAttributes* told = peer->rib().told(prefix))
                    routes.push_back({peer_name, prefix, *told});
            }
        }
    return routes;
}

void BgpEngine::take_status() {
    std::vector<PeerStatus> status;
    for (const auto& [name, entry] : entries_) {
        for (const auto& [peer_name, peer] : entry.peers) {
            status.push_back(peer->status());
            if (!listen_problem_.empty() && entry.plan.settings.passive)
                status.back().transport_problem = listen_problem_;
        }
        if (!entry.peers.empty() || entry.plan.settings.peer_prefix) continue;
        PeerStatus waiting{.name = name, .remote = {}};
        waiting.transport_problem = entry.finder && !entry.finder->problem().empty()
                                        ? entry.finder->problem()
                                        : fmt::format("no router has been heard on '{}' yet",
                                                      entry.plan.settings.unnumbered_interface);
        status.push_back(std::move(waiting));
    }
    const std::scoped_lock lock(status_mutex_);
    status_ = std::move(status);
}

std::vector<PeerStatus> BgpEngine::status() const {
    const std::scoped_lock lock(status_mutex_);
    return status_;
}

}  // namespace trivet::announce::bgp
