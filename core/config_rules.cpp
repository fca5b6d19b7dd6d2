#include "core/config_rules.hpp"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "core/ip_address.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::uint64_t hold_time_default = 90;  // RFC 4271 section 10

/// The fields of one peer, as far as they could be read.
class PeerFields {
public:
    PeerFields(FieldReader& reader, const json& peer) : reader_(reader), peer_(peer) {}

    bool has(const char* name) const { return reader_.has(name); }
    bool is_on(const char* name) const { return peer_.value(name, false); }
    std::uint64_t number(const char* name, std::uint64_t fallback) const {
        return peer_.value(name, fallback);
    }
    std::optional<IpAddress> address(const char* name) const {
        if (!peer_.contains(name)) return std::nullopt;
        return *IpAddress::parse(peer_[name].get_ref<const std::string&>());
    }
    /// Of the transport; nullopt: not known, or a link whose addresses nobody gives.
    std::optional<IpFamily> family() const {
        if (const auto peer = address("peer_address")) return peer->family();
        if (peer_.contains("peer_prefix"))
            return Prefix::parse(peer_["peer_prefix"].get_ref<const std::string&>())->family();
        return std::nullopt;
    }
    bool is_internal() const {
        if (peer_.value("dynamic_asn", "") == "internal") return true;
        const std::uint64_t ours = number("local_asn", number("my_asn", 0));
        return ours != 0 && ours == number("peer_asn", 0);
    }
    /// Empty: not given, or not readable.
    std::vector<std::string> texts(const char* name) const {
        return peer_.value(name, std::vector<std::string>{});
    }
    void refuse(const char* field, std::string message) {
        reader_.refuse(field, {ErrorCode::invalid_argument, std::move(message)});
    }

private:
    FieldReader& reader_;
    const json& peer_;
};

void check_who(PeerFields& peer) {
    if (!peer.has("my_asn")) peer.refuse("my_asn", "'my_asn' is missing in bgp-peer");
    if (peer.has("peer_asn") == peer.has("dynamic_asn"))
        peer.refuse("peer_asn", "a bgp-peer has either 'peer_asn' or 'dynamic_asn'");
    int places = 0;
    for (const char* place : {"peer_address", "interface", "peer_prefix"})
        places += peer.has(place) ? 1 : 0;
    if (places != 1)
        peer.refuse("peer_address",
                    "a bgp-peer has exactly one of 'peer_address', 'interface' and 'peer_prefix'");
    if (peer.has("password") && peer.has("password_secret"))
        peer.refuse("password_secret", "a bgp-peer has either 'password' or 'password_secret'");
    if (peer.has("peer_prefix") && peer.has("passive") && !peer.is_on("passive"))
        peer.refuse("passive",
                    "with 'peer_prefix' the neighbours connect to us: leave 'passive' "
                    "out, or set it");
}

void check_addresses(PeerFields& peer) {
    for (const char* name : {"peer_address", "source_address"}) {
        const auto address = peer.address(name);
        if (address && (address->is_multicast() || address->is_unspecified()))
            peer.refuse(
                name, fmt::format("'{}' is {}, which no machine has", name, address->to_string()));
    }
    const auto address = peer.address("peer_address");
    // RFC 4007 section 6: such an address means nothing without its link.
    if (address && address->is_link_local() && !address->is_v4() && !peer.has("vrf"))
        peer.refuse("peer_address",
                    fmt::format("{} is a link-local address: name its link by 'interface' instead, "
                                "or bind the session to the link by 'vrf'",
                                address->to_string()));
    const auto source = peer.address("source_address");
    if (source && peer.has("interface"))
        peer.refuse("source_address",
                    "with 'interface' the session has the link-local addresses of the link: leave "
                    "'source_address' out");
    if (source && peer.family() && *peer.family() != source->family())
        peer.refuse("source_address",
                    fmt::format("'source_address' is {}, but the peer is reached over {}",
                                to_string(source->family()), to_string(*peer.family())));
}

void check_timers(PeerFields& peer) {
    const std::uint64_t hold_time = peer.number("hold_time", hold_time_default);
    if (hold_time == 1 || hold_time == 2)  // RFC 4271 section 4.2
        peer.refuse("hold_time", "'hold_time' must be 0 or at least 3 s");
    if (hold_time != 0 && peer.number("keepalive_time", 0) > hold_time)
        peer.refuse("keepalive_time", "'keepalive_time' must not be longer than 'hold_time'");
    if (peer.is_on("bfd_strict") && !peer.has("bfd_profile"))
        peer.refuse("bfd_strict", "'bfd_strict' waits for BFD: name a 'bfd_profile'");
}

void check_hops(PeerFields& peer) {
    if (peer.is_on("ebgp_multi_hop") && peer.has("ttl_security_hops"))
        peer.refuse("ttl_security_hops",
                    "'ttl_security_hops' says how far away the peer may be: leave 'ebgp_multi_hop' "
                    "out");
    if (peer.is_on("ebgp_multi_hop") && peer.has("interface"))
        peer.refuse("ebgp_multi_hop", "the peer on an 'interface' is one hop away");
    if (!peer.is_internal()) return;
    if (peer.is_on("ebgp_multi_hop"))
        peer.refuse("ebgp_multi_hop",
                    "the peer is of our own AS: such sessions reach over many hops anyway");
    if (peer.has("role"))  // RFC 9234 section 4.1
        peer.refuse("role", "roles are for peers of another AS; this one is of our own");
}

/// All that says which families a session carries must say the same.
void check_families(PeerFields& peer) {
    const bool is_single = peer.is_on("disable_mp");
    const bool is_dual = peer.is_on("dual_stack_address_family");
    if (is_single && is_dual)
        peer.refuse("disable_mp",
                    "'disable_mp' leaves one family, 'dual_stack_address_family' asks for both");
    const std::vector<std::string> families = peer.texts("families");
    if (families.empty()) return;
    const bool are_both = families.size() > 1;
    if (is_single && are_both)
        peer.refuse("disable_mp", "'disable_mp' leaves one family, 'families' names both");
    if (peer.has("dual_stack_address_family") && is_dual != are_both)
        peer.refuse("dual_stack_address_family",
                    "'families' and 'dual_stack_address_family' contradict each other; one of them "
                    "is enough");
    const auto family = peer.family();
    if (is_single && family && families.front() != to_string(*family))
        peer.refuse("disable_mp",
                    fmt::format("without the multiprotocol extension a session over {} carries {}",
                                to_string(*family), to_string(*family)));
}

}  // namespace

void check_peer_fields(FieldReader& reader, const json& peer) {
    PeerFields fields(reader, peer);
    check_who(fields);
    check_addresses(fields);
    check_timers(fields);
    check_hops(fields);
    check_families(fields);
}

}  // namespace trivet
