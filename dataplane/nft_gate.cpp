#include "dataplane/nft_gate.hpp"

#include <cerrno>
#include <cstring>
#include <time.h>

#include "core/assert.hpp"
#include "dataplane/nft_ruleset.hpp"
#include "dataplane/uplink.hpp"

namespace trivet::dataplane {

namespace {

constexpr std::uint32_t loopback_ifindex = 1;  // in every network namespace
// Renewals in one transaction. A group takes up to six messages of 160 bytes.
constexpr std::size_t renewal_groups_max = 64;
constexpr std::size_t renewal_bytes_max = (renewal_groups_max + 1) * 6 * 160;
// VIPs in one transaction: after each, the kernel checks all jumps of the table.
constexpr std::size_t bulk_addresses_max = 4096;
// The elements of one message are a netlink attribute, whose length has 16 bits.
constexpr std::size_t message_elements_max = 60 * 1024 / NftBatch::element_bytes_max;
// Of each address up to five elements (removed from two maps, added to two and to the claims), and
// the ruleset, or the chains of all groups.
constexpr std::size_t bulk_bytes_max =
    bulk_addresses_max * 5 * NftBatch::element_bytes_max + groups_max * 1024;
// What the kernel's elements of a group stand for when it is not known whether it took the last
// ones.
constexpr GateDeadlines unknown{.announce_until = Instant::min(), .accept_until = Instant::min()};
constexpr std::array<nft::Right, 2> rights{nft::Right::announce, nft::Right::accept};

Instant boot_now() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail: the clock exists since Linux 2.6.39
    return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

/// The kernel's tick (1/CONFIG_HZ), which is the resolution of its coarse clock.
Duration kernel_tick() {
    timespec resolution{};
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0 || resolution.tv_sec != 0 ||
        Duration(resolution.tv_nsec) > nft::tick_longest)
        return nft::tick_longest;
    return Duration(resolution.tv_nsec);
}

/// Writes elements of one set, in as many messages as they need.
class ElementWriter {
public:
    ElementWriter(NftBatch& batch, NftBatch::Elements elements)
        : batch_(batch), elements_(elements) {}
    ElementWriter(const ElementWriter&) = delete;
    ElementWriter& operator=(const ElementWriter&) = delete;
    ~ElementWriter() {
        if (count_ > 0) batch_.end_elements();
    }

    void put(const NftBatch::Element& element) {
        if (count_ == message_elements_max) {
            batch_.end_elements();
            count_ = 0;
        }
        if (count_++ == 0) batch_.begin_elements(elements_);
        batch_.put_element(element);
    }

private:
    NftBatch& batch_;
    NftBatch::Elements elements_;
    std::size_t count_ = 0;
};

/// An address in network order, as 4 or 16 bytes, and an IPv4 one once more: so it stands in the
/// set of claims, as sender and target.
class AddressKey {
public:
    explicit AddressKey(const IpAddress& address) : mapped_(map_key(address)) {
        if (!address.is_v4()) return;
        std::copy_n(mapped_.bytes + 12, 4, claim_.begin());
        std::copy_n(mapped_.bytes + 12, 4, claim_.begin() + 4);
        bytes_ = std::span(claim_).first(4);
    }
    AddressKey(const AddressKey&) = delete;
    AddressKey& operator=(const AddressKey&) = delete;
    ~AddressKey() = default;
    std::span<const std::uint8_t> bytes() const { return bytes_; }
    std::span<const std::uint8_t> claim() const { return claim_; }

private:
    trivet_gate_address mapped_;
    std::array<std::uint8_t, 8> claim_{};
    std::span<const std::uint8_t> bytes_{mapped_.bytes};
};

}  // namespace

NftGate::NftGate(NftTables tables, NetlinkSocket socket, std::uint32_t slot,
                 std::string why_not_bpf)
    : tables_(std::move(tables)),
      socket_(std::move(socket)),
      slot_(slot),
      table_(nft::table_name(slot)),
      why_not_bpf_(std::move(why_not_bpf)),
      tick_(kernel_tick()),
      renewal_(renewal_bytes_max),
      bulk_(bulk_bytes_max) {}

Result<std::unique_ptr<Gate>> NftGate::open(EarlierGates& earlier, const Callbacks& callbacks,
                                            std::string why_not_bpf) {
    const auto slot = earlier.free_slot();
    if (!slot) return fail(slot.error());
    auto tables = NftTables::open();
    if (!tables) return fail(tables.error());
    auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
    if (!socket) return fail(socket.error());
    auto gate = std::unique_ptr<NftGate>(
        new NftGate(std::move(*tables), std::move(*socket), *slot, std::move(why_not_bpf)));
    if (auto made = gate->make_table(); !made) {
        gate->removed_ = true;
        return fail(made.error());
    }
    if (auto proved = gate->prove(); !proved) {
        gate->removed_ = true;
        auto removed = gate->tables_.remove(*slot);
        if (!removed) proved.error().message += "; " + removed.error().message;
        return fail(proved.error());
    }
    if (!earlier.warning().empty() && callbacks.on_log)
        callbacks.on_log("warning", earlier.warning());
    gate->earlier_ = std::move(earlier);
    return std::unique_ptr<Gate>(std::move(gate));
}

Result<void> NftGate::make_table() {
    bulk_.begin();
    nft::add_ruleset(bulk_, table_.c_str());
    return perform(bulk_, "make the gate in nftables");
}

/// A table alone does not show that the kernel has the egress hook (Linux 5.16,
/// CONFIG_NETFILTER_EGRESS). With no VIP in it, it lets everything pass.
Result<void> NftGate::prove() {
    bulk_.begin();
    nft::add_uplink(bulk_, table_.c_str(), {.ifindex = loopback_ifindex, .device = "lo"});
    if (auto added = perform(bulk_, "put the gate on lo"); !added) return added;
    bulk_.begin();
    nft::delete_uplink(bulk_, table_.c_str(), loopback_ifindex);
    return perform(bulk_, "take the gate off lo");
}

NftGate::~NftGate() {
    if (removed_) return;
    // Should it fail, what is open closes by its timeout; nobody is left to be told.
    static_cast<void>(tables_.close(slot_));
}

Result<void> NftGate::perform(NftBatch& batch, const std::string& what) {
    const NetlinkAnswer answer = socket_.perform(batch.finish());
    if (!answer.ok()) return fail(netlink_error(what, answer));
    return {};
}

Result<void> NftGate::attach(std::uint32_t ifindex) {
    const auto name = uplink_name(ifindex);
    if (!name)
        return name.error().code == ErrorCode::not_found ? Result<void>{} : fail(name.error());
    std::size_t in_place = 0;
    bulk_.begin();
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        const std::string chain = nft::base_chain_name(direction, ifindex);
        const auto found = tables_.has_chain(slot_, chain);
        if (!found) return fail(found.error());
        if (!*found) continue;
        ++in_place;
        // Should the other one be missing: this one is made anew in the same transaction.
        bulk_.delete_chain(table_.c_str(), chain.c_str());
    }
    if (in_place < TRIVET_GATE_DIRECTIONS) {
        nft::add_uplink(bulk_, table_.c_str(), {.ifindex = ifindex, .device = name->c_str()});
        if (auto added = perform(bulk_, "put the gate on " + *name); !added) {
            if (!uplink_name(ifindex)) return {};  // it vanished meanwhile
            return added;
        }
    }
    const std::scoped_lock lock(mutex_);
    attached_[ifindex] = *name;
    return {};
}

Result<void> NftGate::detach(std::uint32_t ifindex) {
    {
        const std::scoped_lock lock(mutex_);
        if (attached_.erase(ifindex) == 0) return {};
    }
    bulk_.begin();
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        const std::string chain = nft::base_chain_name(direction, ifindex);
        const auto found = tables_.has_chain(slot_, chain);
        if (!found) return fail(found.error());
        if (*found) bulk_.delete_chain(table_.c_str(), chain.c_str());
    }
    if (bulk_.empty()) return {};  // it went with the interface
    return perform(bulk_, "take the gate off interface " + std::to_string(ifindex));
}

Result<void> NftGate::replace_earlier() {
    const std::scoped_lock lock(mutex_);
    return earlier_->remove();
}

Result<void> NftGate::set_vips(std::span<const VipGroup> vips) {
    for (const auto& [address, group] : vips)
        if (group >= groups_max)
            return fail(ErrorCode::invalid_argument, "the gate has " + std::to_string(groups_max) +
                                                         " groups, and none is " +
                                                         std::to_string(group));
    while (!vips.empty()) {
        const auto some = vips.first(std::min(vips.size(), bulk_addresses_max));
        if (auto put = put_vips(some); !put) return put;
        vips = vips.subspan(some.size());
    }
    return {};
}

Result<void> NftGate::put_vips(std::span<const VipGroup> vips) {
    // An address twice in one call: the last group counts, and one transaction may name it once.
    std::map<IpAddress, GateGroup> wanted, changed;
    for (const auto& [address, group] : vips) wanted[address] = group;
    std::set<GateGroup> new_groups;
    std::erase_if(wanted, [&](const auto& vip) {
        const auto known = vips_.find(vip.first);
        if (known != vips_.end() && known->second == vip.second) return true;
        if (known != vips_.end()) changed.insert(*known);
        if (!groups_made_[vip.second]) new_groups.insert(vip.second);
        return false;
    });
    if (wanted.empty()) return {};
    if (vips_.size() + wanted.size() - changed.size() > addresses_max)
        return fail(ErrorCode::exhausted, "the gate has no place for more than " +
                                              std::to_string(addresses_max) + " addresses");
    bulk_.begin();
    for (const GateGroup group : new_groups) nft::add_group(bulk_, table_.c_str(), group);
    // An element cannot be changed; in one transaction it can be removed and added.
    put_verdicts(NftBatch::Change::remove, changed);
    put_verdicts(NftBatch::Change::add, wanted);
    put_claims(NftBatch::Change::add, wanted);
    if (auto performed = perform(bulk_, "put VIPs into the gate"); !performed) return performed;
    for (const auto& [address, group] : wanted) vips_[address] = group;
    for (const GateGroup group : new_groups) groups_made_[group] = true;
    return {};
}

Result<void> NftGate::erase_vips(std::span<const IpAddress> addresses) {
    while (!addresses.empty()) {
        const auto some = addresses.first(std::min(addresses.size(), bulk_addresses_max));
        std::map<IpAddress, GateGroup> known;
        for (const IpAddress& address : some)
            if (const auto found = vips_.find(address); found != vips_.end()) known.insert(*found);
        if (!known.empty()) {
            bulk_.begin();
            put_verdicts(NftBatch::Change::remove, known);
            put_claims(NftBatch::Change::remove, known);
            auto performed = perform(bulk_, "take VIPs out of the gate");
            if (!performed) return performed;
        }
        for (const auto& [address, group] : known) vips_.erase(address);
        addresses = addresses.subspan(some.size());
    }
    return {};
}

/// Into the maps, or out of them, of either right.
void NftGate::put_verdicts(NftBatch::Change change, const std::map<IpAddress, GateGroup>& vips) {
    for (const auto right : rights) {
        for (const auto family : {IpFamily::ipv4, IpFamily::ipv6}) {
            ElementWriter writer(bulk_, {table_.c_str(), nft::vips_map(right, family), change});
            for (const auto& [address, group] : vips) {
                if (address.family() != family) continue;
                const std::string chain = nft::group_chain_name(right, group);
                const bool adds = change == NftBatch::Change::add;
                writer.put({.key = AddressKey(address).bytes(),
                            .jump_to = adds ? chain.c_str() : nullptr});
            }
        }
    }
}

void NftGate::put_claims(NftBatch::Change change, const std::map<IpAddress, GateGroup>& vips) {
    ElementWriter writer(bulk_, {table_.c_str(), nft::claims_set, change});
    for (const auto& [address, group] : vips)
        if (address.is_v4()) writer.put({.key = AddressKey(address).claim()});
}

bool NftGate::set_deadlines(std::span<const GroupDeadlines> groups) noexcept {
    bool all = true;
    while (!groups.empty()) {
        const auto some = groups.first(std::min(groups.size(), renewal_groups_max));
        // One more attempt: an element may have run out between two messages of the transaction,
        // or this thread may have been stopped, and be awake now.
        auto renewal = renew(some);
        if (renewal != Renewal::done) renewal = renew(some);
        all &= renewal == Renewal::done;
        groups = groups.subspan(some.size());
    }
    return all;
}

NftGate::Renewal NftGate::renew(std::span<const GroupDeadlines> groups) noexcept {
    const Instant started = boot_now();
    renewal_.begin();
    for (const auto& each : groups) {
        check_deadlines(each);
        const auto& [group, deadlines] = each;
        auto& sent = sent_[group];
        put_right({nft::Right::announce, group, deadlines.announce_until}, sent.announce_until,
                  started);
        put_right({nft::Right::accept, group, deadlines.accept_until}, sent.accept_until, started);
    }
    if (renewal_.empty()) return Renewal::done;
    const Renewal renewal = send_renewal(started);
    if (renewal == Renewal::stalled) close_groups(groups);
    if (renewal == Renewal::refused)
        for (const auto& each : groups) sent_[each.group] = unknown;
    return renewal;
}

/// The kernel begins to count when it takes the element, so that a thread which is stopped between
/// reading the clock and that moment would prolong a right: what came late is closed again.
NftGate::Renewal NftGate::send_renewal(Instant started) noexcept {
    const NetlinkAnswer answer = socket_.perform(renewal_.finish());
    const bool late = answer.ok() && boot_now() - started > tick_;
    renewal_error_ = late ? ETIME : answer.error;
    if (late) ++late_renewals_;
    if (!answer.ok()) return Renewal::refused;
    return late ? Renewal::stalled : Renewal::done;
}

void NftGate::close_groups(std::span<const GroupDeadlines> groups) noexcept {
    renewal_.begin();
    for (const auto& each : groups)
        for (const auto right : rights) put_closed(right, each.group);
    const NetlinkAnswer answer = socket_.perform(renewal_.finish());
    if (!answer.ok()) renewal_error_ = answer.error;
    for (const auto& each : groups) sent_[each.group] = answer.ok() ? GateDeadlines{} : unknown;
}

/// Writes one right, unless the kernel's element stands for it already; `sent` is what it stands
/// for.
void NftGate::put_right(const Renewed& renewed, Instant& sent, Instant now) noexcept {
    const auto timeout = nft::timeout_until(renewed.until, now, tick_);
    const Instant wanted = timeout ? renewed.until : Instant{};
    if (sent == wanted) return;
    sent = wanted;
    put_closed(renewed.right, renewed.group);
    if (!timeout) return;
    renewal_.put_one({table_.c_str(), nft::live_set(renewed.right), NftBatch::Change::add},
                     {.key = nft::group_key(renewed.group),
                      .timeout_ms = static_cast<std::uint64_t>(timeout->count())});
}

/// Removing what is not there, or has just run out, would fail the transaction; adding it first
/// makes sure that it is. Nobody sees it: a transaction takes effect at one instant.
void NftGate::put_closed(nft::Right right, GateGroup group) noexcept {
    using Change = NftBatch::Change;
    const char* set = nft::live_set(right);
    renewal_.put_one({table_.c_str(), set, Change::add}, {.key = nft::group_key(group)});
    renewal_.put_one({table_.c_str(), set, Change::remove}, {.key = nft::group_key(group)});
}

GateStatus NftGate::describe() const {
    GateStatus status;
    status.kind = GateKind::nftables;
    status.why_not_bpf = why_not_bpf_;
    status.late_renewals = late_renewals_;
    std::map<std::uint32_t, std::string> attached;
    {
        const std::scoped_lock lock(mutex_);
        attached = attached_;
        status.earlier_gates = earlier_->count();
        if (status.earlier_gates > 0) status.warning = earlier_->warning();
    }
    auto tables = NftTables::open();
    if (!tables) status.warning = tables.error().message;
    for (const auto& [ifindex, name] : attached) {
        bool in_place = tables.has_value();
        for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
            if (!in_place) break;
            const auto found = tables->has_chain(slot_, nft::base_chain_name(direction, ifindex));
            if (!found) status.warning = found.error().message;
            in_place = found && *found;
        }
        status.interfaces.push_back({.index = ifindex, .name = name, .in_place = in_place});
    }
    if (const int error = renewal_error_; error == ETIME)
        status.warning = "a renewal came late, and was closed again: lbd was kept from running";
    else if (error == ENOENT)
        status.warning = "table netdev " + table_ + " is gone, perhaps by `nft flush ruleset`: " +
                         "nothing is gated until lbd is started anew";
    else if (error != 0)
        status.warning = std::string("a renewal was refused: ") + std::strerror(error);
    return status;
}

GateCounters NftGate::counters() const {
    auto tables = NftTables::open();
    if (!tables) return {};
    const auto counters = tables->counters(slot_);
    return counters ? *counters : GateCounters{};
}

Result<void> NftGate::remove() {
    {
        const std::scoped_lock lock(mutex_);
        attached_.clear();
    }
    removed_ = true;
    return remove_all();
}

}  // namespace trivet::dataplane
