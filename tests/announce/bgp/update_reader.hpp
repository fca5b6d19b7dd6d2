#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "announce/bgp/bgp_message.hpp"

/// Reads what an Adj-RIB-Out sends, by itself: it shares no code with what wrote it, and is as
/// strict as the RFCs are about those who send.
namespace trivet::announce::bgp::update_test {

using Bytes = std::vector<std::uint8_t>;

struct ReadAttribute {
    unsigned flags = 0;  // without the bit for an extended length
    unsigned type = 0;
    Bytes value;
    auto operator<=>(const ReadAttribute&) const = default;
};

struct ReadUpdate {
    std::vector<Prefix> withdrawn;
    std::vector<Prefix> announced;
    bool is_multiprotocol = false;          // the routes stand in MP_REACH_NLRI or MP_UNREACH_NLRI
    Bytes next_hop;                         // of NEXT_HOP or MP_REACH_NLRI
    std::vector<ReadAttribute> attributes;  // the others
    std::optional<AfiSafi> end_of_rib;
};

struct ReadRefresh {
    AfiSafi family;
    unsigned subtype = 0;
};

struct ReadMessage {
    std::size_t size = 0;
    std::variant<ReadUpdate, ReadRefresh> body;
};

/// Throws std::runtime_error, with the section, where a sender does what it must not.
std::vector<ReadMessage> read_messages(std::span<const std::byte> bytes,
                                       std::size_t message_size_max);
/// The same of UPDATEs alone.
std::vector<ReadUpdate> read_updates(std::span<const std::byte> bytes,
                                     std::size_t message_size_max = 4096);

/// "40 01 01 00", for comparing; line breaks are spaces.
std::string hex(std::span<const std::byte> bytes);
std::string hex(const Bytes& bytes);
/// The same of a text with any spacing.
std::string hex(std::string_view digits);

}  // namespace trivet::announce::bgp::update_test
