#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include <boost/asio/post.hpp>

#include "core/bgp_policy.hpp"
#include "daemon/answer_of.hpp"
#include "daemon/bgp_adapter.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The parts of Node that announce VIPs by BGP, and watch the peers by BFD.
namespace trivet::daemon {

namespace asio = boost::asio;
namespace bfd = announce::bfd;
namespace bgp = announce::bgp;

namespace {

// A plan is made from the whole state: after a burst of changes once, and never for more than a
// tenth of the time.
constexpr auto plan_after = std::chrono::milliseconds{5};
constexpr int plan_share = 10;
// Between the announcement with GRACEFUL_SHUTDOWN and the withdrawal: routers have chosen the other
// nodes' routes by then (RFC 8326 section 4).
constexpr auto drain_for = std::chrono::seconds{10};

/// An identifier in the form of an IPv4 address (RFC 6286: any non-zero number that differs from
/// the neighbours'), the same in every life of the node.
std::uint32_t default_router_id(const std::string& node) {
    for (const IpAddress address : host_addresses())
        if (address.is_v4()) return address.v4_value();
    std::uint32_t hash = 2166136261;  // FNV-1a: a machine that has IPv6 alone
    for (const char c : node) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
    return std::max<std::uint32_t>(hash, 1);
}

bgp::BfdState bgp_state_of(const bfd::SessionEvent& event) {
    if (event.is_up) return bgp::BfdState::up;
    return event.is_remote_admin_down ? bgp::BfdState::admin_down : bgp::BfdState::down;
}

/// Whether this machine has not been started anew since this was last asked: what it forwards
/// packets with has outlived the process then (RFC 4724 section 4.1).
Result<bool> is_same_boot(const std::filesystem::path& data_dir) {
    const auto read = [](const std::filesystem::path& path) {
        std::string text;
        std::getline(std::ifstream(path), text);
        return text;
    };
    const std::string now = read("/proc/sys/kernel/random/boot_id");
    const std::string before = read(data_dir / "boot-id");
    if (now.empty() || now == before) return !now.empty();
    std::ofstream out(data_dir / "boot-id", std::ios::trunc);
    out << now << "\n";
    out.close();
    if (!out)
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot write {}", (data_dir / "boot-id").string()));
    return false;
}

}  // namespace

/// Before the first plan.
void Node::look_at_boot() {
    const auto same = is_same_boot(config_.data_dir);
    if (!same) log_.warning("graceful restart is not used", {{"reason", same.error().message}});
    is_bgp_restart_ = state_.initialised() && same && *same;
}

void Node::plan_bgp_soon() {
    if (is_bgp_planned_ || is_stopped_) return;
    is_bgp_planned_ = true;
    bgp_timer_.expires_at(
        std::max(std::chrono::steady_clock::now() + plan_after, bgp_plan_not_before_));
    bgp_timer_.async_wait([this](boost::system::error_code error) {
        is_bgp_planned_ = false;
        if (!error) plan_bgp();
    });
}

void Node::plan_bgp() {
    if (is_stopped_ || is_released_) return;
    const auto begun = std::chrono::steady_clock::now();
    drain_stage_ = drain_stage();
    BgpDuty duty = bgp_duty(state_, config_.node, {.drain = drain_stage_, .before = &bgp_plan_});
    std::set<IpAddress> bound(duty.bound.begin(), duty.bound.end());
    if (bound != bgp_bound_) {
        bgp_bound_ = bound;
        // First: routers send traffic as soon as they know a route.
        announcer_->set_bound(std::move(bound));
    }
    if (!duty.plan.empty() && !bgp_) start_bgp();
    bgp_plan_ = std::move(duty.plan);
    if (bgp_) bgp_->set_plan(bgp_plan_);
    const auto ended = std::chrono::steady_clock::now();
    bgp_plan_not_before_ = ended + plan_share * (ended - begun);
}

/// A drained node first tells its peers that its routes will go away, and then takes them back.
DrainStage Node::drain_stage() {
    const auto self = state_.nodes().find(config_.node);
    const bool is_drained = self != state_.nodes().end() && self->second.object.drained;
    const bool is_first_plan = !std::exchange(has_planned_bgp_, true);
    if (!is_drained) {
        drained_at_.reset();
        drain_timer_.cancel();
        return DrainStage::none;
    }
    const Instant now = boot_now();
    if (!drained_at_) {
        // One that starts drained has told nobody of its routes.
        drained_at_ = is_first_plan ? now - drain_for : now;
        drain_timer_.expires_after(drain_for);
        drain_timer_.async_wait([this](boost::system::error_code error) {
            if (!error) plan_bgp_soon();
        });
    }
    return now - *drained_at_ >= drain_for ? DrainStage::withdrawn : DrainStage::graceful_shutdown;
}

void Node::start_bgp() {
    auto started = bgp::BgpService::start(
        {.router_id = default_router_id(config_.node),
         .listen_port = config_.bgp_port,
         .is_restart = is_bgp_restart_,
         .forwarding_kept = is_bgp_restart_},
        {.on_event =
             [this](bgp::PeerEvent event) {
                 asio::post(io_, [this, event = std::move(event)] { on_bgp_event(event); });
             },
         .on_log =
             [this](std::string level, std::string message) {
                 log_.write(parse_log_level(level).value_or(LogLevel::warning), message,
                            {{"part", "bgp"}});
             },
         .on_bfd_wishes =
             [this](std::map<std::string, bgp::BfdWish> wishes) {
                 asio::post(io_, [this, wishes = std::move(wishes)] { watch_peers(wishes); });
             }});
    if (!started) {
        log_.error("BGP cannot start", {{"reason", started.error().message}});
        return;
    }
    bgp_ = std::move(*started);
}

/// Peers are told first that BFD ends on purpose, so that none takes it for a failure.
void Node::release_bgp() {
    is_bfd_ending_ = true;
    if (bfd_) {
        for (auto& [peer, session] : bfd_sessions_) session.admin_down = true;
        if (auto set = bfd_->set_sessions(bfd_sessions_); !set)
            log_.warning("BFD was not ended in order", {{"reason", set.error().message}});
    }
    if (bgp_) bgp_->release();
}

void Node::watch_peers(const std::map<std::string, bgp::BfdWish>& wishes) {
    if (is_stopped_ || is_released_) return;
    if (!bfd_ && !wishes.empty()) start_bfd();
    if (!bfd_) return;
    bfd_sessions_.clear();
    for (const auto& [peer, wish] : wishes)
        bfd_sessions_[peer] = {.local = wish.local,
                               .remote = wish.remote,
                               .interface = wish.interface,
                               .multihop = wish.is_multihop,
                               .settings = wish.settings};
    if (auto set = bfd_->set_sessions(bfd_sessions_); !set)
        log_.error("the peers are not watched by BFD", {{"reason", set.error().message}});
}

void Node::start_bfd() {
    auto started = bfd::BfdService::start(
        {}, {.on_state =
                 [this](const std::string& peer, const bfd::SessionEvent& event) {
                     if (is_bfd_ending_) return;
                     bgp_->on_bfd(peer, bgp_state_of(event));
                     asio::post(io_, [this, peer, event] { on_bfd_event(peer, event); });
                 },
             .on_log =
                 [this](std::string level, std::string message) {
                     log_.write(parse_log_level(level).value_or(LogLevel::warning), message,
                                {{"part", "bfd"}});
                 }});
    if (!started) {
        log_.error("BFD cannot start", {{"reason", started.error().message}});
        return;
    }
    bfd_ = std::move(*started);
}

void Node::on_bfd_event(const std::string& peer, const bfd::SessionEvent& event) {
    if (is_stopped_) return;
    record(event.is_up ? "bfd_session_up" : "bfd_session_down",
           "bgp-peer/" + peer.substr(0, peer.find('@')),
           event.is_up ? fmt::format("{}: BFD is up", peer)
                       : fmt::format("{}: BFD is down: {}", peer, to_string(event.diagnostic)));
}

void Node::on_bgp_event(const bgp::PeerEvent& event) {
    if (is_stopped_) return;
    if (event.is_up)
        bgp_up_.insert(event.peer);
    else
        bgp_up_.erase(event.peer);
    const std::string peer = event.peer.substr(0, event.peer.find('@'));
    record(event.is_up ? "bgp_session_up" : "bgp_session_down", "bgp-peer/" + peer,
           fmt::format("{}: {}", event.peer, event.text));
    report_troubles();  // and the sessions with them
}

/// What the cluster is told of them.
BgpSessions Node::bgp_sessions_here() const {
    BgpSessions sessions;
    for (const std::string& session : bgp_up_)
        sessions.established.insert(session.substr(0, session.find('@')));
    if (drain_stage_ != DrainStage::withdrawn || !bgp_) return sessions;
    sessions.withdrawn = std::ranges::all_of(bgp_->status(), [](const bgp::PeerStatus& peer) {
        return std::ranges::all_of(peer.advertised,
                                   [](const auto& family) { return family.second == 0; });
    });
    return sessions;
}

// ---- what people ask ----------------------------------------------------------------------------

std::vector<api::BgpSessionRuntime> Node::bgp_sessions() const {
    if (!bgp_) return {};
    return to_runtime(bgp_->status(), bfd_ ? bfd_->status().sessions : BfdSessions{}, boot_now());
}

asio::awaitable<Result<std::vector<api::BgpRouteRuntime>>> Node::bgp_routes(
    api::BgpRouteQuery query) {
    using Routes = std::vector<api::BgpRouteRuntime>;
    auto start = [this, query = std::move(query)](std::function<void(Result<Routes>)> answer) {
        if (!bgp_) return answer(Routes{});
        bgp_->routes({.peer = query.peer, .covering = query.covering},
                     [answer](std::vector<bgp::AdvertisedRoute> routes) {
                         Routes out;
                         out.reserve(routes.size());
                         for (bgp::AdvertisedRoute& route : routes)
                             out.push_back({.session = std::move(route.peer),
                                            .prefix = route.prefix,
                                            .attributes = std::move(route.attributes)});
                         answer(std::move(out));
                     });
    };
    return answer_of<Routes>(executor(), std::move(start));
}

Result<void> Node::reset_bgp(std::string peer) {
    if (!bgp_ || !bgp_plan_.contains(peer))
        return fail(ErrorCode::unavailable,
                    fmt::format("node '{}' has no session with bgp-peer '{}'; ask a node that its "
                                "node_selectors choose",
                                config_.node, peer));
    bgp_->reset(std::move(peer));
    return {};
}

}  // namespace trivet::daemon
