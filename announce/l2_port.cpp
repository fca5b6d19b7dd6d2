#include "announce/l2_port.hpp"

#include <algorithm>
#include <random>

#include "announce/boot_clock.hpp"
#include "announce/ethernet.hpp"

namespace trivet::announce {

namespace {

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

}  // namespace

L2Port::L2Port(boost::asio::any_io_executor executor, LinkIndex index, Handlers handlers)
    : executor_(std::move(executor)),
      index_(index),
      handlers_(std::move(handlers)),
      arp_(ArpSession::Config{.random_seed = random_seed()}),
      ndp_(NdpSession::Config{.random_seed = random_seed()}) {}

L2Port::~L2Port() { close(); }

void L2Port::on_link(const LinkChange& change, Instant now) {
    name_ = change.name;
    link_ = *change.state;
    if (!groups_)
        groups_ = std::make_shared<GroupMemberships>(executor_, index_, name_, handlers_.log);
    if (!link_.up)
        close();
    else if (!is_open())
        open();
    tell_sessions(now);
    if (change.reannounce) {
        perform(arp_.reannounce(now));
        perform(ndp_.reannounce(now));
    }
}

void L2Port::open() {
    auto sender = FrameSender::open(executor_, index_, name_, handlers_.log);
    auto capture =
        Capture::open(executor_, name_,
                      {.on_frame = [this](std::span<const std::byte> frame) { on_frame(frame); },
                       .after_frames = [this] { handlers_.after_events(); },
                       .on_lost = [this](const std::string& reason) { on_lost(reason); },
                       .log = handlers_.log});
    if (!sender || !capture) {
        const std::string problem = (sender ? capture.error() : sender.error()).message;
        if (problem != problem_) handlers_.log("error", problem + "; trying again every second");
        problem_ = problem;
        if (sender) (*sender)->close();
        if (capture) (*capture)->close();
        return;
    }
    sender_ = std::move(*sender);
    capture_ = std::move(*capture);
    problem_.clear();
    on_filter(capture_->tighten(armed_));
}

void L2Port::close() {
    if (!is_open()) return;
    closed_.send_errors += sender_->errors();
    closed_.kernel_drops += capture_->kernel_drops();
    closed_.malformed += capture_->truncated();
    sender_->close();
    capture_->close();
    sender_.reset();
    capture_.reset();
    kernel_drops_ = 0;
}

void L2Port::on_lost(const std::string& reason) {
    problem_ = "lost the connection to " + name_ + ": " + reason;
    handlers_.log("warning", problem_ + "; trying again every second");
    close();
    tell_sessions(boot_now());
    handlers_.after_events();
}

void L2Port::tell_sessions(Instant now) {
    LinkState usable = link_;
    usable.up = link_.up && is_open();
    perform(arp_.on_link(usable, now));
    perform(ndp_.on_link(usable, now));
    for (const IpAddress address : armed_) handlers_.on_phase(address);
}

void L2Port::on_filter(const Result<void>& changed) {
    if (changed) return;
    problem_ = changed.error().message;
    handlers_.log("error", problem_);
    close();
}

void L2Port::arm(const std::vector<IpAddress>& added, Instant now) {
    armed_.insert(added.begin(), added.end());
    is_filter_loose_ = true;
    if (is_open()) {
        on_filter(capture_->let_in(added, armed_));
        if (!is_open()) tell_sessions(now);
    }
    for (const IpAddress address : added)
        perform(address.is_v4() ? arp_.arm(address) : ndp_.arm(address));
}

void L2Port::claim(IpAddress address, ClaimKind kind, Instant now) {
    perform(address.is_v4() ? arp_.claim(address, kind, now) : ndp_.claim(address, kind, now));
    handlers_.on_phase(address);
}

bool L2Port::stand_by(IpAddress address) {
    if (!armed_.contains(address) || stands_by(address)) return false;
    conflicts_.erase(address);
    if (address.is_v4())
        arp_.stand_by(address);
    else
        ndp_.stand_by(address);
    return true;
}

bool L2Port::ask(IpAddress address) {
    if (!is_open() || !armed_.contains(address)) return false;
    L2Actions question = address.is_v4() ? arp_.ask(address) : ndp_.ask(address);
    const bool can_ask = !question.empty();
    perform(std::move(question));
    return can_ask;
}

void L2Port::release(const std::set<IpAddress>& removed, Instant now) {
    for (const IpAddress address : removed) {
        armed_.erase(address);
        conflicts_.erase(address);
        perform(address.is_v4() ? arp_.release(address, now) : ndp_.release(address, now));
    }
    is_filter_loose_ = true;
}

void L2Port::on_timer(Instant now) {
    perform(arp_.on_timer(now));
    perform(ndp_.on_timer(now));
}

void L2Port::on_tick(Instant now) {
    groups_->retry();
    if (!link_.up) return;
    const bool was_open = is_open();
    if (!was_open) {
        open();
    } else {
        kernel_drops_ = capture_->kernel_drops();
        if (std::exchange(is_filter_loose_, false)) on_filter(capture_->tighten(armed_));
    }
    if (is_open() != was_open) tell_sessions(now);
}

void L2Port::on_frame(std::span<const std::byte> frame) {
    ByteReader reader(frame);
    const EthernetHeader header = read_ethernet_header(reader);
    const Instant now = boot_now();
    if (header.ethertype == ethertype_arp) perform(arp_.on_frame(frame, now));
    if (header.ethertype == ethertype_ipv6) perform(ndp_.on_frame(frame, now));
}

void L2Port::perform(L2Actions actions) {
    for (L2Action& action : actions) std::visit([this](auto& one) { perform(one); }, action);
}

void L2Port::perform(SendFrame& send) {
    if (sender_) return sender_->send(std::move(send.frame));
    ++closed_.send_errors;  // a session that knows its link is down sends nothing
}

void L2Port::perform(const Announced& announced) {
    conflicts_.erase(announced.address);
    handlers_.on_phase(announced.address);
}

void L2Port::perform(const ConflictDetected& conflict) {
    conflicts_[conflict.address] = conflict.other;
    handlers_.on_phase(conflict.address);
}

void L2Port::perform(const ConflictEnded& ended) {
    conflicts_.erase(ended.address);
    handlers_.on_phase(ended.address);
}

std::optional<InterfacePhase> L2Port::phase(IpAddress address) const {
    if (!is_open() || !armed_.contains(address)) return std::nullopt;
    if (stands_by(address)) return InterfacePhase{name_, L2Phase::standby, {}};
    if (const auto conflict = conflicts_.find(address); conflict != conflicts_.end())
        return InterfacePhase{name_, L2Phase::conflict, conflict->second};
    const bool answered = address.is_v4() ? arp_.answers(address) : ndp_.answers(address);
    return InterfacePhase{name_, answered ? L2Phase::announced : L2Phase::probing, {}};
}

bool L2Port::stands_by(IpAddress address) const {
    return address.is_v4() ? arp_.stands_by(address) : ndp_.stands_by(address);
}

std::optional<Instant> L2Port::next_deadline() const {
    const auto arp = arp_.next_deadline(), ndp = ndp_.next_deadline();
    if (!arp || !ndp) return arp ? arp : ndp;
    return std::min(*arp, *ndp);
}

L2Counters L2Port::counters() const {
    L2Counters sum = closed_;
    sum.arp_received = arp_.counters().received;
    sum.arp_sent = arp_.counters().sent;
    sum.ndp_received = ndp_.counters().received;
    sum.ndp_sent = ndp_.counters().sent;
    sum.malformed += arp_.counters().malformed + ndp_.counters().malformed;
    sum.conflicts = arp_.counters().conflicts + ndp_.counters().conflicts;
    if (!is_open()) return sum;
    sum.malformed += capture_->truncated();
    sum.send_errors += sender_->errors();
    sum.kernel_drops += kernel_drops_;
    return sum;
}

}  // namespace trivet::announce
