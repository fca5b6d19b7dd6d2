#include "announce/bgp/bgp_notification.hpp"

#include <algorithm>

#include "announce/bgp/bgp_shutdown_text.hpp"
#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

struct WordsRow {
    std::string_view name;
    NotificationMessage message;
    std::string_view words;
};
class BgpNotificationWords : public testing::TestWithParam<WordsRow> {};

TEST_P(BgpNotificationWords, Are) { EXPECT_EQ(to_words(GetParam().message), GetParam().words); }

INSTANTIATE_TEST_SUITE_P(
    Table, BgpNotificationWords,
    testing::Values(
        WordsRow{"not_synchronized",
                 {1, 1, {}},
                 "Message Header Error, Connection Not Synchronized (1/1)"},
        WordsRow{"length",
                 {1, 2, hex("1388")},
                 "Message Header Error, Bad Message Length (1/2): length 5000"},
        WordsRow{"type", {1, 3, hex("09")}, "Message Header Error, Bad Message Type (1/3): type 9"},
        WordsRow{"type_without_data", {1, 3, {}}, "Message Header Error, Bad Message Type (1/3)"},
        WordsRow{"open_unspecific", {2, 0, {}}, "OPEN Message Error (2/0)"},
        WordsRow{"version",
                 {2, 1, hex("0004")},
                 "OPEN Message Error, Unsupported Version Number (2/1): version 4 would be "
                 "supported"},
        WordsRow{"peer_as", {2, 2, {}}, "OPEN Message Error, Bad Peer AS (2/2)"},
        WordsRow{"peer_as_with_data",
                 {2, 2, hex("fde8")},
                 "OPEN Message Error, Bad Peer AS (2/2): 2 octets: fd e8"},
        WordsRow{"hold_time",
                 {2, 6, hex("0002")},
                 "OPEN Message Error, Unacceptable Hold Time (2/6): 2 s"},
        WordsRow{"capability",
                 {2, 7, hex("01 04 0001 00 01 63 00")},
                 "OPEN Message Error, Unsupported Capability (2/7): multiprotocol extensions, "
                 "capability 99"},
        WordsRow{"capability_cut",
                 {2, 7, hex("01 04 00")},
                 "OPEN Message Error, Unsupported Capability (2/7): 3 octets: 01 04 00"},
        WordsRow{"role", {2, 11, {}}, "OPEN Message Error, Role Mismatch (2/11)"},
        WordsRow{"missing",
                 {3, 3, hex("03")},
                 "UPDATE Message Error, Missing Well-known Attribute (3/3): NEXT_HOP"},
        WordsRow{"flags",
                 {3, 4, hex("c0 01 01 00")},
                 "UPDATE Message Error, Attribute Flags Error (3/4): ORIGIN, 4 octets: c0 01 01 "
                 "00"},
        WordsRow{"network", {3, 10, {}}, "UPDATE Message Error, Invalid Network Field (3/10)"},
        WordsRow{"hold_timer", {4, 0, {}}, "Hold Timer Expired (4/0)"},
        WordsRow{"state_machine",
                 {5, 3, hex("01")},
                 "Finite State Machine Error, Unexpected Message in Established (5/3): OPEN"},
        WordsRow{
            "state_machine_type",
            {5, 1, hex("2a")},
            "Finite State Machine Error, Unexpected Message in OpenSent (5/1): message of type "
            "42"},
        WordsRow{"prefixes",
                 {6, 1, hex("0001 01 000003e8")},
                 "Cease, Maximum Number of Prefixes Reached (6/1): IPv4 unicast, limit 1000"},
        WordsRow{
            "shutdown", {6, 2, hex("02 6869")}, "Cease, Administrative Shutdown (6/2): \"hi\""},
        WordsRow{
            "shutdown_without_text", {6, 2, hex("00")}, "Cease, Administrative Shutdown (6/2)"},
        WordsRow{"reset_malformed_text",
                 {6, 4, hex("01 ff")},
                 "Cease, Administrative Reset (6/4): a malformed text, 2 octets: 01 ff"},
        WordsRow{"hard_reset",
                 {6, 9, hex("06 02 02 6869")},
                 "Cease, Hard Reset (6/9): Cease, Administrative Shutdown (6/2): \"hi\""},
        WordsRow{"hard_reset_empty", {6, 9, {}}, "Cease, Hard Reset (6/9)"},
        WordsRow{"hard_reset_in_another",
                 {6, 9, hex("06 09 06 02")},
                 "Cease, Hard Reset (6/9): 4 octets: 06 09 06 02"},
        WordsRow{"bfd", {6, 10, {}}, "Cease, BFD Down (6/10)"},
        WordsRow{
            "refresh",
            {7, 1, Bytes(20)},
            "ROUTE-REFRESH Message Error, Invalid Message Length (7/1): 20 octets: 00 00 00 00 "
            "00 00 00 00 00 00 00 00 00 00 00 00 ..."},
        WordsRow{"send_hold_timer", {8, 0, {}}, "Send Hold Timer Expired (8/0)"},
        WordsRow{
            "unknown_subcode", {6, 77, hex("01")}, "Cease, unknown subcode (6/77): 1 octet: 01"},
        WordsRow{"unknown_code", {99, 3, {}}, "Unknown Error, unknown subcode (99/3)"},
        WordsRow{"zero", {0, 0, {}}, "Unknown Error (0/0)"}),
    [](const auto& row) { return std::string(row.param.name); });

/// Printable, valid UTF-8, and no longer than a screen.
void expect_safe(const NotificationMessage& message) {
    const std::string words = to_words(message);
    EXPECT_LT(words.size(), 2500U);
    for (std::string_view rest = words; !rest.empty();) {
        const std::size_t size = utf8_character_size(rest);
        ASSERT_NE(size, 0U) << words;
        ASSERT_TRUE(size > 1 || (rest[0] >= ' ' && rest[0] != '\x7f')) << words;
        rest.remove_prefix(size);
    }
}

TEST(BgpNotification, WordsAreSafeForEveryCodeAndLength) {
    const Bytes control = repeated(40, hex("1b5b0a0d00"));
    const Bytes text = hex("ff") + repeated(51, hex("e280ae0a07"));
    for (int code = 0; code <= 255; ++code)
        for (int subcode = 0; subcode <= 12; ++subcode)
            for (const Bytes& data : {Bytes{}, hex("00"), hex("ff"), hex("0609"), control, text}) {
                expect_safe(
                    {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(subcode), data});
                expect_safe(hard_reset_notification(
                    {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(subcode), data}));
            }
    for (std::size_t size = 0; size <= notification_data_size_max; size += 13)
        for (std::uint8_t subcode = 0; subcode <= 10; ++subcode)
            expect_safe({6, subcode, Bytes(size, std::byte{0x1b})});
}

// RFC 9003 section 2: "The Error Subcode value MUST be one of the following values: 2
// ('Administrative Shutdown') or 4 ('Administrative Reset')" for a text to follow.
TEST(BgpNotification, TextGoesWithShutdownAndResetAlone) {
    for (std::uint8_t subcode = 0; subcode <= 10; ++subcode) {
        const bool may = subcode == 2 || subcode == 4;
        EXPECT_EQ(cease_notification(subcode, "bye"),
                  (NotificationMessage{6, subcode, may ? hex("03 627965") : Bytes{}}));
        EXPECT_EQ(cease_notification(subcode), (NotificationMessage{6, subcode, {}}));
    }
}

// RFC 8538 section 3.1: code, subcode and data of the reason are the data of the hard reset.
TEST(BgpNotification, HardResetWrapsTheReason) {
    const NotificationMessage reason = cease_notification(cease_reason::peer_deconfigured);
    EXPECT_EQ(hard_reset_notification(reason), (NotificationMessage{6, 9, hex("06 03")}));
    const NotificationMessage with_text = cease_notification(2, "hi");
    EXPECT_EQ(hard_reset_reason(hard_reset_notification(with_text)), with_text);
    EXPECT_EQ(hard_reset_reason(reason), std::nullopt);
    EXPECT_EQ(hard_reset_reason({6, 9, hex("06")}), std::nullopt);
    EXPECT_EQ(hard_reset_reason({3, 9, hex("0602")}), std::nullopt);
}

// RFC 9687 section 6: subcode 0 and no data.
TEST(BgpNotification, TimersCarryNothing) {
    EXPECT_EQ(hold_timer_notification(), (NotificationMessage{4, 0, {}}));
    EXPECT_EQ(send_hold_timer_notification(), (NotificationMessage{8, 0, {}}));
}

TEST(BgpNotification, StateMachineErrorNamesTheMessage) {  // RFC 6608 section 4
    EXPECT_EQ(
        state_machine_notification(state_machine_error::unexpected_in_open_confirm, std::byte{2}),
        (NotificationMessage{5, 2, hex("02")}));
}

TEST(BgpNotification, DataIsCutToWhatFits) {
    const Bytes much(60000, std::byte{7});
    for (const NotificationMessage& message :
         {header_notification(1, much), open_notification(1, much), update_notification(1, much),
          route_refresh_notification(much), hard_reset_notification({1, 1, much})})
        EXPECT_EQ(message.data.size(), notification_data_size_max);
}

}  // namespace
}  // namespace trivet::announce::bgp
