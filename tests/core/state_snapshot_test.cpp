#include "core/state_snapshot.hpp"

#include <openssl/sha.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {

namespace {

using testing::HasSubstr;

std::vector<StateRow> rows() {
    return {{"vip/default/web", R"({"a":1})"}, {"pool/lan", ""}, {"", std::string("\0\xff", 2)}};
}

std::string with_digest(std::string content) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest);
    content.append(reinterpret_cast<const char*>(digest), sizeof digest);
    return content;
}

std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8)
        text.push_back(static_cast<char>(value >> shift));
    return text;
}

std::string text(const std::string& value) { return number(value.size(), 4) + value; }

TEST(StateSnapshot, GivesTheRowsBackByKey) {
    const auto decoded = decode_snapshot(encode_snapshot(rows()));
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->size(), 3u);
    EXPECT_EQ((*decoded)[0].key, "");
    EXPECT_EQ((*decoded)[0].value, std::string("\0\xff", 2));
    EXPECT_EQ((*decoded)[1].key, "pool/lan");
    EXPECT_EQ((*decoded)[2].value, R"({"a":1})");
    EXPECT_TRUE(decode_snapshot(encode_snapshot({}))->empty());
}

TEST(StateSnapshot, TheSameRowsAreTheSameBytes) {
    std::vector<StateRow> turned = rows();
    std::swap(turned[0], turned[2]);
    EXPECT_EQ(encode_snapshot(turned), encode_snapshot(rows()));
}

TEST(StateSnapshot, TheFormStaysAsItIs) {
    EXPECT_EQ(
        encode_snapshot({{"b", "2"}, {"a", "1"}}),
        with_digest(number(1, 4) + number(2, 8) + text("a") + text("1") + text("b") + text("2")));
}

TEST(StateSnapshot, EveryDamagedByteIsFound) {
    const std::string good = encode_snapshot(rows());
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        EXPECT_FALSE(decode_snapshot(bad)) << i;
        EXPECT_FALSE(decode_snapshot(good.substr(0, i))) << i;
    }
}

struct Case {
    const char* name;
    std::string content;
    const char* message;
};

class BadSnapshotTest : public testing::TestWithParam<Case> {};

TEST_P(BadSnapshotTest, IsRefusedThoughItsChecksumIsRight) {
    const auto decoded = decode_snapshot(with_digest(GetParam().content));
    ASSERT_FALSE(decoded);
    EXPECT_THAT(decoded.error().message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    , BadSnapshotTest,
    testing::Values(
        Case{"nothing", "", "form"}, Case{"half_a_head", number(1, 4) + "xx", "form"},
        Case{"format_zero", number(0, 4) + number(0, 8), "form"},
        Case{"a_newer_format", number(2, 4), "newer version of Trivet (format 2"},
        Case{"more_rows_than_bytes", number(1, 4) + number(1, 8), "form"},
        Case{"rows_without_end", number(1, 4) + std::string(8, '\xff') + text("a"), "form"},
        Case{"a_length_without_end", number(1, 4) + number(1, 8) + std::string(9, '\xff'), "a row"},
        Case{"a_value_missing", number(1, 4) + number(1, 8) + text("abcdefgh"), "a row"},
        Case{"bytes_behind", number(1, 4) + number(0, 8) + "x", "form"},
        Case{"a_key_twice",
             number(1, 4) + number(2, 8) + text("a") + text("1") + text("a") + text("1"), "a row"},
        Case{"keys_out_of_order",
             number(1, 4) + number(2, 8) + text("b") + text("1") + text("a") + text("1"), "a row"}),
    [](const auto& row) { return row.param.name; });

}  // namespace

}  // namespace trivet
