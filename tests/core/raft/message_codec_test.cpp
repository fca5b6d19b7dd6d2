#include "core/raft/message_codec.hpp"

#include "tests/core/raft/solo.hpp"

namespace trivet {
namespace {

using raft::check_message;
using raft::decode_message;
using raft::encode;
using raft::InstallSnapshot;
using raft::Message;
using raft::RaftId;
using test::append;
using test::configuration_entry;
using test::entry;
using test::members;
using test::Number;

template <class Body>
Message message(Body body) {
    return {RaftId(0x0102030405060708), RaftId(2), Term(7), std::move(body)};
}

InstallSnapshot chunk(Number offset, Number size, std::string bytes) {
    InstallSnapshot request;
    request.base = {LogIndex(9), Term(6), members({1, 2}, {3})};
    request.offset = offset;
    request.size = size;
    request.chunk = std::move(bytes);
    request.round = 5;
    return request;
}

std::vector<Message> every_body() {
    auto request = append(4, 5,
                          {entry(5, 5, "some command"),
                           {LogIndex(6), Term(7), {}, EntryKind::no_op},
                           configuration_entry(7, 7, members({1, 2}))},
                          6);
    request.round = 11;
    return {message(test::vote(3, 2)),
            message(test::vote(3, 2, true)),
            message(test::vote(3, 2, false, true)),
            message(raft::VoteReply{true, false}),
            message(raft::VoteReply{false, true}),
            message(request),
            message(append(0, 0)),
            message(raft::AppendReply{true, LogIndex(1), LogIndex(2), LogIndex(3), Term(4),
                                      LogIndex(5), 6}),
            message(chunk(3, 10, "bytes")),
            message(raft::SnapshotReply{LogIndex(9), 77, 8}),
            message(raft::TimeoutNow{})};
}

TEST(RaftMessageCodec, RoundTripOfEveryBody) {
    for (const Message& original : every_body()) {
        const auto decoded = decode_message(encode(original));
        ASSERT_TRUE(decoded) << original.body.index();
        EXPECT_EQ(decoded->from, original.from);
        EXPECT_EQ(decoded->to, original.to);
        EXPECT_EQ(decoded->term, original.term);
        EXPECT_EQ(decoded->body.index(), original.body.index());
        EXPECT_EQ(encode(*decoded), encode(original));
    }
}

TEST(RaftMessageCodec, EveryFieldOfABodyComesBack) {
    for (const Message& original : every_body()) {
        const auto decoded = decode_message(encode(original));
        ASSERT_TRUE(decoded);
        std::visit(
            [&]<class Body>(const Body& body) {
                if constexpr (std::equality_comparable<Body>) {
                    EXPECT_TRUE(body == std::get<Body>(decoded->body)) << original.body.index();
                } else {
                    const auto& other = std::get<InstallSnapshot>(decoded->body);
                    EXPECT_EQ(other.base.index, body.base.index);
                    EXPECT_EQ(other.base.term, body.base.term);
                    EXPECT_EQ(other.base.configuration, body.base.configuration);
                    EXPECT_EQ(other.offset, body.offset);
                    EXPECT_EQ(other.size, body.size);
                    EXPECT_EQ(other.chunk, body.chunk);
                    EXPECT_EQ(other.round, body.round);
                }
            },
            original.body);
    }
}

// The places of the bodies in the variant are their numbers on the wire.
TEST(RaftMessageCodec, NumbersOfTheBodiesNeverChange) {
    std::vector<int> kinds;
    for (const Message& original : every_body()) kinds.push_back(encode(original)[24]);
    EXPECT_THAT(kinds, testing::ElementsAre(0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6));
}

TEST(RaftMessageCodec, RefusesEveryTruncationAndWhatFollows) {
    for (const Message& original : every_body()) {
        const std::string bytes = encode(original);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_FALSE(decode_message(std::string_view(bytes).substr(0, size))) << size;
        EXPECT_FALSE(decode_message(bytes + 'x'));
    }
}

TEST(RaftMessageCodec, FlippedBitsAreRefusedOrMeanSomethingElse) {
    for (const Message& original : every_body()) {
        const std::string bytes = encode(original);
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string flipped = bytes;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
            const auto decoded = decode_message(flipped);
            if (decoded) {
                EXPECT_EQ(encode(*decoded), flipped) << original.body.index() << " " << bit;
            }
        }
    }
}

TEST(RaftMessageCodec, RefusesAnUnknownBody) {
    std::string bytes = encode(message(raft::TimeoutNow{}));
    bytes.back() = 7;
    EXPECT_FALSE(decode_message(bytes));
}

TEST(RaftMessageCodec, RefusesACountOfEntriesThatAreNotThere) {
    std::string bytes = encode(message(append(0, 0)));
    bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\xff");
    EXPECT_FALSE(decode_message(bytes));
}

struct CheckCase {
    std::string name;
    Message message;
    bool is_possible;
};

class RaftCheckMessage : public testing::TestWithParam<CheckCase> {};

TEST_P(RaftCheckMessage, AcceptsWhatACorrectMemberCanSend) {
    EXPECT_EQ(check_message(GetParam().message), GetParam().is_possible);
}

LogEntry no_op(Number index, Number term, std::string payload) {
    return {LogIndex(index), Term(term), std::move(payload), EntryKind::no_op};
}

LogEntry bad_configuration(Number index) {
    return {LogIndex(index), Term(5), "?", EntryKind::configuration};
}

Message overflowing_snapshot() {
    InstallSnapshot request = chunk(0, 1, "x");
    request.base.index = LogIndex(UINT64_MAX);
    return message(request);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RaftCheckMessage,
    testing::Values(
        CheckCase{"heartbeat", message(append(4, 5)), true},
        CheckCase{"entries_in_order", message(append(4, 5, {entry(5, 5), entry(6, 7)})), true},
        CheckCase{"first_entry_leaves_a_hole", message(append(4, 5, {entry(6, 5)})), false},
        CheckCase{"hole_within", message(append(4, 5, {entry(5, 5), entry(7, 5)})), false},
        CheckCase{"entry_twice", message(append(4, 5, {entry(5, 5), entry(5, 5)})), false},
        CheckCase{"term_goes_back", message(append(4, 5, {entry(5, 6), entry(6, 5)})), false},
        CheckCase{"first_term_goes_back", message(append(4, 5, {entry(5, 4)})), false},
        CheckCase{"entry_of_a_later_term", message(append(4, 5, {entry(5, 8)})), false},
        CheckCase{"previous_of_a_later_term", message(append(4, 8)), false},
        CheckCase{"no_op_with_payload", message(append(4, 5, {no_op(5, 5, "x")})), false},
        CheckCase{"configuration_broken", message(append(4, 5, {bad_configuration(5)})), false},
        CheckCase{"of_nobody", {RaftId(0), RaftId(2), Term(7), raft::TimeoutNow{}}, false},
        CheckCase{"term_that_would_overflow",
                  {RaftId(1), RaftId(2), Term(UINT64_MAX), raft::TimeoutNow{}},
                  false},
        CheckCase{"index_that_would_overflow", message(append(UINT64_MAX, 5)), false},
        CheckCase{"snapshot_that_would_overflow", overflowing_snapshot(), false},
        CheckCase{"chunk", message(chunk(3, 8, "bytes")), true},
        CheckCase{"empty_snapshot", message(chunk(0, 0, "")), true},
        CheckCase{"chunk_over_the_end", message(chunk(4, 8, "bytes")), false},
        CheckCase{"chunk_behind_the_end", message(chunk(9, 8, "")), false},
        CheckCase{"chunk_that_overflows", message(chunk(UINT64_MAX, 8, "bytes")), false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace trivet
