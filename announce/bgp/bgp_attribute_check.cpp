#include "announce/bgp/bgp_attribute_check.hpp"

#include <fmt/format.h>
#include <string_view>

#include "announce/bgp/bgp_attribute.hpp"
#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp {

namespace {

using enum ErrorHandling;
using Fault = std::optional<UpdateFault>;

constexpr std::uint8_t origin_max = 2;  // RFC 4271 section 4.3: IGP, EGP, INCOMPLETE
constexpr std::size_t ipv6_size = 16;

/// RFC 7606 section 3 c: "treat-as-withdraw" for conflicting flags; section 5.3: of the two that
/// carry prefixes they make those unreliable. The other bits are not compared (RFC 4271 section
/// 4.3: the lower four "MUST be ignored"; RFC 7606 speaks of optional and transitive alone).
Fault check_flags(const PathAttribute& attribute, std::uint8_t required) {
    constexpr std::uint8_t compared = attribute_flag::optional | attribute_flag::transitive;
    if ((attribute.flags & compared) == required) return std::nullopt;
    const bool carries_prefixes = attribute.type == attribute_type::mp_reach_nlri ||
                                  attribute.type == attribute_type::mp_unreach_nlri;
    return UpdateFault{carries_prefixes ? session_reset : treat_as_withdraw,
                       update_error::attribute_flags_error,
                       fmt::format("{} has flags 0x{:02x} that conflict with its type",
                                   attribute_name(attribute.type), attribute.flags)};
}

UpdateFault length_fault(const PathAttribute& attribute, ErrorHandling handling,
                         std::string_view required) {
    return {handling, update_error::attribute_length_error,
            fmt::format("{} has length {}, which is not {}", attribute_name(attribute.type),
                        attribute.value.size(), required)};
}

Fault check_length(const PathAttribute& attribute, std::size_t required,
                   ErrorHandling handling = treat_as_withdraw) {
    if (attribute.value.size() == required) return std::nullopt;
    return length_fault(attribute, handling, std::to_string(required));
}

/// RFC 7606 sections 7.8, 7.10, 7.14, 7.15, RFC 8092 section 6: "a non-zero multiple of".
Fault check_multiple(const PathAttribute& attribute, std::size_t unit) {
    if (!attribute.value.empty() && attribute.value.size() % unit == 0) return std::nullopt;
    return length_fault(attribute, treat_as_withdraw, fmt::format("a multiple of {}", unit));
}

/// RFC 7606 sections 7.5, 7.9, 7.10: what only an internal peer may send "SHALL be discarded".
Fault check_internal(const PathAttribute& attribute, const CodecOptions& options) {
    if (!options.is_external) return std::nullopt;
    return UpdateFault{attribute_discard, update_error::optional_attribute_error,
                       attribute_name(attribute.type) + " comes from an external peer"};
}

Fault check_origin(const PathAttribute& attribute) {
    if (auto fault = check_length(attribute, 1)) return fault;
    const std::uint8_t origin = ByteReader(attribute.value).u8();
    if (origin <= origin_max) return std::nullopt;
    return UpdateFault{treat_as_withdraw, update_error::invalid_origin_attribute,
                       fmt::format("ORIGIN is {}, which is undefined", origin)};
}

struct PathForm {
    std::size_t as_size = 4;
    bool may_have_confederations = true;
};

/// What is wrong with the segments (RFC 7606 section 7.2, RFC 6793 section 6); empty: nothing.
std::string_view segments_fault(std::span<const std::byte> value, PathForm form) {
    const std::uint8_t type_max =
        form.may_have_confederations ? as_path_segment::confed_set : as_path_segment::as_sequence;
    ByteReader reader(value);
    while (!reader.rest().empty()) {
        const std::uint8_t type = reader.u8();
        const std::uint8_t count = reader.u8();
        if (!reader.ok()) return "ends inside the header of a segment";
        if (type < as_path_segment::as_set || type > type_max) return "has an unknown segment type";
        if (count == 0) return "has an empty segment";
        ByteReader segment(reader.take(count * form.as_size));
        if (!reader.ok()) return "has a segment that goes beyond its end";
        while (!segment.rest().empty())  // RFC 7607 section 2
            if ((form.as_size == 4 ? segment.u32() : segment.u16()) == 0) return "holds AS 0";
    }
    return {};
}

Fault check_as_path(const PathAttribute& attribute, const CodecOptions& options) {
    // RFC 5065 section 5: confederation segments from outside the confederation are an error.
    const auto words =
        segments_fault(attribute.value, {options.four_octet_as ? 4U : 2U, !options.is_external});
    if (words.empty()) return std::nullopt;
    return UpdateFault{treat_as_withdraw, update_error::malformed_as_path,
                       fmt::format("AS_PATH {}", words)};
}

/// RFC 6793 section 4.1: from a peer that has four-octet AS numbers itself it is discarded; section
/// 6: if malformed, too. Confederation segments are discarded singly, so they are no fault.
Fault check_as4_path(const PathAttribute& attribute, const CodecOptions& options) {
    std::string_view words = options.four_octet_as     ? "comes from a peer that needs none"
                             : attribute.value.empty() ? "is empty"
                                                       : segments_fault(attribute.value, {4, true});
    if (words.empty()) return std::nullopt;
    return UpdateFault{attribute_discard, update_error::optional_attribute_error,
                       fmt::format("AS4_PATH {}", words)};
}

/// RFC 7606 section 7.7 and RFC 7607 section 2 on AGGREGATOR.
Fault check_aggregator(const PathAttribute& attribute, std::size_t as_size) {
    if (auto fault = check_length(attribute, as_size + 4, attribute_discard)) return fault;
    ByteReader reader(attribute.value);
    if ((as_size == 4 ? reader.u32() : reader.u16()) != 0) return std::nullopt;
    return UpdateFault{attribute_discard, update_error::optional_attribute_error,
                       attribute_name(attribute.type) + " holds AS 0"};
}

Fault check_as4_aggregator(const PathAttribute& attribute, const CodecOptions& options) {
    if (options.four_octet_as)  // RFC 6793 section 4.1
        return UpdateFault{attribute_discard, update_error::optional_attribute_error,
                           "AS4_AGGREGATOR comes from a peer that needs none"};
    return check_aggregator(attribute, 4);
}

bool is_martian(IpAddress address) {
    if (address.is_multicast() || address.is_loopback() || address.is_unspecified()) return true;
    if (!address.is_v4()) return false;
    const std::uint32_t first = address.v4_value() >> 24;
    return first == 0 || first >= 240;  // RFC 1122 section 3.2.1.3, RFC 1112 section 4
}

IpAddress read_ipv6(std::span<const std::byte> bytes) {
    return IpAddress::v6(ByteReader(bytes).array<ipv6_size>());
}

Fault check_value(const PathAttribute& attribute, const CodecOptions& options) {
    Fault fault;
    switch (attribute.type) {
        case attribute_type::origin:
            return check_origin(attribute);
        case attribute_type::as_path:
            return check_as_path(attribute, options);
        case attribute_type::next_hop:          // RFC 7606 section 7.3
        case attribute_type::multi_exit_disc:   // RFC 7606 section 7.4
        case attribute_type::only_to_customer:  // RFC 9234 section 5
            return check_length(attribute, 4);
        case attribute_type::local_pref:     // RFC 7606 section 7.5
        case attribute_type::originator_id:  // RFC 7606 section 7.9
            fault = check_internal(attribute, options);
            return fault ? fault : check_length(attribute, 4);
        case attribute_type::cluster_list:  // RFC 7606 section 7.10
            fault = check_internal(attribute, options);
            return fault ? fault : check_multiple(attribute, 4);
        case attribute_type::atomic_aggregate:  // RFC 7606 section 7.6
            return check_length(attribute, 0, attribute_discard);
        case attribute_type::aggregator:
            return check_aggregator(attribute, options.four_octet_as ? 4 : 2);
        case attribute_type::communities:  // RFC 7606 section 7.8
            return check_multiple(attribute, 4);
        case attribute_type::extended_communities:  // RFC 7606 section 7.14
            return check_multiple(attribute, 8);
        case attribute_type::ipv6_extended_communities:  // RFC 7606 section 7.15
            return check_multiple(attribute, 20);
        case attribute_type::large_communities:  // RFC 8092 section 6
            return check_multiple(attribute, 12);
        case attribute_type::as4_path:
            return check_as4_path(attribute, options);
        case attribute_type::as4_aggregator:
            return check_as4_aggregator(attribute, options);
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<UpdateFault> check_attribute(const PathAttribute& attribute,
                                           const CodecOptions& options) {
    const auto required = attribute_flags(attribute.type);
    if (required) {
        auto fault = check_flags(attribute, *required);
        return fault ? fault : check_value(attribute, options);
    }
    if ((attribute.flags & attribute_flag::optional) != 0) return std::nullopt;
    // RFC 4271 section 6.3, which RFC 7606 leaves as it is: everybody must know the well-known.
    return UpdateFault{session_reset, update_error::unrecognized_well_known_attribute,
                       fmt::format("attribute {} is well-known and not known", attribute.type)};
}

bool is_martian_next_hop(std::span<const std::byte> next_hop) {
    if (next_hop.size() == 4) return is_martian(IpAddress::v4(ByteReader(next_hop).u32()));
    const IpAddress global = read_ipv6(next_hop);
    if (!is_martian(global)) return false;
    // Some peers on a link without global addresses send :: and the link-local address.
    return !global.is_unspecified() || next_hop.size() != 2 * ipv6_size ||
           !read_ipv6(next_hop.subspan(ipv6_size)).is_link_local();
}

}  // namespace trivet::announce::bgp
