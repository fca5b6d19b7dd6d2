#include "store/row_checksum.hpp"

#include <gtest/gtest.h>

namespace trivet::store {

namespace {

TEST(RowChecksum, IsTheStartOfSha256OverLengthsAndParts) {
    RowChecksum checksums;
    // printf '\x1\0\0\0\0\0\0\0a\x1\0\0\0\0\0\0\0b\x2\0\0\0\0\0\0\0cd' | sha256sum
    const Checksum expected{0x97, 0x40, 0x8c, 0xe0, 0x50, 0x51, 0x52, 0x14,
                            0x82, 0x2e, 0x10, 0x09, 0xf0, 0x9f, 0xd5, 0x13};
    EXPECT_EQ(checksums.of({.table = "a", .key = "b"}, {"cd"}), expected);
}

TEST(RowChecksum, EveryPartMattersAndSoDoesWhereItEnds) {
    RowChecksum checksums;
    const Checksum row = checksums.of({.table = "state", .key = "ab"}, {"c", "d"});
    EXPECT_EQ(checksums.of({.table = "state", .key = "ab"}, {"c", "d"}), row);
    EXPECT_NE(checksums.of({.table = "meta", .key = "ab"}, {"c", "d"}), row);
    EXPECT_NE(checksums.of({.table = "state", .key = "a"}, {"bc", "d"}), row);
    EXPECT_NE(checksums.of({.table = "state", .key = "ab"}, {"cd", ""}), row);
    EXPECT_NE(checksums.of({.table = "state", .key = "ab"}, {"d", "c"}), row);
}

TEST(TableDigest, DependsOnTheRowsAndNotOnTheirOrder) {
    RowChecksum checksums;
    const Checksum a = checksums.of({.table = "state", .key = "a"}, {"1"});
    const Checksum b = checksums.of({.table = "state", .key = "b"}, {"2"});
    TableDigest one;
    one.add(a);
    one.add(b);
    TableDigest other;
    other.add(b);
    other.add(b);
    other.add(a);
    EXPECT_NE(one, other);
    other.remove(b);
    EXPECT_EQ(one, other);
    EXPECT_EQ(one.rows(), 2u);
    one.remove(a);
    one.remove(b);
    EXPECT_EQ(one, TableDigest{});
}

TEST(TableDigest, TextFormIsReadBackAndNothingElseIs) {
    RowChecksum checksums;
    TableDigest digest;
    EXPECT_EQ(digest.to_string(), "0:00000000000000000000000000000000");
    digest.add(checksums.of({.table = "state", .key = "a"}, {"1"}));
    EXPECT_EQ(TableDigest::parse(digest.to_string()), digest);
    for (const char* text :
         {"", ":", "1", "1:", "x:00000000000000000000000000000000",
          "1:0000000000000000000000000000000g", "1:0000000000000000000000000000000",
          "1:000000000000000000000000000000000", "-1:00000000000000000000000000000000"})
        EXPECT_FALSE(TableDigest::parse(text)) << text;
}

}  // namespace

}  // namespace trivet::store
