#include "dataplane/bpf_gate.hpp"

#include <atomic>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <dataplane/gate.skel.h>
#include <numeric>

#include <net/if.h>
#include <sys/mman.h>

#include "core/assert.hpp"
#include "dataplane/uplink.hpp"

namespace trivet::dataplane {

namespace {

constexpr std::uint32_t loopback_ifindex = 1;  // in every network namespace
constexpr std::size_t deadlines_bytes = groups_max * sizeof(trivet_gate_deadlines);

// The C++ side writes what the kernel's side reads: both must see whole numbers.
static_assert(std::atomic_ref<__u64>::is_always_lock_free);
static_assert(std::atomic_ref<__u64>::required_alignment <= alignof(trivet_gate_deadlines));

Error refused(const std::string& what, int error) {
    return {error == EPERM ? ErrorCode::not_allowed : ErrorCode::unavailable,
            "cannot " + what + ": " + std::strerror(error) +
                (error == EPERM ? "; lbd needs the capabilities CAP_BPF and CAP_NET_ADMIN" : "")};
}

void store(__u64& place, Instant until) {
    // Sequentially consistent, which is more than the kernel's side needs: a gate is to be closed
    // before the message that relies on it leaves this thread (H5, H6).
    std::atomic_ref(place).store(static_cast<__u64>(until.time_since_epoch().count()));
}

/// The number of elements that a batch operation has dealt with, until an error.
struct BatchDone {
    std::size_t count;
    int error;
};

BatchDone update_batch(int map, std::span<const trivet_gate_address> keys,
                       std::span<const __u32> values) {
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    auto count = static_cast<__u32>(keys.size());
    const int error = bpf_map_update_batch(map, keys.data(), values.data(), &count, &options);
    return {error == 0 ? keys.size() : count, -error};
}

/// A kernel that cannot do it in one call (EINVAL, ENOTSUPP of Linux, which is none of errno.h).
bool unsupported(int error) {
    constexpr int linux_enotsupp = 524;
    return error == EINVAL || error == EOPNOTSUPP || error == linux_enotsupp;
}

Error vip_error(const IpAddress& address, int error) {
    if (error == E2BIG)
        return {ErrorCode::exhausted, "the gate has no place for " + address.to_string() + ": " +
                                          std::to_string(addresses_max) +
                                          " addresses are the most"};
    return refused("put " + address.to_string() + " into the gate", error);
}

}  // namespace

void BpfGate::DestroyProgram::operator()(GateProgram* program) const {
    GateProgram__destroy(program);
}

void BpfGate::Unmap::operator()(trivet_gate_deadlines* deadlines) const {
    munmap(deadlines, deadlines_bytes);
}

BpfGate::BpfGate(Program program, TcFilters tc, std::uint32_t slot)
    : program_(std::move(program)), tc_(std::move(tc)), slot_(slot) {}

Result<std::unique_ptr<Gate>> BpfGate::open(EarlierGates& earlier, const Callbacks& callbacks) {
    // It would print on standard error what our own messages say.
    libbpf_set_print(nullptr);
    const auto slot = earlier.free_slot();
    if (!slot) return fail(slot.error());
    auto tc = TcFilters::open();
    if (!tc) return fail(tc.error());
    Program program(GateProgram__open());
    if (program == nullptr) return fail(refused("read the gate's BPF program", errno));
    auto gate = std::unique_ptr<BpfGate>(new BpfGate(std::move(program), std::move(*tc), *slot));
    if (auto loaded = gate->load_and_map(); !loaded) return fail(loaded.error());
    if (auto proved = gate->prove(); !proved) return fail(proved.error());
    if (!earlier.warning().empty() && callbacks.on_log)
        callbacks.on_log("warning", earlier.warning());
    gate->earlier_ = std::move(earlier);
    return std::unique_ptr<Gate>(std::move(gate));
}

Result<void> BpfGate::load_and_map() {
    if (const int error = GateProgram__load(program_.get()); error != 0)
        return fail(refused("load the gate's BPF program", -error));
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        bpf_prog_info info{};
        std::uint32_t size = sizeof info;
        const int error = bpf_obj_get_info_by_fd(program_fd(direction), &info, &size);
        if (error != 0) return fail(refused("describe the gate's BPF program", -error));
        program_ids_[direction] = info.id;
    }
    void* mapped = mmap(nullptr, deadlines_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                        bpf_map__fd(program_->maps.deadlines), 0);
    if (mapped == MAP_FAILED) return fail(refused("map the gate's deadlines into memory", errno));
    deadlines_.reset(static_cast<trivet_gate_deadlines*>(mapped));
    return {};
}

/// Loading alone does not show that the kernel has tc filters of this kind. With no VIP in its map
/// the program lets everything pass.
Result<void> BpfGate::prove() {
    auto added = add_filters(loopback_ifindex);
    auto removed = remove_filters(loopback_ifindex);
    return added ? removed : added;
}

int BpfGate::program_fd(trivet_gate_direction direction) const {
    return bpf_program__fd(direction == TRIVET_GATE_INGRESS ? program_->progs.trivet_ingress
                                                            : program_->progs.trivet_egress);
}

BpfGate::~BpfGate() {
    if (deadlines_ == nullptr) return;
    for (GateGroup group = 1; group < groups_max; ++group) {
        store(deadlines_.get()[group].announce_until, Instant{});
        store(deadlines_.get()[group].accept_until, Instant{});
    }
}

/// Adds what is missing; the one direction is not touched when only the other is.
Result<void> BpfGate::add_filters(std::uint32_t ifindex) {
    const auto present = tc_.list(ifindex);
    if (!present) return fail(present.error());
    const auto made = tc_.ensure_qdisc(ifindex);
    if (!made) return fail(made.error());
    // The note that the qdisc is ours is inherited from the gate that stands there already.
    FilterMark mark{.slot = slot_, .made_qdisc = *made};
    std::array<bool, TRIVET_GATE_DIRECTIONS> in_place{};
    for (const GateFilter& filter : *present) {
        mark.made_qdisc |= filter.mark.made_qdisc;
        in_place[filter.direction] |= filter.program_id == program_ids_[filter.direction];
    }
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        if (in_place[direction]) continue;
        auto added = tc_.add({.ifindex = ifindex,
                              .direction = direction,
                              .mark = mark,
                              .program_fd = program_fd(direction)});
        if (!added) return added;
    }
    return {};
}

Result<void> BpfGate::remove_filters(std::uint32_t ifindex) {
    const auto present = tc_.list(ifindex);
    if (!present) return fail(present.error());
    bool made_qdisc = false;
    for (const GateFilter& filter : *present) {
        if (filter.program_id != program_ids_[filter.direction]) continue;
        made_qdisc |= filter.mark.made_qdisc;
        if (auto removed = tc_.remove(filter); !removed) return removed;
    }
    return made_qdisc ? tc_.remove_unused_qdisc(ifindex) : Result<void>{};
}

Result<void> BpfGate::attach(std::uint32_t ifindex) {
    const auto name = uplink_name(ifindex);
    if (!name) {
        if (name.error().code == ErrorCode::not_found) return {};
        return fail(name.error());
    }
    if (auto added = add_filters(ifindex); !added) {
        if (const auto undone = remove_filters(ifindex); !undone)
            added.error().message += "; " + undone.error().message;
        if (!uplink_name(ifindex)) return {};  // it vanished meanwhile
        return added;
    }
    const std::scoped_lock lock(mutex_);
    attached_[ifindex] = *name;
    return {};
}

Result<void> BpfGate::detach(std::uint32_t ifindex) {
    {
        const std::scoped_lock lock(mutex_);
        if (attached_.erase(ifindex) == 0) return {};
    }
    return remove_filters(ifindex);
}

Result<void> BpfGate::replace_earlier() {
    const std::scoped_lock lock(mutex_);
    return earlier_->remove();
}

Result<void> BpfGate::set_vips(std::span<const VipGroup> vips) {
    std::vector<trivet_gate_address> keys;
    std::vector<__u32> groups;
    for (const auto& [address, group] : vips) {
        if (group >= groups_max)
            return fail(ErrorCode::invalid_argument, "the gate has " + std::to_string(groups_max) +
                                                         " groups, and none is " +
                                                         std::to_string(group));
        keys.push_back(map_key(address));
        groups.push_back(group);
    }
    const int map = bpf_map__fd(program_->maps.vips);
    std::size_t done = 0;
    while (done < keys.size()) {
        const BatchDone batch =
            update_batch(map, std::span(keys).subspan(done), std::span(groups).subspan(done));
        done += batch.count;
        if (batch.error == 0) break;
        if (!unsupported(batch.error)) return fail(vip_error(vips[done].first, batch.error));
        const int error = -bpf_map_update_elem(map, &keys[done], &groups[done], BPF_ANY);
        if (error != 0) return fail(vip_error(vips[done].first, error));
        ++done;
    }
    return {};
}

Result<void> BpfGate::erase_vips(std::span<const IpAddress> addresses) {
    // One by one: a batch ends at the first address that is not there, and few are erased at a
    // time.
    const int map = bpf_map__fd(program_->maps.vips);
    for (const IpAddress& address : addresses) {
        const trivet_gate_address key = map_key(address);
        const int error = -bpf_map_delete_elem(map, &key);
        if (error != 0 && error != ENOENT)
            return fail(refused("take " + address.to_string() + " out of the gate", error));
    }
    return {};
}

bool BpfGate::set_deadlines(std::span<const GroupDeadlines> groups) noexcept {
    for (const GroupDeadlines& group : groups) {
        check_deadlines(group);
        trivet_gate_deadlines& place = deadlines_.get()[group.group];
        const auto [announce, accept] = group.deadlines;
        // Also between the two writes, who may announce may accept.
        const bool ends_earlier =
            static_cast<__u64>(announce.time_since_epoch().count()) < place.announce_until;
        if (ends_earlier) store(place.announce_until, announce);
        store(place.accept_until, accept);
        if (!ends_earlier) store(place.announce_until, announce);
    }
    return true;
}

GateStatus BpfGate::describe() const {
    GateStatus status;
    status.kind = GateKind::bpf;
    status.program_ids.assign(program_ids_.begin(), program_ids_.end());
    std::map<std::uint32_t, std::string> attached;
    {
        const std::scoped_lock lock(mutex_);
        attached = attached_;
        status.earlier_gates = earlier_->count();
        if (status.earlier_gates > 0) status.warning = earlier_->warning();
    }
    auto tc = TcFilters::open();
    if (!tc) status.warning = tc.error().message;
    for (const auto& [ifindex, name] : attached) {
        std::size_t in_place = 0;
        const auto filters = tc ? tc->list(ifindex) : Result<std::vector<GateFilter>>{};
        if (!filters) status.warning = filters.error().message;
        if (filters)
            for (const GateFilter& filter : *filters)
                if (filter.program_id == program_ids_[filter.direction]) ++in_place;
        status.interfaces.push_back(
            {.index = ifindex, .name = name, .in_place = in_place == TRIVET_GATE_DIRECTIONS});
    }
    return status;
}

GateCounters BpfGate::counters() const {
    const int processors = libbpf_num_possible_cpus();
    TRIVET_ASSERT(processors > 0);
    std::vector<__u64> per_processor(static_cast<std::size_t>(processors));
    const auto total = [&](trivet_gate_direction direction, trivet_gate_kind kind) {
        const __u32 index = trivet_gate_drops_index(direction, kind);
        const int map = bpf_map__fd(program_->maps.drops);
        // It cannot fail: the element of an array exists.
        TRIVET_ASSERT(bpf_map_lookup_elem(map, &index, per_processor.data()) == 0);
        return std::accumulate(per_processor.begin(), per_processor.end(), std::uint64_t{0});
    };
    const auto drops = [&](trivet_gate_direction direction) {
        return GateCounters::Drops{.arp = total(direction, TRIVET_GATE_ARP),
                                   .ndp = total(direction, TRIVET_GATE_NDP),
                                   .ipv4 = total(direction, TRIVET_GATE_IPV4),
                                   .ipv6 = total(direction, TRIVET_GATE_IPV6),
                                   .stacked_tags = total(direction, TRIVET_GATE_STACKED_TAGS)};
    };
    return {.ingress = drops(TRIVET_GATE_INGRESS), .egress = drops(TRIVET_GATE_EGRESS)};
}

Result<void> BpfGate::remove() {
    {
        const std::scoped_lock lock(mutex_);
        attached_.clear();
    }
    return remove_all();
}

}  // namespace trivet::dataplane
