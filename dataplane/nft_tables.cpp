#include "dataplane/nft_tables.hpp"

#include <cerrno>
#include <endian.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "dataplane/nft_ruleset.hpp"

namespace trivet::dataplane {

namespace {

constexpr std::size_t batch_bytes_max = 4096;  // a few messages of a few attributes

NetlinkBatch request_for(std::uint16_t type) {
    NetlinkBatch request(batch_bytes_max);
    request.add(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), 0);
    auto& header = request.add_header<nfgenmsg>();
    header.nfgen_family = NFPROTO_NETDEV;
    header.version = NFNETLINK_V0;
    return request;
}

std::uint64_t packets_of(const nlattr& counter) {
    const nlattr* packets = find_nested(counter, NFTA_COUNTER_PACKETS);
    return packets == nullptr ? 0 : be64toh(mnl_attr_get_u64(packets));
}

std::uint64_t* counter_named(GateCounters& counters, std::string_view name) {
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        auto& drops = direction == TRIVET_GATE_INGRESS ? counters.ingress : counters.egress;
        if (name == nft::counter_name(direction, TRIVET_GATE_ARP)) return &drops.arp;
        if (name == nft::counter_name(direction, TRIVET_GATE_NDP)) return &drops.ndp;
        if (name == nft::counter_name(direction, TRIVET_GATE_IPV4)) return &drops.ipv4;
        if (name == nft::counter_name(direction, TRIVET_GATE_IPV6)) return &drops.ipv6;
    }
    return nullptr;
}

}  // namespace

Result<NftTables> NftTables::open() {
    auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
    if (!socket) return fail(socket.error());
    return NftTables(std::move(*socket));
}

Result<std::vector<std::uint32_t>> NftTables::slots() {
    std::vector<std::uint32_t> slots;
    NetlinkBatch request = request_for(NFT_MSG_GETTABLE);
    const auto dumped = socket_.dump(request, [&](const nlmsghdr& message) {
        const auto slot = nft::table_slot(
            attribute_text(find_attribute(message, sizeof(nfgenmsg), NFTA_TABLE_NAME)));
        if (slot) slots.push_back(*slot);
    });
    // A kernel without nftables does not know the request.
    if (!dumped && dumped.error().code != ErrorCode::invalid_argument) return fail(dumped.error());
    return slots;
}

Result<void> NftTables::close(std::uint32_t slot) {
    const std::string table = nft::table_name(slot);
    NftBatch batch(batch_bytes_max);
    for (const auto right : {nft::Right::announce, nft::Right::accept})
        batch.flush_set(table.c_str(), nft::live_set(right));
    return perform(batch, "close the gate of an earlier process in nftables");
}

Result<void> NftTables::remove(std::uint32_t slot) {
    const std::string table = nft::table_name(slot);
    NftBatch batch(batch_bytes_max);
    batch.delete_table(table.c_str());
    auto removed = perform(batch, "take the gate out of nftables");
    if (!removed && removed.error().code == ErrorCode::not_found) return {};
    return removed;
}

Result<bool> NftTables::has_chain(std::uint32_t slot, const std::string& chain) {
    const std::string table = nft::table_name(slot);
    bool found = false;
    NetlinkBatch request = request_for(NFT_MSG_GETCHAIN);
    const auto dumped = socket_.dump(request, [&](const nlmsghdr& message) {
        found |=
            attribute_text(find_attribute(message, sizeof(nfgenmsg), NFTA_CHAIN_TABLE)) == table &&
            attribute_text(find_attribute(message, sizeof(nfgenmsg), NFTA_CHAIN_NAME)) == chain;
    });
    if (!dumped) return fail(dumped.error());
    return found;
}

Result<GateCounters> NftTables::counters(std::uint32_t slot) {
    const std::string table = nft::table_name(slot);
    GateCounters counters;
    NetlinkBatch request = request_for(NFT_MSG_GETOBJ);
    const auto dumped = socket_.dump(request, [&](const nlmsghdr& message) {
        if (attribute_text(find_attribute(message, sizeof(nfgenmsg), NFTA_OBJ_TABLE)) != table)
            return;
        const nlattr* data = find_attribute(message, sizeof(nfgenmsg), NFTA_OBJ_DATA);
        std::uint64_t* counter = counter_named(
            counters, attribute_text(find_attribute(message, sizeof(nfgenmsg), NFTA_OBJ_NAME)));
        if (counter != nullptr && data != nullptr) *counter = packets_of(*data);
    });
    if (!dumped) return fail(dumped.error());
    return counters;
}

Result<void> NftTables::perform(NftBatch& batch, const char* what) {
    const NetlinkAnswer answer = socket_.perform(batch.finish());
    if (!answer.ok()) return fail(netlink_error(what, answer));
    return {};
}

}  // namespace trivet::dataplane
