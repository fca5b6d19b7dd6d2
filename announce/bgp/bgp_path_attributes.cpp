#include "announce/bgp/bgp_path_attributes.hpp"

#include <algorithm>

#include "announce/bgp/bgp_attribute.hpp"
#include "announce/wire_bytes.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::uint8_t origin_igp = 0;             // RFC 4271 section 5.1.1
constexpr std::size_t segment_length_max = 255;    // RFC 4271 section 5.1.2
constexpr std::uint32_t two_octet_as_max = 65535;  // RFC 6793 section 3
constexpr std::uint32_t local_pref_default = 100;  // what routers take where none is given
constexpr std::size_t short_length_max = 255;

/// Does not care whether `length` fits the field: who sends looks at the size of all attributes
/// before, and no message holds ones of that size.
void write_header(ByteWriter& writer, std::uint8_t type, std::size_t length) {
    const bool is_long = length > short_length_max;
    const unsigned flags = attribute_flags(type).value();
    writer.u8(static_cast<std::uint8_t>(is_long ? flags | attribute_flag::extended_length : flags));
    writer.u8(type);
    if (is_long)
        writer.u16(static_cast<std::uint16_t>(length));
    else
        writer.u8(static_cast<std::uint8_t>(length));
}

void write_number(ByteWriter& writer, std::uint8_t type, std::uint32_t value) {
    write_header(writer, type, sizeof value);
    writer.u32(value);
}

struct OwnPath {  // our AS, so often
    AsNumber as;
    std::size_t hops = 0;
};

void write_path(ByteWriter& writer, std::uint8_t type, const OwnPath& path, bool four_octet_as) {
    const std::size_t segments = (path.hops + segment_length_max - 1) / segment_length_max;
    write_header(writer, type, segments * 2 + path.hops * (four_octet_as ? 4 : 2));
    for (std::size_t left = path.hops; left > 0;) {
        const std::size_t count = std::min(left, segment_length_max);
        writer.u8(as_path_segment::as_sequence);
        writer.u8(static_cast<std::uint8_t>(count));
        for (std::size_t i = 0; i < count; ++i)
            if (four_octet_as)
                writer.u32(path.as.value());
            else
                writer.u16(static_cast<std::uint16_t>(path.as.value()));
        left -= count;
    }
}

void write_communities(ByteWriter& writer, const std::set<Community>& communities) {
    if (communities.empty()) return;
    write_header(writer, attribute_type::communities, communities.size() * 4);
    for (const Community community : communities) writer.u32(community.value());
}

void write_communities(ByteWriter& writer, const std::set<ExtendedCommunity>& communities) {
    if (communities.empty()) return;
    write_header(writer, attribute_type::extended_communities, communities.size() * 8);
    for (const ExtendedCommunity community : communities) {
        writer.u32(static_cast<std::uint32_t>(community.value() >> 32));
        writer.u32(static_cast<std::uint32_t>(community.value() & 0xffffffff));
    }
}

void write_communities(ByteWriter& writer, const std::set<LargeCommunity>& communities) {
    if (communities.empty()) return;
    write_header(writer, attribute_type::large_communities, communities.size() * 12);
    for (const LargeCommunity& community : communities) {
        writer.u32(community.global_administrator);
        writer.u32(community.local_data_1);
        writer.u32(community.local_data_2);
    }
}

}  // namespace

SentAttributes sent_attributes(const BgpAttributes& attributes, const UpdateSettings& settings) {
    // RFC 4271 section 5.1.5: LOCAL_PREF goes to all internal peers, and to no external one.
    // Section 5.1.2: AS_PATH has our AS for external peers, and is empty for internal ones.
    std::optional<std::uint32_t> local_pref;
    std::size_t hops = 0;
    if (settings.is_external)
        hops = std::size_t{1} + attributes.prepend;
    else
        local_pref = attributes.local_pref.value_or(local_pref_default);
    return {local_pref,
            attributes.med,
            hops,
            attributes.communities,
            attributes.extended_communities,
            attributes.large_communities};
}

std::vector<std::byte> encode_path_attributes(const BgpAttributes& attributes,
                                              const UpdateSettings& settings,
                                              std::span<const std::byte> ipv4_next_hop) {
    const auto& [local_pref, med, hops, plain, extended, large] =
        sent_attributes(attributes, settings);
    ByteWriter writer(64 + hops * 6 + plain.size() * 4 + extended.size() * 8 + large.size() * 12);
    write_header(writer, attribute_type::origin, 1);
    writer.u8(origin_igp);

    // RFC 6793 section 4.2.2: an old peer sees AS_TRANS, and the truth stands in AS4_PATH, which
    // is there only when AS_PATH hides something.
    const OwnPath path{.as = settings.local_as, .hops = hops};
    const bool hides_as =
        !settings.four_octet_as && hops != 0 && settings.local_as.value() > two_octet_as_max;
    write_path(writer, attribute_type::as_path,
               hides_as ? OwnPath{.as = as_trans, .hops = hops} : path, settings.four_octet_as);
    if (!ipv4_next_hop.empty()) {
        write_header(writer, attribute_type::next_hop, ipv4_next_hop.size());
        writer.append(ipv4_next_hop);
    }
    if (med) write_number(writer, attribute_type::multi_exit_disc, *med);
    if (local_pref) write_number(writer, attribute_type::local_pref, *local_pref);
    write_communities(writer, plain);
    write_communities(writer, extended);
    if (hides_as) write_path(writer, attribute_type::as4_path, path, true);
    write_communities(writer, large);
    if (settings.only_to_customer)  // RFC 9234 section 5
        write_number(writer, attribute_type::only_to_customer, settings.local_as.value());
    return writer.take();
}

}  // namespace trivet::announce::bgp
