#include "dataplane/nft_batch.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "core/assert.hpp"

namespace trivet::dataplane {

namespace {

// Set ids are how messages of one batch name a set that the same batch makes; ours name it by name.
constexpr std::uint32_t set_id = 1;

void put_header(NetlinkBatch& netlink, std::uint16_t resource) {
    auto& header = netlink.add_header<nfgenmsg>();
    header.nfgen_family = resource == 0 ? NFPROTO_NETDEV : AF_UNSPEC;
    header.version = NFNETLINK_V0;
    header.res_id = htons(resource);
}

void put_verdict(NetlinkBatch& netlink, int code, const char* chain) {
    nlattr* verdict = netlink.begin_nested(NFTA_DATA_VERDICT);
    netlink.put_be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
    if (chain != nullptr) netlink.put_text(NFTA_VERDICT_CHAIN, chain);
    netlink.end_nested(verdict);
}

}  // namespace

void NftBatch::begin() {
    netlink_.clear();
    netlink_.add(NFNL_MSG_BATCH_BEGIN, 0);
    put_header(netlink_, NFNL_SUBSYS_NFTABLES);
    empty_ = true;
}

NetlinkBatch& NftBatch::finish() {
    TRIVET_ASSERT(elements_ == nullptr && !empty_);
    // Answers to a batch come when all of it has taken effect, or none. Linux 6.1 gives none to the
    // end itself.
    netlink_.acknowledge();
    netlink_.add(NFNL_MSG_BATCH_END, 0);
    put_header(netlink_, NFNL_SUBSYS_NFTABLES);
    return netlink_;
}

void NftBatch::start(std::uint16_t type, std::uint16_t flags) {
    netlink_.add(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), flags);
    put_header(netlink_, 0);
    empty_ = false;
}

void NftBatch::add_table(const char* table) {
    start(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
    netlink_.put_text(NFTA_TABLE_NAME, table);
}

void NftBatch::delete_table(const char* table) {
    start(NFT_MSG_DELTABLE, 0);
    netlink_.put_text(NFTA_TABLE_NAME, table);
}

void NftBatch::add_counter(const char* table, const char* name) {
    start(NFT_MSG_NEWOBJ, NLM_F_CREATE);
    netlink_.put_text(NFTA_OBJ_TABLE, table);
    netlink_.put_text(NFTA_OBJ_NAME, name);
    netlink_.put_be32(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
    netlink_.end_nested(netlink_.begin_nested(NFTA_OBJ_DATA));
}

void NftBatch::add_set(const char* table, const Set& set) {
    start(NFT_MSG_NEWSET, NLM_F_CREATE);
    netlink_.put_text(NFTA_SET_TABLE, table);
    netlink_.put_text(NFTA_SET_NAME, set.name);
    netlink_.put_be32(NFTA_SET_ID, set_id);
    std::uint32_t flags = 0;
    if (set.map_to_verdict) flags |= NFT_SET_MAP;
    if (set.timeouts) flags |= NFT_SET_TIMEOUT;
    netlink_.put_be32(NFTA_SET_FLAGS, flags);
    netlink_.put_be32(NFTA_SET_KEY_TYPE, set.key_type);
    netlink_.put_be32(NFTA_SET_KEY_LEN, set.key_bytes);
    if (set.map_to_verdict) netlink_.put_be32(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
}

void NftBatch::add_base_chain(const char* table, const BaseChain& chain) {
    start(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
    netlink_.put_text(NFTA_CHAIN_TABLE, table);
    netlink_.put_text(NFTA_CHAIN_NAME, chain.name);
    netlink_.put_text(NFTA_CHAIN_TYPE, "filter");
    nlattr* hook = netlink_.begin_nested(NFTA_CHAIN_HOOK);
    netlink_.put_be32(NFTA_HOOK_HOOKNUM, chain.hook);
    netlink_.put_be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(chain.priority));
    netlink_.put_text(NFTA_HOOK_DEV, chain.device);
    netlink_.end_nested(hook);
}

void NftBatch::add_chain(const char* table, const char* name) {
    start(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    netlink_.put_text(NFTA_CHAIN_TABLE, table);
    netlink_.put_text(NFTA_CHAIN_NAME, name);
}

void NftBatch::delete_chain(const char* table, const char* name) {
    start(NFT_MSG_DELCHAIN, 0);
    netlink_.put_text(NFTA_CHAIN_TABLE, table);
    netlink_.put_text(NFTA_CHAIN_NAME, name);
}

void NftBatch::start_elements(const Elements& elements) {
    if (elements.change == Change::add)
        start(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    else
        start(NFT_MSG_DELSETELEM, 0);
    netlink_.put_text(NFTA_SET_ELEM_LIST_TABLE, elements.table);
    netlink_.put_text(NFTA_SET_ELEM_LIST_SET, elements.set);
}

void NftBatch::begin_elements(const Elements& elements) {
    TRIVET_ASSERT(elements_ == nullptr);
    start_elements(elements);
    elements_ = netlink_.begin_nested(NFTA_SET_ELEM_LIST_ELEMENTS);
}

void NftBatch::put_element(const Element& element) {
    nlattr* nest = netlink_.begin_nested(NFTA_LIST_ELEM);
    nlattr* key = netlink_.begin_nested(NFTA_SET_ELEM_KEY);
    netlink_.put_bytes(NFTA_DATA_VALUE, element.key.data(), element.key.size());
    netlink_.end_nested(key);
    if (element.jump_to != nullptr) {
        nlattr* data = netlink_.begin_nested(NFTA_SET_ELEM_DATA);
        put_verdict(netlink_, NFT_JUMP, element.jump_to);
        netlink_.end_nested(data);
    }
    if (element.timeout_ms != 0) netlink_.put_be64(NFTA_SET_ELEM_TIMEOUT, element.timeout_ms);
    netlink_.end_nested(nest);
}

void NftBatch::end_elements() {
    TRIVET_ASSERT(elements_ != nullptr);
    netlink_.end_nested(std::exchange(elements_, nullptr));
}

void NftBatch::put_one(const Elements& elements, const Element& element) {
    begin_elements(elements);
    put_element(element);
    end_elements();
}

void NftBatch::flush_set(const char* table, const char* set) {
    start_elements({.table = table, .set = set, .change = Change::remove});
}

NftRule::Open NftRule::begin(const char* expression) {
    Open open{.element = netlink_.begin_nested(NFTA_LIST_ELEM), .data = nullptr};
    netlink_.put_text(NFTA_EXPR_NAME, expression);
    open.data = netlink_.begin_nested(NFTA_EXPR_DATA);
    return open;
}

void NftRule::end(const Open& open) {
    netlink_.end_nested(open.data);
    netlink_.end_nested(open.element);
}

void NftRule::put_data(std::uint16_t type, std::span<const std::uint8_t> bytes) {
    nlattr* data = netlink_.begin_nested(type);
    netlink_.put_bytes(NFTA_DATA_VALUE, bytes.data(), bytes.size());
    netlink_.end_nested(data);
}

void NftRule::load(const Field& field, std::uint32_t to) {
    const Open open = begin("payload");
    netlink_.put_be32(NFTA_PAYLOAD_DREG, to);
    netlink_.put_be32(NFTA_PAYLOAD_BASE, field.base);
    netlink_.put_be32(NFTA_PAYLOAD_OFFSET, field.offset);
    netlink_.put_be32(NFTA_PAYLOAD_LEN, field.bytes);
    end(open);
}

void NftRule::load_meta(nft_meta_keys what, std::uint32_t to) {
    const Open open = begin("meta");
    netlink_.put_be32(NFTA_META_DREG, to);
    netlink_.put_be32(NFTA_META_KEY, what);
    end(open);
}

void NftRule::set(std::span<const std::uint8_t> bytes, std::uint32_t to) {
    const Open open = begin("immediate");
    netlink_.put_be32(NFTA_IMMEDIATE_DREG, to);
    put_data(NFTA_IMMEDIATE_DATA, bytes);
    end(open);
}

void NftRule::mask(std::uint32_t at, std::span<const std::uint8_t> bits) {
    constexpr std::array<std::uint8_t, 16> zeros{};
    TRIVET_ASSERT(bits.size() <= zeros.size());
    const Open open = begin("bitwise");
    netlink_.put_be32(NFTA_BITWISE_SREG, at);
    netlink_.put_be32(NFTA_BITWISE_DREG, at);
    netlink_.put_be32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(bits.size()));
    put_data(NFTA_BITWISE_MASK, bits);
    put_data(NFTA_BITWISE_XOR, std::span(zeros).first(bits.size()));
    end(open);
}

void NftRule::compare(nft_cmp_ops operation, std::uint32_t at,
                      std::span<const std::uint8_t> bytes) {
    const Open open = begin("cmp");
    netlink_.put_be32(NFTA_CMP_SREG, at);
    netlink_.put_be32(NFTA_CMP_OP, operation);
    put_data(NFTA_CMP_DATA, bytes);
    end(open);
}

void NftRule::must_be_in(const char* set, std::uint32_t key) { lookup(set, key, Lookup::plain); }

void NftRule::must_not_be_in(const char* set, std::uint32_t key) {
    lookup(set, key, Lookup::inverted);
}

void NftRule::must_follow(const char* verdict_map, std::uint32_t key) {
    lookup(verdict_map, key, Lookup::verdict);
}

void NftRule::lookup(const char* set, std::uint32_t key, Lookup kind) {
    const Open open = begin("lookup");
    netlink_.put_text(NFTA_LOOKUP_SET, set);
    netlink_.put_be32(NFTA_LOOKUP_SREG, key);
    if (kind == Lookup::verdict) netlink_.put_be32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
    if (kind == Lookup::inverted) netlink_.put_be32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    end(open);
}

void NftRule::count(const char* counter) {
    const Open open = begin("objref");
    netlink_.put_be32(NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    netlink_.put_text(NFTA_OBJREF_IMM_NAME, counter);
    end(open);
}

void NftRule::verdict(int code, const char* chain) {
    const Open open = begin("immediate");
    netlink_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    nlattr* data = netlink_.begin_nested(NFTA_IMMEDIATE_DATA);
    put_verdict(netlink_, code, chain);
    netlink_.end_nested(data);
    end(open);
}

}  // namespace trivet::dataplane
