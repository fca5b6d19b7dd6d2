#include "announce/bgp/bgp_update_decode.hpp"

#include <algorithm>
#include <bitset>
#include <fmt/format.h>

#include "announce/bgp/bgp_attribute.hpp"
#include "announce/bgp/bgp_attribute_check.hpp"
#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp {

namespace {

using enum ErrorHandling;

constexpr std::size_t mp_unreach_size_min = 3;  // RFC 7606 section 5.3: AFI and SAFI
constexpr std::size_t mp_reach_size_min = 5;    // and the next hop's length, and a reserved octet

struct PrefixList {
    std::vector<Prefix> prefixes;
    std::size_t ignored = 0;
};

/// `length` bits from the wire, those after them zero: their value "is irrelevant" (RFC 4271
/// section 4.3). They must go first, or a prefix could seem to be one of mapped addresses.
IpAddress masked_address(std::span<const std::byte> bytes, std::size_t length, IpFamily family) {
    IpAddress::V6Bytes address{};
    std::ranges::transform(bytes, address.begin(), std::to_integer<std::uint8_t>);
    if (length % 8 != 0)
        address[bytes.size() - 1] &= static_cast<std::uint8_t>(0xff00 >> (length % 8));
    if (family == IpFamily::ipv6) return IpAddress::v6(address);
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | address[i];
    return IpAddress::v4(value);
}

/// RFC 7606 section 5.3; false: the field is syntactically incorrect. Prefixes that make no sense
/// are not counted as routes: "the prefix SHOULD be ignored" (RFC 4271 section 6.3).
bool read_prefixes(std::span<const std::byte> field, IpFamily family, PrefixList& list) {
    const std::size_t bits = family == IpFamily::ipv4 ? 32 : 128;
    ByteReader reader(field);
    while (!reader.rest().empty()) {
        const std::size_t length = reader.u8();
        if (length > bits) return false;
        const auto bytes = reader.take((length + 7) / 8);
        if (!reader.ok()) return false;
        const IpAddress address = masked_address(bytes, length, family);
        // Mapped addresses are never on the wire (RFC 4291 section 2.5.5.2).
        if (address.is_multicast() || address.family() != family)
            ++list.ignored;
        else
            list.prefixes.push_back(Prefix::containing(address, static_cast<int>(length)));
    }
    return true;
}

class UpdateDecoder {
public:
    explicit UpdateDecoder(const CodecOptions& options) : options_(options) {}

    Result<UpdateMessage, DecodeError> decode(std::span<const std::byte> body) {
        ByteReader reader(body);
        const auto withdrawn = reader.take(reader.u16());
        const auto attributes = reader.take(reader.u16());
        // RFC 4271 section 6.3: either length beyond the message is Malformed Attribute List.
        if (!reader.ok())
            return tl::unexpected(update_notification(update_error::malformed_attribute_list));
        const auto nlri = reader.rest();
        // RFC 7606 section 3 i: both fields are checked in the same manner.
        read_field(withdrawn, withdrawn_);
        read_field(nlri, announced_);
        read_attributes(attributes);
        is_reachable_ = is_reachable_ || !nlri.empty();
        if (!nlri.empty()) check_next_hop();
        if (is_reachable_) check_mandatory(!nlri.empty());
        if (withdrawn.empty() && nlri.empty()) find_end_of_rib(attributes.empty());
        return finish();
    }

private:
    /// RFC 7606 section 3 h: of several faults the one with the strongest action counts.
    void note(UpdateFault fault, std::span<const std::byte> data = {}) {
        if (worst_ && worst_->handling >= fault.handling) return;
        worst_ = std::move(fault);
        data_ = data;
    }

    bool is_reset() const { return worst_ && worst_->handling == session_reset; }

    /// Families of which we would know how long a prefix is; others have types we cannot parse.
    bool is_negotiated(AfiSafi family) const {
        return (family == ipv4_unicast || family == ipv6_unicast) &&
               options_.families.contains(family);
    }

    void read_field(std::span<const std::byte> field, PrefixList& list) {
        PrefixList not_negotiated;
        PrefixList& wanted = is_negotiated(ipv4_unicast) ? list : not_negotiated;
        if (!read_prefixes(field, IpFamily::ipv4, wanted))
            note({session_reset, update_error::invalid_network_field,
                  "an IPv4 prefix is too long, or cut off"});
    }

    void read_attributes(std::span<const std::byte> attributes) {
        ByteReader reader(attributes);
        while (!reader.rest().empty() && !is_reset()) {
            const auto start = reader.rest();
            PathAttribute attribute;
            attribute.flags = reader.u8();
            attribute.type = reader.u8();
            const bool is_extended = (attribute.flags & attribute_flag::extended_length) != 0;
            attribute.value = reader.take(is_extended ? reader.u16() : reader.u8());
            if (!reader.ok()) {  // RFC 7606 section 4, both error cases; the prefixes stay usable
                note({treat_as_withdraw, update_error::malformed_attribute_list,
                      "an attribute goes beyond the total attribute length"});
                return;
            }
            attribute.whole = start.first(start.size() - reader.rest().size());
            read_attribute(attribute);
        }
    }

    void read_attribute(const PathAttribute& attribute) {
        const bool is_reach = attribute.type == attribute_type::mp_reach_nlri;
        const bool is_unreach = attribute.type == attribute_type::mp_unreach_nlri;
        ++attributes_;
        if (seen_[attribute.type]) {
            if (is_reach || is_unreach)  // RFC 7606 section 3 f
                note({session_reset, update_error::malformed_attribute_list,
                      attribute_name(attribute.type) + " is there twice"});
            else if (!worst_)  // RFC 7606 section 3 g: all but the first are discarded
                note({attribute_discard, update_error::malformed_attribute_list,
                      attribute_name(attribute.type) + " is there twice"});
            return;
        }
        seen_.set(attribute.type);
        if (auto fault = check_attribute(attribute, options_))
            note(std::move(*fault), attribute.whole);
        else if (is_reach)
            read_mp_reach(attribute);
        else if (is_unreach)
            read_mp_unreach(attribute);
        else if (attribute.type == attribute_type::next_hop)
            next_hop_ = attribute;
    }

    /// RFC 4760 section 7: "Optional Attribute Error"; RFC 7606 section 5.3: a reset. By then the
    /// prefixes cannot be told apart.
    void note_mp_fault(const PathAttribute& attribute, std::string_view what) {
        note({session_reset, update_error::optional_attribute_error,
              fmt::format("{} {}", attribute_name(attribute.type), what)},
             attribute.whole);
    }

    /// RFC 4760 section 7 lets us ignore what comes for a family, which for one that was never
    /// agreed on is all there is to do ("AFI/SAFI disable", RFC 7606 section 2).
    void note_other_family(const PathAttribute& attribute, AfiSafi family) {
        note({attribute_discard, update_error::optional_attribute_error,
              fmt::format("{} is for {}, which was not negotiated", attribute_name(attribute.type),
                          to_string(family))},
             attribute.whole);
    }

    /// RFC 7606 section 7.11: the length "inconsistent with that which was expected".
    bool has_expected_size(std::span<const std::byte> next_hop, AfiSafi family) const {
        const bool is_ipv6 = next_hop.size() == 16 || next_hop.size() == 32;  // RFC 2545 section 3
        if (family == ipv6_unicast) return is_ipv6;
        return next_hop.size() == 4 || (is_ipv6 && options_.extended_next_hop.contains(family));
    }

    void read_mp_reach(const PathAttribute& attribute) {  // RFC 4760 section 3
        ByteReader reader(attribute.value);
        AfiSafi family;
        family.afi = reader.u16();
        family.safi = reader.u8();
        if (attribute.value.size() < mp_reach_size_min)
            return note_mp_fault(attribute, "is shorter than 5 octets");
        if (!is_negotiated(family)) {
            is_reachable_ = is_reachable_ || attribute.value.size() > mp_reach_size_min;
            return note_other_family(attribute, family);
        }
        const auto next_hop = reader.take(reader.u8());
        reader.u8();  // reserved: "MUST be ignored upon receipt"
        if (!reader.ok() || !has_expected_size(next_hop, family))
            return note_mp_fault(attribute, "has a next hop of a wrong length");
        const auto nlri = reader.rest();
        if (!read_prefixes(nlri, ip_family(family), announced_))
            return note_mp_fault(attribute, "holds a prefix that is too long, or cut off");
        if (nlri.empty()) return;
        is_reachable_ = true;
        if (is_martian_next_hop(next_hop))
            note({treat_as_withdraw, update_error::invalid_next_hop_attribute,
                  "MP_REACH_NLRI has a next hop that no router can have"},
                 attribute.whole);
    }

    void read_mp_unreach(const PathAttribute& attribute) {  // RFC 4760 section 4
        ByteReader reader(attribute.value);
        AfiSafi family;
        family.afi = reader.u16();
        family.safi = reader.u8();
        if (attribute.value.size() < mp_unreach_size_min)
            return note_mp_fault(attribute, "is shorter than 3 octets");
        if (!is_negotiated(family)) return note_other_family(attribute, family);
        if (!read_prefixes(reader.rest(), ip_family(family), withdrawn_))
            return note_mp_fault(attribute, "holds a prefix that is too long, or cut off");
        if (reader.rest().empty()) emptied_ = family;
    }

    static IpFamily ip_family(AfiSafi family) {
        return family == ipv4_unicast ? IpFamily::ipv4 : IpFamily::ipv6;
    }

    /// RFC 4271 section 6.3. It is about the IPv4 field alone: where there are only prefixes in
    /// MP_REACH_NLRI, NEXT_HOP is to be ignored (RFC 4760 section 3).
    void check_next_hop() {
        if (next_hop_ && is_martian_next_hop(next_hop_->value))
            note({treat_as_withdraw, update_error::invalid_next_hop_attribute,
                  "NEXT_HOP is no address that a router can have"},
                 next_hop_->whole);
    }

    /// RFC 7606 section 3 d; RFC 4760 section 3 on which are mandatory.
    void check_mandatory(bool has_nlri) {
        for (const std::uint8_t type :
             {attribute_type::origin, attribute_type::as_path, attribute_type::next_hop}) {
            if (seen_[type] || (type == attribute_type::next_hop && !has_nlri)) continue;
            note({treat_as_withdraw, update_error::missing_well_known_attribute,
                  attribute_name(type) + " is missing"});
        }
    }

    /// RFC 4724 section 2: nothing at all, or MP_UNREACH_NLRI alone and without prefixes.
    void find_end_of_rib(bool is_empty) {
        if (is_empty && is_negotiated(ipv4_unicast)) end_of_rib_ = ipv4_unicast;
        if (emptied_ && attributes_ == 1) end_of_rib_ = emptied_;
    }

    Result<UpdateMessage, DecodeError> finish() {
        // RFC 7606 section 5.2: with attributes and without reachable prefixes one cannot be sure
        // that none were missed, so whatever is worse than a discard "MUST" reset the session.
        if (worst_ && worst_->handling == treat_as_withdraw && !is_reachable_)
            worst_->handling = session_reset;
        if (is_reset()) return tl::unexpected(update_notification(worst_->error_subcode, data_));
        UpdateMessage update{.announced = std::move(announced_.prefixes),
                             .withdrawn = std::move(withdrawn_.prefixes),
                             .prefixes_ignored = announced_.ignored + withdrawn_.ignored};
        if (!worst_) {
            update.end_of_rib = end_of_rib_;
            return update;
        }
        update.treatment = worst_->handling == treat_as_withdraw
                               ? UpdateTreatment::treat_as_withdraw
                               : UpdateTreatment::attribute_discard;
        update.problem = std::move(worst_->words);
        return update;
    }

    const CodecOptions& options_;
    PrefixList announced_, withdrawn_;
    std::bitset<256> seen_;
    std::size_t attributes_ = 0;
    bool is_reachable_ = false;  // there are prefixes that the attributes are about
    std::optional<PathAttribute> next_hop_;
    std::optional<AfiSafi> emptied_;  // the family of an MP_UNREACH_NLRI without prefixes
    std::optional<AfiSafi> end_of_rib_;
    std::optional<UpdateFault> worst_;
    std::span<const std::byte> data_;  // of the NOTIFICATION that worst_ would be
};

}  // namespace

Result<UpdateMessage, DecodeError> decode_update(std::span<const std::byte> body,
                                                 const CodecOptions& options) {
    return UpdateDecoder(options).decode(body);
}

}  // namespace trivet::announce::bgp
