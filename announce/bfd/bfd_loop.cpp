#include "announce/bfd/bfd_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <set>

#include <net/if.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "announce/boot_clock.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

// A thread that was woken later than this after it was due was held up, and so what peers have sent
// may lie in the sockets.
constexpr Duration late_guard = std::chrono::milliseconds{3};
// Of looking again when the thread is held up even while it looks.
constexpr int drains_max = 3;
// One turn's, of a socket: sending shall go on also while strangers send without end.
constexpr std::size_t packets_per_turn = 4096;
// How often what could not be opened is tried again.
constexpr Duration care_interval = std::chrono::seconds{1};
// A neighbour's MAC may change: another card, another router in its place.
constexpr Duration lookup_interval = std::chrono::seconds{1};
constexpr Duration complaint_interval = std::chrono::seconds{10};
// Of the whole service, whatever the detection times of the peers are.
constexpr Duration farewell_max = std::chrono::seconds{3};
constexpr int events_max = 16;
// Where nothing comes in: of an interface that does not exist.
constexpr std::uint32_t no_interface = 0xffffffff;

template <class Value>
Value random_value() {
    Value value{};
    // Up to 256 bytes are never cut short (getrandom(2)).
    const auto size = ::getrandom(&value, sizeof value, 0);
    TRIVET_ASSERT(size == static_cast<ssize_t>(sizeof value));
    return value;
}

/// Where a session's packets come in.
std::vector<BfdInlets::Place> places_of(const SessionConfig& config) {
    std::vector<BfdInlets::Place> places{
        {.channel = config.multihop ? Channel::multihop : Channel::control,
         .family = config.remote.family(),
         .device = config.interface}};
    if (config.settings.echo_interval && !config.multihop) {
        places.push_back(places.front());
        places.back().channel = Channel::echo;
    }
    return places;
}

void watch(const Descriptor& poll, int descriptor, void* tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = tag;
    TRIVET_ASSERT(::epoll_ctl(poll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0);
}

}  // namespace

void BfdOrders::push(BfdOrder order) {
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(order));
    }
    signal_.raise();
}

std::vector<BfdOrder> BfdOrders::take() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    return lock.owns_lock() ? std::exchange(waiting_, {}) : std::vector<BfdOrder>{};
}

BfdLoop::BfdLoop(BfdService::Options options, BfdService::Callbacks callbacks, BfdOrders& orders)
    : options_(options),
      callbacks_(std::move(callbacks)),
      orders_(orders),
      random_(random_value<std::minstd_rand::result_type>()),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      inlets_(options.ports, poll_.get(),
              [this](const std::string& problem) { complain(problem); }),
      send_complaints_(complaint_interval) {
    TRIVET_ASSERT(poll_.get() >= 0);  // as without memory, nothing works without descriptors
    watch(poll_, timer_.descriptor(), &timer_);
    watch(poll_, orders_.signal().descriptor(), &orders_);
    ready_.reserve(events_max);
}

BfdLoop::~BfdLoop() = default;

void BfdLoop::run() {
    while (!stops_at_ || (!watched_.empty() && boot_now() < *stops_at_)) {
        wait();
        turn();
    }
}

// ---- waiting and packets ------------------------------------------------------------------------

std::optional<Instant> BfdLoop::next_deadline() const {
    std::optional<Instant> next = table_.next_deadline();
    const auto consider = [&next](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
    };
    consider(care_at_);
    consider(stops_at_);
    for (const auto& [id, watched] : watched_)
        if (watched.is_retired) consider(table_.session(id).farewell_ends());
    return next;
}

void BfdLoop::wait() {
    due_ = next_deadline();
    timer_.arm(due_);
    std::array<epoll_event, events_max> events;
    const int count = ::epoll_wait(poll_.get(), events.data(), events_max, -1);
    TRIVET_ASSERT(count >= 0 || errno == EINTR);
    ready_.clear();
    for (int i = 0; i < count; ++i) {
        void* tag = events.at(static_cast<std::size_t>(i)).data.ptr;
        if (tag == &timer_)
            timer_.clear();
        else if (tag == &orders_)
            orders_.signal().clear();
        else
            ready_.push_back(static_cast<BfdInlet*>(tag));
    }
}

void BfdLoop::turn() {
    const Instant woken = boot_now();
    const Duration lateness = due_ && woken > *due_ ? woken - *due_ : Duration{};
    // Before any session is judged by the time, everything that has arrived is heard. The same
    // again when the thread was held up while it listened.
    Instant before = woken;
    if (lateness > late_guard) {
        ++late_wakeups_;
        worst_lateness_ = std::max(worst_lateness_, lateness);
        drain_all();
    } else {
        for (BfdInlet* inlet : ready_) drain(*inlet);
    }
    Instant now = boot_now();
    for (int i = 1; i < drains_max && now - before > late_guard; ++i) {
        before = now;
        drain_all();
        now = boot_now();
    }
    table_.on_timer(now, [this](Id id, const BfdActions& actions) { perform(id, actions); });
    take_orders();
    bury(now);
    if (care_at_ && now >= *care_at_) care(now);
}

void BfdLoop::drain_all() {
    inlets_.for_each([this](BfdInlet& inlet) { drain(inlet); });
}

void BfdLoop::drain(BfdInlet& inlet) {
    if (inlet.link) drain(*inlet.link);
    ListeningSocket& socket = *inlet.socket;
    for (std::size_t taken = 0; taken < packets_per_turn;) {
        const std::size_t count = batch_.receive(socket.descriptor());
        const Instant now = boot_now();
        for (std::size_t i = 0; i < count; ++i)
            if (const auto received = batch_.at(i)) receive(*received, socket, now);
        if (count < ReceiveBatch::datagrams_max) return;  // no other waited
        taken += count;
    }
}

void BfdLoop::drain(EchoLink& link) {
    for (std::size_t taken = 0; taken < packets_per_turn; ++taken) {
        const auto received = link.receive();
        if (!received) return;
        const Instant now = boot_now();
        const Datagram datagram{.payload = received->frame.payload,
                                .channel = Channel::echo,
                                .source = received->frame.source,
                                .destination = received->frame.destination,
                                .interface = received->interface,
                                .hop_limit = received->frame.hop_limit};
        if (const auto id = table_.on_echo_to_itself(datagram, now)) {
            if (!link.return_last(now)) ++watched_.at(*id).send_errors;
        } else if (datagram.source == datagram.destination) {  // what is from others is for UDP
            const auto outcome = table_.on_echo(datagram, now);
            if (const auto* ours = std::get_if<BfdTable::Outcome>(&outcome))
                perform(ours->id, ours->actions);
        }
    }
}

void BfdLoop::receive(const ReceiveBatch::Received& received, ListeningSocket& socket,
                      Instant now) {
    Datagram datagram = received.datagram;
    datagram.channel = socket.channel();
    // A socket on a device has its packets from there, also where the kernel names a port of it.
    if (socket.device_index() != 0) datagram.interface = socket.device_index();
    if (datagram.channel != Channel::echo) {
        if (const auto outcome = table_.on_control(datagram, now)) {
            LinkWay& way = watched_.at(outcome->id).way;
            way.local = datagram.destination;
            way.interface = received.datagram.interface;
            perform(outcome->id, outcome->actions);
        }
        return;
    }
    if (received.is_cut) return;
    const auto outcome = table_.on_echo(datagram, now);
    if (const auto* ours = std::get_if<BfdTable::Outcome>(&outcome)) {
        perform(ours->id, ours->actions);
    } else if (const auto* theirs = std::get_if<BfdTable::ReturnEcho>(&outcome)) {
        // By the BFD of the peer that is asked, as FRR does it, not by the kernel's forwarding.
        const bool is_sent = socket.send_echo(datagram.payload, *received.from, received.from_size,
                                              {.from = datagram.destination,
                                               .interface = received.datagram.interface,
                                               .hop_limit = theirs->hop_limit});
        if (!is_sent) ++watched_.at(theirs->id).send_errors;
    }
}

// ---- actions ------------------------------------------------------------------------------------

void BfdLoop::perform(Id id, const BfdActions& actions) {
    Watched& watched = watched_.at(id);
    for (const BfdAction& action : actions) {
        if (const auto* control = std::get_if<SendControl>(&action))
            send_control(watched, control->packet);
        else if (const auto* echo = std::get_if<SendEcho>(&action))
            send_echo(watched, *echo);
        else
            report(id, watched, std::get<StateChanged>(action));
    }
}

void BfdLoop::send_control(Watched& watched, const ControlBytes& packet) {
    if (watched.socket == nullptr) return;  // care() opens it, and has said why it is not
    const int error = watched.socket->send(packet.view());
    if (error == 0) {
        if (!watched.problem.empty()) watched.problem.clear();
        return;
    }
    ++watched.send_errors;
    if (!watched.problem.empty()) return;
    watched.problem = fmt::format("packets cannot be sent: {}", std::strerror(error));
    if (const auto held_back = send_complaints_.admit(boot_now()))
        complain(fmt::format("session {}: {}{}", watched.name, watched.problem,
                             held_back_note(*held_back)));
}

void BfdLoop::send_echo(Watched& watched, const SendEcho& echo) {
    BfdInlet* inlet = inlets_.find({.channel = Channel::echo,
                                    .family = watched.config.remote.family(),
                                    .device = watched.config.interface});
    if (inlet == nullptr) return;
    if (echo.form == EchoForm::to_ourselves)
        return send_echo_to_ourselves(watched, *inlet, echo.packet);
    sockaddr_storage to;
    const socklen_t size =
        to_socket_address(to, watched.config.remote, options_.ports.echo, watched.device_index);
    const bool is_sent = inlet->socket->send_echo(
        echo.packet, to, size,
        {.from = watched.config.local, .interface = watched.device_index, .hop_limit = 255});
    if (!is_sent) ++watched.send_errors;
}

/// Where it cannot be done, the session finds that this form does not come back.
void BfdLoop::send_echo_to_ourselves(Watched& watched, BfdInlet& inlet, const EchoBytes& packet) {
    const LinkWay& way = watched.way;
    if (inlet.link == nullptr || !look_up(watched)) return;
    const EchoFrameBytes frame = make_echo_frame(
        {.from = way.own, .to = way.neighbour, .address = *way.local, .port = options_.ports.echo},
        packet);
    if (!inlet.link->send(frame, way.interface)) ++watched.send_errors;
}

bool BfdLoop::look_up(Watched& watched) {
    LinkWay& way = watched.way;
    const Instant now = boot_now();
    if (way.looked_up_at && now - *way.looked_up_at < lookup_interval) return way.is_known;
    way.looked_up_at = now;
    way.is_known = false;
    if (!way.local) return false;
    const auto own = lookup_.own(way.interface);
    const auto neighbour = lookup_.neighbour(way.interface, watched.config.remote);
    if (!own || !neighbour) return false;
    way.own = *own;
    way.neighbour = *neighbour;
    way.is_known = true;
    return true;
}

void BfdLoop::report(Id id, Watched& watched, const StateChanged& change) {
    const bool is_up = change.state == State::up;
    if (is_up == watched.is_up) return;
    watched.is_up = is_up;
    if (watched.is_retired || !callbacks_.on_state) return;
    callbacks_.on_state(
        watched.name,
        {.is_up = is_up,
         .diagnostic = change.diagnostic,
         .is_remote_admin_down = change.diagnostic == Diagnostic::neighbor_signaled_session_down &&
                                 table_.session(id).remote_state() == State::admin_down});
}

// ---- orders -------------------------------------------------------------------------------------

void BfdLoop::take_orders() {
    for (BfdOrder& order : orders_.take()) {
        if (const auto* sessions = std::get_if<SessionConfigs>(&order)) {
            take(*sessions);
        } else if (const auto* status = std::get_if<StatusOrder>(&order)) {
            fill(*status->into);
            status->done->set_value();
        } else {
            take(SessionConfigs{});
            stops_at_ = boot_now() + farewell_max;
        }
    }
}

void BfdLoop::take(const SessionConfigs& sessions) {
    std::set<IpAddress> remotes;
    for (const auto& [name, config] : sessions) remotes.insert(config.remote);
    for (const auto& [name, id] : std::map(by_name_)) {
        const auto wanted = sessions.find(name);
        const Watched& watched = watched_.at(id);
        if (wanted != sessions.end() && watched.config.is_same_session(wanted->second)) {
            if (watched.config != wanted->second) change(id, wanted->second);
            continue;
        }
        // A second farewell would end the session that comes in its place.
        const bool is_replaced = remotes.contains(watched.config.remote);
        if (wanted != sessions.end() && watched.is_up && callbacks_.on_state)
            callbacks_.on_state(name, {.diagnostic = Diagnostic::administratively_down});
        retire(id, is_replaced ? Parting::at_once : Parting::in_order);
    }
    for (const auto& [name, config] : sessions)
        if (!by_name_.contains(name)) add(name, config);
    open_inlets();
}

void BfdLoop::add(const std::string& name, const SessionConfig& config) {
    const Instant now = boot_now();
    BfdSession::Config made{.settings = config.settings,
                            .multihop = config.multihop,
                            .random_seed = random_value<std::uint64_t>(),
                            .echo_key = random_value<EchoKey>()};
    while (made.local_discriminator == 0 || table_.has_discriminator(made.local_discriminator))
        made.local_discriminator = random_value<std::uint32_t>();
    if (config.authentication) {
        auto authenticator =
            Authenticator::make(*config.authentication, random_value<std::uint32_t>());
        TRIVET_ASSERT(authenticator.has_value());  // check() has made one
        made.authenticator = std::move(*authenticator);
    }
    const Id id =
        table_.add({.local = config.local, .remote = config.remote, .multihop = config.multihop},
                   std::move(made));
    by_name_.emplace(name, id);
    Watched& watched = watched_[id];
    watched.name = name;
    watched.config = config;
    open_sending(id, watched);
    BfdSession& session = table_.session(id);
    perform(id, session.start(now));
    if (config.admin_down) perform(id, session.stop(Diagnostic::administratively_down, now));
}

void BfdLoop::change(Id id, const SessionConfig& config) {
    const Instant now = boot_now();
    Watched& watched = watched_.at(id);
    BfdSession& session = table_.session(id);
    const bool was_admin_down = std::exchange(watched.config, config).admin_down;
    perform(id, session.configure(config.settings, now));
    if (config.admin_down == was_admin_down) return;
    perform(id, config.admin_down ? session.stop(Diagnostic::administratively_down, now)
                                  : session.start(now));
}

void BfdLoop::retire(Id id, Parting parting) {
    Watched& watched = watched_.at(id);
    by_name_.erase(watched.name);
    watched.is_retired = true;
    table_.retire(id);
    perform(id, table_.session(id).stop(Diagnostic::administratively_down, boot_now()));
    if (parting == Parting::in_order) return;  // bury() follows
    table_.erase(id);
    watched_.erase(id);
}

/// Those that have said farewell.
void BfdLoop::bury(Instant now) {
    for (auto each = watched_.begin(); each != watched_.end();) {
        const auto ends =
            each->second.is_retired ? table_.session(each->first).farewell_ends() : std::nullopt;
        if (!ends || now < *ends) {
            ++each;
            continue;
        }
        table_.erase(each->first);
        each = watched_.erase(each);
    }
}

void BfdLoop::fill(ServiceStatus& status) const {
    for (const auto& [name, id] : by_name_) {
        const Watched& watched = watched_.at(id);
        SessionStatus& session = status.sessions[name];
        session.config = watched.config;
        if (session.config.authentication) session.config.authentication->secret.clear();
        session.session = table_.session(id).status();
        session.send_errors = watched.send_errors;
        session.problem = watched.problem;
        for (const BfdInlets::Place& place : places_of(watched.config))
            if (session.problem.empty()) session.problem = inlets_.problem(place);
    }
    status.received = table_.counters();
    status.late_wakeups = late_wakeups_;
    status.worst_lateness = worst_lateness_;
}

// ---- sockets ------------------------------------------------------------------------------------

void BfdLoop::open_inlets() {
    std::set<BfdInlets::Place> needed;
    for (const auto& [id, watched] : watched_)
        for (const BfdInlets::Place& place : places_of(watched.config)) needed.insert(place);
    inlets_.set_needed(needed);
    const bool anyone = std::ranges::any_of(
        watched_, [this](const auto& each) { return needs_care(each.first, each.second); });
    if (!anyone)
        care_at_.reset();
    else if (!care_at_)
        care_at_ = boot_now() + care_interval;
}

void BfdLoop::open_sending(Id id, Watched& watched) {
    watched.socket.reset();
    watched.device_index = 0;
    if (!watched.config.interface.empty()) {
        watched.device_index = ::if_nametoindex(watched.config.interface.c_str());
        table_.set_interface(id, watched.device_index == 0 ? no_interface : watched.device_index);
        if (watched.device_index == 0)
            return note(watched, fmt::format("the interface {} does not exist on this node",
                                             watched.config.interface));
    }
    const Channel channel = watched.config.multihop ? Channel::multihop : Channel::control;
    auto opened = SendingSocket::open({.local = watched.config.local,
                                       .remote = watched.config.remote,
                                       .remote_port = options_.ports.of(channel),
                                       .device = watched.config.interface,
                                       .device_index = watched.device_index},
                                      random_);
    if (!opened) return note(watched, opened.error().message);
    watched.problem.clear();
    watched.socket = std::move(*opened);
}

/// What is missing, or may have become another: an interface that comes back has another index.
bool BfdLoop::needs_care(Id id, const Watched& watched) const {
    if (watched.socket == nullptr) return true;
    if (!watched.config.interface.empty() && table_.session(id).state() != State::up) return true;
    return std::ranges::any_of(places_of(watched.config),
                               [this](const auto& place) { return !inlets_.is_open(place); });
}

void BfdLoop::care(Instant now) {
    for (auto& [id, watched] : watched_) {
        if (!needs_care(id, watched)) continue;
        const std::string& device = watched.config.interface;
        const std::uint32_t index = device.empty() ? 0 : ::if_nametoindex(device.c_str());
        if (watched.socket == nullptr || index != watched.device_index) open_sending(id, watched);
        if (!device.empty()) inlets_.forget_device(device, index);
    }
    care_at_ = now + care_interval;
    open_inlets();
}

void BfdLoop::note(Watched& watched, std::string problem) {
    if (watched.problem == problem) return;
    watched.problem = std::move(problem);
    complain(fmt::format("session {}: {}", watched.name, watched.problem));
}

void BfdLoop::complain(const std::string& problem) const {
    if (callbacks_.on_log) callbacks_.on_log("warning", "BFD: " + problem);
}

}  // namespace trivet::announce::bfd
