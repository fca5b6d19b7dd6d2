#include "core/raft/configuration_codec.hpp"

#include "tests/core/raft/raft_objects.hpp"

namespace trivet {
namespace {

using raft::Configuration;
using raft::decode_configuration;
using raft::encode;
using raft::Member;
using raft::MemberRole;
using raft::RaftId;
using test::members;

TEST(RaftConfiguration, CountsItsVoters) {
    const Configuration three = members({1, 2, 3}, {4, 5});
    EXPECT_EQ(three.voters(), 3u);
    EXPECT_EQ(three.majority(), 2u);
    EXPECT_TRUE(three.votes(RaftId(3)));
    EXPECT_FALSE(three.votes(RaftId(4)));
    EXPECT_FALSE(three.votes(RaftId(9)));
    EXPECT_EQ(members({1, 2, 3, 4}).majority(), 3u);
    EXPECT_EQ(members({1}).majority(), 1u);
}

TEST(RaftConfigurationCodec, RoundTrip) {
    for (const Configuration& value : {Configuration{}, members({1}), members({1, 2, 3}, {4, 5})}) {
        const auto decoded = decode_configuration(encode(value));
        ASSERT_TRUE(decoded);
        EXPECT_EQ(*decoded, value);
    }
}

TEST(RaftConfigurationCodec, KeepsItsFormForEver) {
    Configuration one;
    one.members[RaftId(0x0102)] = Member{MemberRole::voter, "a", "b:1"};
    using namespace std::string_literals;
    EXPECT_EQ(encode(one), "\0\1\0\0\0\0\0\0\1\2\1\0\0\0\1a\0\0\0\3b:1"s);
}

TEST(RaftConfigurationCodec, RefusesEveryTruncationAndWhatFollows) {
    const std::string bytes = encode(members({1, 2}, {3}));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_configuration(std::string_view(bytes).substr(0, size))) << size;
    EXPECT_FALSE(decode_configuration(bytes + '\0'));
}

TEST(RaftConfigurationCodec, FlippedBitsAreRefusedOrMeanSomethingElse) {
    const Configuration value = members({1, 2}, {3});
    const std::string bytes = encode(value);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        const auto decoded = decode_configuration(flipped);
        if (!decoded) continue;
        EXPECT_NE(*decoded, value) << bit;
        EXPECT_EQ(encode(*decoded), flipped) << bit;
    }
}

TEST(RaftConfigurationCodec, RefusesMembersOutOfOrderOrWithoutId) {
    const std::string one = encode(members({1})).substr(2), two = encode(members({2})).substr(2);
    const std::string nobody = encode(members({0})).substr(2);
    const std::string count("\0\2", 2);
    EXPECT_TRUE(decode_configuration(count + one + two));
    EXPECT_FALSE(decode_configuration(count + two + one));
    EXPECT_FALSE(decode_configuration(count + one + one));
    EXPECT_FALSE(decode_configuration(count + nobody + one));
}

TEST(RaftConfigurationCodec, RefusesWhatIsOverItsLimits) {
    Configuration value = members({1});
    value.members.at(RaftId(1)).name = std::string(raft::member_text_bytes_max, 'x');
    EXPECT_TRUE(decode_configuration(encode(value)));
    value.members.at(RaftId(1)).name += 'x';
    EXPECT_FALSE(decode_configuration(encode(value)));
    Configuration crowd;
    for (std::uint64_t id = 1; id <= raft::members_max; ++id) crowd.members[RaftId(id)] = {};
    EXPECT_TRUE(decode_configuration(encode(crowd)));
    crowd.members[RaftId(raft::members_max + 1)] = {};
    EXPECT_FALSE(decode_configuration(encode(crowd)));
}

}  // namespace
}  // namespace trivet
