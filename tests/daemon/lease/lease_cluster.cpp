#include "tests/daemon/lease/lease_cluster.hpp"

#include <algorithm>

#include "daemon/lease/boot_clock.hpp"
#include "tests/support/allocation_count.hpp"

namespace trivet::daemon::test {

namespace asio = boost::asio;
using asio::ip::udp;

// ---- the socket ---------------------------------------------------------------------------------

LeaseSocket::Received SeamSocket::receive(std::span<std::byte> buffer) noexcept {
    trivet::test::count_allocations_here();  // no other thread receives
    {
        std::unique_lock lock(mutex_);
        while (shall_pause_) {
            is_paused_ = true;
            changed_.notify_all();
            changed_.wait(lock);
        }
        is_paused_ = false;
    }
    Received received = real_->receive(buffer);
    if (is_cut_)
        while (received.outcome == Outcome::received) received = real_->receive(buffer);
    return received;
}

bool SeamSocket::send(std::span<const std::byte> packet, const LeaseAddress& to) noexcept {
    return is_cut_ || real_->send(packet, to);
}

void SeamSocket::pause() {
    std::unique_lock lock(mutex_);
    shall_pause_ = true;
    changed_.wait(lock, [this] { return is_paused_; });
}

void SeamSocket::resume() {
    const std::scoped_lock lock(mutex_);
    shall_pause_ = false;
    changed_.notify_all();
}

// ---- the gate -----------------------------------------------------------------------------------

TimedGate::TimedGate() : deadlines_(gate_groups_max) {
    vips_.reserve(vips_max);
    changes_.reserve(changes_max);
}

void TimedGate::note(const Vip& vip, Instant before) {
    if (changes_.size() == changes_max) return;
    changes_.push_back({.before = before,
                        .after = read_boot_clock(),
                        .address = vip.address,
                        .announce_until = deadlines_[vip.group].announce_until});
}

bool TimedGate::set_deadlines(std::span<const GateGroupDeadlines> groups) noexcept {
    const std::scoped_lock lock(mutex_);
    const Instant before = read_boot_clock();
    for (const auto& [group, deadlines] : groups) {
        deadlines_[group] = deadlines;
        for (const Vip& vip : vips_)
            if (vip.group == group) note(vip, before);
    }
    return true;
}

bool TimedGate::set_vips(std::span<const VipGroup> vips) noexcept {
    const std::scoped_lock lock(mutex_);
    const Instant before = read_boot_clock();
    for (const auto& [address, group] : vips) {
        auto known = std::ranges::find(vips_, address, &Vip::address);
        if (known == vips_.end()) known = vips_.insert(known, {.address = address});
        known->group = group;
        note(*known, before);
    }
    return vips_.size() <= vips_max;
}

bool TimedGate::erase_vips(std::span<const IpAddress> addresses) noexcept {
    const std::scoped_lock lock(mutex_);
    const Instant before = read_boot_clock();
    for (const IpAddress address : addresses) {
        note({.address = address}, before);
        std::erase_if(vips_, [address](const Vip& vip) { return vip.address == address; });
    }
    return true;
}

const TimedGate::Vip* TimedGate::find(IpAddress address) const {
    const auto found = std::ranges::find(vips_, address, &Vip::address);
    return found == vips_.end() ? nullptr : &*found;
}

GateDeadlines TimedGate::of(IpAddress address) const {
    const std::scoped_lock lock(mutex_);
    const Vip* vip = find(address);
    return vip == nullptr ? GateDeadlines{} : deadlines_[vip->group];
}

std::vector<TimedGate::Span> TimedGate::announced(IpAddress address) const {
    const std::scoped_lock lock(mutex_);
    EXPECT_LT(changes_.size(), changes_max);
    std::vector<Span> spans;
    for (const Change& change : changes_) {
        if (change.address != address) continue;
        // Closed no later than before the call began, open no earlier than it ended.
        if (!spans.empty() && spans.back().until > change.before) {
            spans.back().until = std::max(change.announce_until, change.before);
        } else if (change.announce_until > change.after) {
            spans.push_back({.from = change.after, .until = change.announce_until});
        }
    }
    return spans;
}

// ---- the cluster --------------------------------------------------------------------------------

LeaseCluster::LeaseCluster() {
    for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i].id = NodeId(i + 1);
    for (std::size_t i = 0; i < nodes.size(); ++i) start(i, 1);
    connect();
}

LeaseCluster::~LeaseCluster() {
    for (Node& node : nodes) {
        if (node.socket != nullptr) node.socket->resume();
        node.service.reset();
    }
}

void LeaseCluster::start(std::size_t number, std::uint64_t boot,
                         std::shared_ptr<LeaseEventPipe> other_events) {
    Node& node = nodes[number];
    if (node.service) node.service->stop();
    if (node.gate != nullptr)
        for (const auto& [address, entry] : plan.entries())
            former.emplace_back(number, node.gate->announced(address));
    node.service.reset();
    auto real = open_lease_socket({asio::ip::address_v4::loopback(), 0});
    if (!real) throw std::runtime_error(real.error().message);
    auto socket = std::make_unique<SeamSocket>(std::move(*real));
    auto gate = std::make_unique<TimedGate>();
    node.socket = socket.get();
    node.gate = gate.get();
    node.groups.emplace(node.id);
    node.events.clear();
    auto service =
        LeaseService::start(io.get_executor(), node.log,
                            {.self = node.id,
                             .boot = lease::Boot(boot),
                             .lock_memory = false,
                             .other_events = std::move(other_events)},
                            std::move(socket), std::move(gate),
                            [&node](const LeaseEvent& event) { node.events.push_back(event); });
    if (!service) throw std::runtime_error(service.error().message);
    node.service = std::move(*service);
}

void LeaseCluster::connect() {
    static std::uint8_t keys_made = 0;
    std::map<NodeId, udp::endpoint> endpoints;
    for (const Node& node : nodes) endpoints[node.id] = node.socket->local_endpoint();
    for (Node& from : nodes) {
        EXPECT_TRUE(from.service->set_peers(endpoints));
        for (Node& to : nodes) {
            if (from.id == to.id) continue;
            LeaseKey key;
            key.bytes.fill(++keys_made);
            to.service->set_key(from.id, LeaseKeyUse::receive, key);
            from.service->set_key(to.id, LeaseKeyUse::send, key);
        }
    }
}

void LeaseCluster::set_list(IpAddress address, const std::vector<std::uint64_t>& candidates) {
    std::vector<NodeId> list;
    for (const std::uint64_t id : candidates) list.emplace_back(id);
    index = LogIndex(index.value() + 1);
    plan.set_list(address, list, index);
    tell_plan();
}

void LeaseCluster::record(const NodeFenced& fenced) {
    index = LogIndex(index.value() + 1);
    if (plan.record_fence(fenced.node, fenced.epoch)) tell_plan();
}

void LeaseCluster::admit(std::uint64_t node, Epoch seen) {
    index = LogIndex(index.value() + 1);
    std::vector<IpAddress> changed;
    if (plan.admit(NodeId(node), seen, index, changed)) tell_plan();
}

void LeaseCluster::tell_plan() {
    for (Node& node : nodes) {
        auto view = std::make_shared<lease::View>();
        view->index = index;
        view->profile = profile;
        view->configuration = LogIndex(1);
        for (const Node& voter : nodes) view->voters.push_back(voter.id);
        const auto changes =
            node.groups->update(plan, std::nullopt, [](IpAddress) { return false; }, *view);
        node.service->set_plan(std::move(view), changes);
    }
}

bool LeaseCluster::announces(std::size_t node, IpAddress address) const {
    return nodes[node].gate->of(address).announce_until > read_boot_clock();
}

bool LeaseCluster::accepts(std::size_t node, IpAddress address) const {
    return nodes[node].gate->of(address).accept_until > read_boot_clock();
}

bool LeaseCluster::run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds{5});
    }
    return true;
}

void LeaseCluster::expect_one_announcer(IpAddress address) const {
    auto all = former;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        all.emplace_back(i, nodes[i].gate->announced(address));
    for (std::size_t a = 0; a < all.size(); ++a)
        for (std::size_t b = a + 1; b < all.size(); ++b) {
            if (all[a].first == all[b].first) continue;
            for (const auto& one : all[a].second)
                for (const auto& other : all[b].second)
                    EXPECT_TRUE(one.until <= other.from || other.until <= one.from)
                        << address.to_string() << " of nodes " << all[a].first + 1 << " and "
                        << all[b].first + 1;
        }
}

}  // namespace trivet::daemon::test
