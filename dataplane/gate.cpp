#include "dataplane/gate.hpp"

#include <set>

#include "core/assert.hpp"
#include "dataplane/bpf_gate.hpp"
#include "dataplane/earlier_gates.hpp"
#include "dataplane/nft_gate.hpp"

namespace trivet::dataplane {

std::string_view to_string(GateKind kind) {
    switch (kind) {
        case GateKind::bpf:
            return "bpf";
        case GateKind::nftables:
            return "nftables";
    }
    return "";
}

Result<std::unique_ptr<Gate>> Gate::open(Options options, Callbacks callbacks) {
    auto earlier = EarlierGates::find_and_close();
    if (!earlier) return fail(earlier.error());
    std::string why_not_bpf = "nftables was asked for";
    if (options.choice != Choice::nftables) {
        auto gate = BpfGate::open(*earlier, callbacks);
        if (gate || options.choice == Choice::bpf) return gate;
        why_not_bpf = gate.error().message;
    }
    auto gate = NftGate::open(*earlier, callbacks, why_not_bpf);
    if (gate && options.choice == Choice::automatic && callbacks.on_log)
        callbacks.on_log("warning",
                         "the gate is held by nftables, which is not safe across "
                         "suspend, because BPF is refused: " +
                             why_not_bpf);
    if (!gate && options.choice == Choice::automatic)
        gate.error().message =
            "no gate can be made. BPF: " + why_not_bpf + ". nftables: " + gate.error().message;
    return gate;
}

Result<void> Gate::remove_all() {
    auto tc = TcFilters::open();
    if (!tc) return fail(tc.error());
    const auto filters = tc->list_all();
    if (!filters) return fail(filters.error());
    std::set<std::uint32_t> our_qdiscs;
    for (const GateFilter& filter : *filters) {
        if (filter.mark.made_qdisc) our_qdiscs.insert(filter.ifindex);
        if (auto removed = tc->remove(filter); !removed) return removed;
    }
    for (const std::uint32_t ifindex : our_qdiscs)
        if (auto removed = tc->remove_unused_qdisc(ifindex); !removed) return removed;

    auto nft = NftTables::open();
    if (!nft) return fail(nft.error());
    const auto slots = nft->slots();
    if (!slots) return fail(slots.error());
    for (const std::uint32_t slot : *slots)
        if (auto removed = nft->remove(slot); !removed) return removed;
    return {};
}

void check_deadlines(const GroupDeadlines& group) noexcept {
    TRIVET_ASSERT(group.group != closed_group);
    TRIVET_ASSERT(group.group < groups_max);
    // A negative instant would be the farthest future to the kernel.
    TRIVET_ASSERT(group.deadlines.announce_until >= Instant{});
    TRIVET_ASSERT(group.deadlines.announce_until <= group.deadlines.accept_until);
}

trivet_gate_address map_key(const IpAddress& address) {
    trivet_gate_address key{};
    if (!address.is_v4()) {
        std::copy(address.bytes().begin(), address.bytes().end(), std::begin(key.bytes));
        return key;
    }
    // The last four of the sixteen bytes, behind the prefix of v4-mapped addresses (RFC 4291
    // §2.5.5.2).
    const std::uint32_t value = address.v4_value();
    key.bytes[10] = key.bytes[11] = 0xff;
    for (unsigned i = 0; i < 4; ++i)
        key.bytes[12 + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
    return key;
}

}  // namespace trivet::dataplane
