#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "announce/bgp/bgp_capability.hpp"
#include "announce/bgp/bgp_notification.hpp"
#include "core/bgp_plan.hpp"
#include "core/result.hpp"

namespace trivet::announce::bgp {

// RFC 4271 section 4.1
inline constexpr std::size_t header_size = 19;
inline constexpr std::size_t message_size_max = 4096;
inline constexpr std::size_t extended_message_size_max = 65535;  // RFC 8654

enum class MessageType : std::uint8_t {  // RFC 4271 section 4.1
    open = 1,
    update = 2,
    notification = 3,
    keepalive = 4,
    route_refresh = 5,  // RFC 2918 section 3
};

/// In the fixed field, of an AS that has no two-octet number (RFC 6793 section 9).
inline constexpr AsNumber as_trans{23456};

struct OpenMessage {  // RFC 4271 section 4.2
    std::uint8_t version = 4;
    AsNumber my_as;  // of the four-octet AS capability where it is there, else of the fixed field
    std::uint16_t hold_time_s = 0;
    std::uint32_t bgp_identifier = 0;  // host order
    Capabilities capabilities;
    bool operator==(const OpenMessage&) const = default;
};

struct KeepaliveMessage {
    bool operator==(const KeepaliveMessage&) const = default;
};

struct RouteRefreshMessage {  // RFC 2918, RFC 7313
    AfiSafi family;
    /// 0 refresh, 1 BoRR, 2 EoRR; a message with another one "MUST" be ignored (RFC 7313 section
    /// 5). Always 0 where the enhanced form was not agreed on.
    std::uint8_t subtype = 0;
    bool operator==(const RouteRefreshMessage&) const = default;
};

/// How an UPDATE that is wrong is to be treated (RFC 7606 section 2), mildest first; a session
/// reset is a DecodeError instead.
enum class UpdateTreatment : std::uint8_t { accept, attribute_discard, treat_as_withdraw };

/// Of a received UPDATE what an announce-only speaker has to know: which prefixes are reachable
/// and which are not any more. Attributes are checked and not kept.
///
/// A prefix may stand in both lists, and then is announced (RFC 4271 section 4.3): `withdrawn` is
/// to be looked at first. With treat_as_withdraw all that is `announced` goes.
struct UpdateMessage {
    UpdateTreatment treatment = UpdateTreatment::accept;
    std::string problem = {};            // in words; empty when accepted
    std::vector<Prefix> announced = {};  // of both families
    std::vector<Prefix> withdrawn = {};
    std::size_t prefixes_ignored = 0;        // multicast and such (RFC 4271 section 6.3)
    std::optional<AfiSafi> end_of_rib = {};  // RFC 4724 section 2
    bool operator==(const UpdateMessage&) const = default;
};

using Message = std::variant<OpenMessage, UpdateMessage, NotificationMessage, KeepaliveMessage,
                             RouteRefreshMessage>;

MessageType type_of(const Message& message);

/// What was agreed in the OPENs, as far as it changes how messages are read or written.
struct CodecOptions {
    bool extended_messages = false;       // RFC 8654: both have offered it, so it may be written
    bool extended_offered = false;        // we have: then it is read, whatever the peer offered
    bool four_octet_as = true;            // RFC 6793
    bool is_external = true;              // LOCAL_PREF from an external peer is discarded (7606)
    bool enhanced_route_refresh = false;  // RFC 7313
    std::set<AfiSafi> families = {ipv4_unicast};  // negotiated; attributes of others are discarded
    std::set<AfiSafi> extended_next_hop = {};     // RFC 8950
    bool operator==(const CodecOptions&) const = default;
};

/// The NOTIFICATION that a malformed message calls for (RFC 4271 section 6, RFC 7606). Its data
/// holds received bytes alone, save for the version number that is supported.
using DecodeError = NotificationMessage;

struct Taken {
    Message message;
    std::size_t size = 0;  // bytes to be dropped from the front
};
/// Takes one whole message off the front of `received`, and leaves what is behind it alone.
/// nullopt: more bytes are needed. Cheap then: only a header is ever looked at twice.
/// Errors: what is wrong, as soon as the header or the whole message shows it.
Result<std::optional<Taken>, DecodeError> take_message(std::span<const std::byte> received,
                                                       const CodecOptions& options);

/// The capabilities must fit into 4096 octets, which hundreds of families do.
std::vector<std::byte> encode(const OpenMessage& message);
/// Of the data goes along what 4096 octets hold.
std::vector<std::byte> encode(const NotificationMessage& message);
std::vector<std::byte> encode(const KeepaliveMessage& message);
std::vector<std::byte> encode(const RouteRefreshMessage& message);

}  // namespace trivet::announce::bgp
