#include "announce/bgp/bgp_shutdown_text.hpp"

#include "tests/announce/bgp/bgp_wire.hpp"

namespace trivet::announce::bgp {
namespace {

using namespace wire;

std::string text_of(const Bytes& data) {
    const auto text = decode_shutdown_text(data);
    return text ? *text : "malformed";
}

// RFC 9003 section 2: length, then UTF-8 that "is not NUL terminated".
TEST(BgpShutdownText, IsTheVector) {
    EXPECT_EQ(encode_shutdown_text("caf\xc3\xa9"), hex("05 636166c3a9"));
    EXPECT_EQ(text_of(hex("05 636166c3a9")), "caf\xc3\xa9");
}

TEST(BgpShutdownText, MayBeEmpty) {
    EXPECT_EQ(text_of({}), "");
    EXPECT_EQ(text_of(hex("00")), "");
    EXPECT_EQ(encode_shutdown_text(""), hex("00"));
}

TEST(BgpShutdownText, OfEveryLengthIsRead) {
    for (std::size_t size = 0; size <= 255; ++size) {
        const std::string text(size, 'x');
        EXPECT_EQ(text_of(encode_shutdown_text(text, shutdown_text_size_max)), text);
    }
}

// RFC 9003 section 3: where it is not known that the peer takes more, it "SHOULD NOT be longer than
// 128 octets".
TEST(BgpShutdownText, IsCutToTheUsualLength) {
    EXPECT_EQ(encode_shutdown_text(std::string(200, 'x')).size(), 129U);
    EXPECT_EQ(encode_shutdown_text(std::string(300, 'x'), 255).size(), 256U);
}

TEST(BgpShutdownText, IsCutBetweenCharacters) {
    const std::string text = std::string(127, 'x') + "\xc3\xa9";
    EXPECT_EQ(text_of(encode_shutdown_text(text)), std::string(127, 'x'));
    EXPECT_EQ(text_of(encode_shutdown_text(text, 129)), text);
}

// RFC 9003 section 2: "The Shutdown Communication field MUST be encoded using UTF-8".
TEST(BgpShutdownText, WhatIsNoUtf8IsReplaced) {
    EXPECT_EQ(text_of(encode_shutdown_text("a\xff"
                                           "b\xc3")),
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd");
}

TEST(BgpShutdownText, ALengthBeyondTheDataIsMalformed) {
    EXPECT_EQ(text_of(hex("01")), "malformed");
    EXPECT_EQ(text_of(hex("ff 6162")), "malformed");
    EXPECT_EQ(text_of(hex("01 6162")), "a");
}

struct Utf8Row {
    std::string_view name;
    std::string_view octets;
    bool is_valid;
};
class BgpShutdownUtf8 : public testing::TestWithParam<Utf8Row> {};

// RFC 9003 section 2: a receiver "MUST NOT interpret invalid UTF-8 sequences"; "'Shortest Form'
// encoding is REQUIRED".
TEST_P(BgpShutdownUtf8, IsJudged) {
    const Bytes octets = hex(GetParam().octets);
    const Bytes data = Bytes{static_cast<std::byte>(octets.size())} + octets;
    EXPECT_EQ(decode_shutdown_text(data).has_value(), GetParam().is_valid);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BgpShutdownUtf8,
    testing::Values(
        Utf8Row{"nul", "00", true}, Utf8Row{"ascii_last", "7f", true},
        Utf8Row{"follower_alone", "80", false}, Utf8Row{"overlong_2", "c0af", false},
        Utf8Row{"overlong_2_last", "c1bf", false}, Utf8Row{"two", "c280", true},
        Utf8Row{"two_cut", "c2", false}, Utf8Row{"two_then_ascii", "c241", false},
        Utf8Row{"overlong_3", "e09fbf", false}, Utf8Row{"three", "e0a080", true},
        Utf8Row{"three_cut", "e0a0", false}, Utf8Row{"surrogate_first", "eda080", false},
        Utf8Row{"surrogate_last", "edbfbf", false}, Utf8Row{"before_surrogates", "ed9fbf", true},
        Utf8Row{"behind_surrogates", "ee8080", true}, Utf8Row{"overlong_4", "f08fbfbf", false},
        Utf8Row{"four", "f0908080", true}, Utf8Row{"four_cut", "f09080", false},
        Utf8Row{"four_bad_last", "f0908041", false}, Utf8Row{"last", "f48fbfbf", true},
        Utf8Row{"above_last", "f4908080", false}, Utf8Row{"lead_f5", "f5808080", false},
        Utf8Row{"lead_ff", "ff", false}),
    [](const auto& row) { return std::string(row.param.name); });

// RFC 9003 section 6: a text can be crafted to look like something else in a log.
TEST(BgpShutdownText, IsDisarmedForPrinting) {
    EXPECT_EQ(quoted_for_people("plain \xc3\xa9"), "\"plain \xc3\xa9\"");
    EXPECT_EQ(quoted_for_people("a\"b\\c"), "\"a\\\"b\\\\c\"");
    EXPECT_EQ(quoted_for_people("a\nb\x1b[31m\x7f"), "\"a\\u{a}b\\u{1b}[31m\\u{7f}\"");
    EXPECT_EQ(quoted_for_people(std::string_view("\0", 1)), "\"\\u{0}\"");
    EXPECT_EQ(quoted_for_people("\xc2\x85"), "\"\\u{85}\"");             // next line, a C1 control
    EXPECT_EQ(quoted_for_people("\xe2\x80\xae"), "\"\\u{202e}\"");       // right-to-left override
    EXPECT_EQ(quoted_for_people("\xe2\x80\x8b"), "\"\\u{200b}\"");       // zero width space
    EXPECT_EQ(quoted_for_people("\xf3\xa0\x81\x81"), "\"\\u{e0041}\"");  // a tag
}

}  // namespace
}  // namespace trivet::announce::bgp
