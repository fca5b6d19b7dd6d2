// BGP UPDATE: the first byte says what was negotiated; the rest is what a peer sends, and once more
// the body of an UPDATE behind a right header.
#include "tests/fuzz/bgp_drive.hpp"

using namespace trivet;
using namespace trivet::announce;
using namespace trivet::announce::bgp;

namespace {

void write_prefix(ByteWriter& writer, const Prefix& prefix) {
    const IpAddress address = prefix.address();
    const auto size = static_cast<std::size_t>((prefix.length() + 7) / 8);
    writer.u8(static_cast<std::uint8_t>(prefix.length()));
    writer.array(
        std::span(address.bytes()).subspan(prefix.family() == IpFamily::ipv4 ? 12 : 0, size));
}

/// The same prefixes as withdrawals: what was decoded must encode to the same meaning.
std::vector<std::byte> withdrawal_of(const std::vector<Prefix>& prefixes, IpFamily family) {
    ByteWriter list(prefixes.size());
    for (const Prefix& prefix : prefixes)
        if (prefix.family() == family) write_prefix(list, prefix);
    const std::vector<std::byte> field = list.take();
    ByteWriter body(field.size() + 16);
    if (family == IpFamily::ipv4) {
        body.u16(static_cast<std::uint16_t>(field.size()));
        body.append(field);
        body.u16(0);
        return body.take();
    }
    body.u16(0);
    body.u16(static_cast<std::uint16_t>(field.size() + 7));
    body.u16(0x900f);  // MP_UNREACH_NLRI, with two octets of length
    body.u16(static_cast<std::uint16_t>(field.size() + 3));
    body.u16(2);
    body.u8(1);
    body.append(field);
    return body.take();
}

void check_prefixes(const std::vector<Prefix>& prefixes) {
    CodecOptions options = fuzz::options_from(0xff & ~64);
    for (const IpFamily family : {IpFamily::ipv4, IpFamily::ipv6}) {
        std::vector<Prefix> wanted = prefixes;
        std::erase_if(wanted, [family](const Prefix& one) { return one.family() != family; });
        const auto body = withdrawal_of(wanted, family);
        if (body.size() > extended_message_size_max - header_size) continue;
        const auto taken = fuzz::take(fuzz::framed(MessageType::update, body), options);
        TRIVET_ASSERT(taken && std::get<UpdateMessage>(taken->message).withdrawn == wanted);
    }
}

void check(std::span<const std::byte> received, const CodecOptions& options) {
    const auto taken = fuzz::take(received, options);
    if (!taken || !std::holds_alternative<UpdateMessage>(taken->message)) return;
    const auto& update = std::get<UpdateMessage>(taken->message);
    TRIVET_ASSERT(update.problem.empty() == (update.treatment == UpdateTreatment::accept));
    TRIVET_ASSERT(update.announced.size() + update.withdrawn.size() + update.prefixes_ignored <=
                  taken->size);
    TRIVET_ASSERT(!update.end_of_rib || (update.announced.empty() && update.withdrawn.empty()));
    for (const auto* list : {&update.announced, &update.withdrawn}) {
        for (const Prefix& prefix : *list)
            TRIVET_ASSERT(options.families.contains(
                prefix.family() == IpFamily::ipv4 ? ipv4_unicast : ipv6_unicast));
        check_prefixes(*list);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const CodecOptions options = fuzz::options_from(data[0]);
    const auto input = std::as_bytes(std::span(data, size)).subspan(1);
    check(input, options);
    check(fuzz::framed(MessageType::update, input), options);
    return 0;
}
