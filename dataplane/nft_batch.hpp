#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <linux/netfilter/nf_tables.h>

#include "dataplane/gate_layout.h"
#include "dataplane/netlink.hpp"

namespace trivet::dataplane {

/// One transaction of nftables in the netdev family: all of it takes effect at one instant, or none
/// (nf_tables netlink, linux/netfilter/nf_tables.h). libnftnl, which writes these messages too, is
/// GPL and so not for us. Its memory is allocated once.
class NftBatch {
public:
    explicit NftBatch(std::size_t bytes_max) : netlink_(bytes_max) { begin(); }

    void begin();            // anew, empty
    NetlinkBatch& finish();  // ready to be sent; next comes begin()
    bool empty() const { return empty_; }
    std::size_t room() const { return netlink_.room(); }

    void add_table(const char* table);
    void delete_table(const char* table);
    void add_counter(const char* table, const char* name);

    struct Set {
        const char* name = "";
        std::uint32_t key_type = 0;  // what `nft list` shows a key as
        std::uint32_t key_bytes = 0;
        bool map_to_verdict = false;
        bool timeouts = false;
    };
    void add_set(const char* table, const Set& set);

    struct BaseChain {
        const char* name = "";
        std::uint32_t hook = 0;  // NF_NETDEV_INGRESS or NF_NETDEV_EGRESS
        std::int32_t priority = 0;
        const char* device = "";
    };
    void add_base_chain(const char* table, const BaseChain& chain);
    void add_chain(const char* table, const char* name);
    void delete_chain(const char* table, const char* name);

    /// Adds `rule` at the end of a chain. `Rule` writes its expressions, see NftRule.
    template <class Rule>
    void add_rule(const char* table, const char* chain, const Rule& rule) {
        start(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
        netlink_.put_text(NFTA_RULE_TABLE, table);
        netlink_.put_text(NFTA_RULE_CHAIN, chain);
        nlattr* expressions = netlink_.begin_nested(NFTA_RULE_EXPRESSIONS);
        rule(netlink_);
        netlink_.end_nested(expressions);
    }

    /// Elements of one set, in one message: begin, each element, end.
    enum class Change : std::uint8_t { add, remove };
    struct Elements {
        const char* table = "";
        const char* set = "";
        Change change = Change::add;
    };
    struct Element {
        std::span<const std::uint8_t> key;
        const char* jump_to = nullptr;  // the chain, in a map to verdicts
        std::uint64_t timeout_ms = 0;   // 0: none
    };
    void begin_elements(const Elements& elements);
    void put_element(const Element& element);
    void end_elements();
    void put_one(const Elements& elements, const Element& element);
    /// Empties a set.
    void flush_set(const char* table, const char* set);

    static constexpr std::size_t element_bytes_max = 128;

private:
    void start(std::uint16_t type, std::uint16_t flags);
    void start_elements(const Elements& elements);

    NetlinkBatch netlink_;
    nlattr* elements_ = nullptr;
    bool empty_ = true;
};

/// Writes the expressions of one rule, each of which either goes on to the next or ends the rule.
class NftRule {
public:
    explicit NftRule(NetlinkBatch& netlink) : netlink_(netlink) {}

    struct Field {
        std::uint32_t base = 0;  // NFT_PAYLOAD_LL_HEADER, _NETWORK_HEADER, _TRANSPORT_HEADER
        std::uint32_t offset = 0;
        std::uint32_t bytes = 0;
    };
    void load(const Field& field, std::uint32_t to);
    void load_meta(nft_meta_keys what, std::uint32_t to);
    void set(std::span<const std::uint8_t> bytes, std::uint32_t to);
    void mask(std::uint32_t at, std::span<const std::uint8_t> bits);
    void must_equal(std::uint32_t at, std::span<const std::uint8_t> bytes) {
        compare(NFT_CMP_EQ, at, bytes);
    }
    void must_differ(std::uint32_t at, std::span<const std::uint8_t> bytes) {
        compare(NFT_CMP_NEQ, at, bytes);
    }
    void must_be_in(const char* set, std::uint32_t key);
    void must_not_be_in(const char* set, std::uint32_t key);
    void must_follow(const char* verdict_map, std::uint32_t key);
    void count(const char* counter);
    void drop() { verdict(0 /* NF_DROP */, nullptr); }
    void give_back() { verdict(NFT_RETURN, nullptr); }
    void jump(const char* chain) { verdict(NFT_JUMP, chain); }
    void go_to(const char* chain) { verdict(NFT_GOTO, chain); }

private:
    void compare(nft_cmp_ops operation, std::uint32_t at, std::span<const std::uint8_t> bytes);
    enum class Lookup : std::uint8_t { plain, inverted, verdict };
    void lookup(const char* set, std::uint32_t key, Lookup kind);
    void verdict(int code, const char* chain);
    struct Open {
        nlattr* element;
        nlattr* data;
    };
    [[nodiscard]] Open begin(const char* expression);
    void end(const Open& open);
    void put_data(std::uint16_t type, std::span<const std::uint8_t> bytes);

    NetlinkBatch& netlink_;
};

}  // namespace trivet::dataplane
