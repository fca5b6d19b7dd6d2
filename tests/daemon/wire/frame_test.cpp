#include "daemon/wire/frame.hpp"

#include <fmt/format.h>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/raft/bytes.hpp"
#include "core/raft/configuration_codec.hpp"
#include "core/raft/message_codec.hpp"

namespace trivet::daemon {
namespace {

using raft::ByteWriter;
using raft::RaftId;
using testing::HasSubstr;

raft::BootHistory history_of(std::uint64_t boots) {
    raft::BootHistory history;
    for (std::uint64_t i = 1; i <= boots; ++i) history.append(1000 + i);
    return history;
}

Hello hello() {
    return {.version_min = 1,
            .version_max = 3,
            .cluster_id = "c1",
            .id = RaftId(0x0102030405060708),
            .to = RaftId(9),
            .node = "n1",
            .address = "192.0.2.1:7481",
            .boots = history_of(2)};
}

Welcome welcome() {
    return {.version = 1, .id = RaftId(9), .node = "n2", .boots = history_of(300)};
}

raft::Message message() {
    raft::AppendEntries body;
    body.prev_log_index = LogIndex(4);
    body.prev_log_term = Term(5);
    body.entries = {{LogIndex(5), Term(5), "some command"}};
    body.leader_commit = LogIndex(4);
    body.round = 3;
    return {RaftId(1), RaftId(2), Term(7), std::move(body)};
}

std::vector<Frame> every_frame() {
    return {hello(),
            welcome(),
            Refusal{"this node was removed from the cluster"},
            RaftFrame{message()},
            ProposeRequest{1, std::string("\0command", 8)},
            ReadRequest{UINT64_MAX},
            ChangeRequest{3, raft::AddLearner{RaftId(4), "n4", "192.0.2.4:7443"}},
            ChangeRequest{4, raft::Promote{RaftId(5)}},
            ChangeRequest{5, raft::Demote{RaftId(6)}},
            ChangeRequest{6, raft::Remove{RaftId(7)}},
            TransferRequest{7, RaftId(8)},
            Reply{8, LogIndex(9), std::nullopt},
            Reply{9, LogIndex(0), Error{ErrorCode::conflict, "taken", "addresses[0]"}}};
}

std::uint8_t type_of(const std::string& bytes) {
    return decode_header(std::string_view(bytes).substr(0, frame_header_bytes)).type;
}

std::string body_of(const std::string& bytes) { return bytes.substr(frame_header_bytes); }

Result<Frame> decode(const std::string& bytes) {
    return decode_frame(type_of(bytes), body_of(bytes));
}

TEST(Frame, RoundTripOfEveryKind) {
    std::set<std::size_t> kinds;
    for (const Frame& original : every_frame()) {
        const std::string bytes = encode(original);
        const FrameHeader header = decode_header(bytes.substr(0, frame_header_bytes));
        EXPECT_EQ(header.body_bytes, bytes.size() - frame_header_bytes);
        const auto decoded = decode(bytes);
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_EQ(decoded->index(), original.index());
        EXPECT_EQ(encode(*decoded), bytes);
        kinds.insert(original.index());
    }
    EXPECT_EQ(kinds.size(), std::variant_size_v<Frame>);
}

template <class Kind>
Kind again(const Kind& original) {
    return std::get<Kind>(decode(encode(original)).value());
}

TEST(Frame, EveryFieldComesBack) {
    const Hello first = again(hello());
    EXPECT_EQ(first.version_min, 1u);
    EXPECT_EQ(first.version_max, 3u);
    EXPECT_EQ(first.cluster_id, "c1");
    EXPECT_EQ(first.id, hello().id);
    EXPECT_EQ(first.to, RaftId(9));
    EXPECT_EQ(first.node, "n1");
    EXPECT_EQ(first.address, "192.0.2.1:7481");
    EXPECT_EQ(first.boots, history_of(2));
    const Welcome answer = again(welcome());
    EXPECT_EQ(answer.version, 1u);
    EXPECT_EQ(answer.id, RaftId(9));
    EXPECT_EQ(answer.node, "n2");
    EXPECT_EQ(answer.boots, history_of(300));
    EXPECT_EQ(again(Refusal{"no"}).reason, "no");
    const auto proposal = again(ProposeRequest{1, "command"});
    EXPECT_EQ(proposal.id, 1u);
    EXPECT_EQ(proposal.payload, "command");
    EXPECT_EQ(again(ReadRequest{2}).id, 2u);
    const auto transfer = again(TransferRequest{7, RaftId(8)});
    EXPECT_EQ(transfer.id, 7u);
    EXPECT_EQ(transfer.to, RaftId(8));
    const auto change = again(ChangeRequest{3, raft::AddLearner{RaftId(4), "n4", "n4:7443"}});
    EXPECT_EQ(change.id, 3u);
    const auto& addition = std::get<raft::AddLearner>(change.change);
    EXPECT_EQ(addition.id, RaftId(4));
    EXPECT_EQ(addition.name, "n4");
    EXPECT_EQ(addition.address, "n4:7443");
    const auto done = again(Reply{8, LogIndex(9), std::nullopt});
    EXPECT_EQ(done.id, 8u);
    EXPECT_EQ(done.index, LogIndex(9));
    EXPECT_FALSE(done.error);
    const auto refused = again(Reply{9, LogIndex(0), Error{ErrorCode::conflict, "m", "f"}});
    ASSERT_TRUE(refused.error);
    EXPECT_EQ(refused.error->code, ErrorCode::conflict);
    EXPECT_EQ(refused.error->message, "m");
    EXPECT_EQ(refused.error->field, "f");
}

// Nodes of other versions must be able to read these.
TEST(Frame, TheFormStaysAsItIs) {
    const std::string boots = raft::encode(history_of(2));
    EXPECT_EQ(body_of(encode(hello())), ByteWriter()
                                            .number(std::uint32_t{1})
                                            .number(std::uint32_t{3})
                                            .text("c1")
                                            .number(std::uint64_t{0x0102030405060708})
                                            .number(std::uint64_t{9})
                                            .text("n1")
                                            .text("192.0.2.1:7481")
                                            .text(boots)
                                            .take());
    EXPECT_EQ(encode(Refusal{"no"}), std::string("\0\0\0\6\3\0\0\0\2no", 11));
    EXPECT_EQ(encode(RaftFrame{message()}).substr(frame_header_bytes), raft::encode(message()));
    std::vector<int> types;
    for (const Frame& frame : every_frame()) types.push_back(type_of(encode(frame)));
    EXPECT_THAT(types, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 8, 9, 9));
}

TEST(Frame, ErrorsHaveNumbersOfTheirOwn) {
    const std::vector<std::pair<ErrorCode, int>> numbers = {
        {ErrorCode::invalid_argument, 1}, {ErrorCode::unauthenticated, 2},
        {ErrorCode::not_allowed, 3},      {ErrorCode::not_found, 4},
        {ErrorCode::conflict, 5},         {ErrorCode::exhausted, 6},
        {ErrorCode::too_large, 7},        {ErrorCode::insufficient_storage, 8},
        {ErrorCode::not_leader, 9},       {ErrorCode::unavailable, 10},
        {ErrorCode::timeout, 11},         {ErrorCode::corrupt, 12},
        {ErrorCode::internal, 13}};
    EXPECT_EQ(numbers.size(), static_cast<std::size_t>(ErrorCode::internal) + 1);
    constexpr std::size_t place = frame_header_bytes + 8 + 8 + 1;
    for (const auto& [code, number] : numbers) {
        const Reply reply{1, LogIndex(), Error{code, "", ""}};
        EXPECT_EQ(encode(reply)[place], number);
        EXPECT_EQ(again(reply).error->code, code);
    }
    for (const int number : {0, 14, 255}) {
        std::string bytes = encode(Reply{1, LogIndex(), Error{ErrorCode::conflict, "", ""}});
        bytes[place] = static_cast<char>(number);
        const auto decoded = decode(bytes);
        ASSERT_FALSE(decoded);
        EXPECT_THAT(decoded.error().message,
                    HasSubstr(fmt::format("no error has number {}", number)));
    }
}

TEST(Frame, RefusesEveryTruncationAndWhatFollows) {
    for (const Frame& original : every_frame()) {
        const std::string bytes = encode(original);
        const std::string body = body_of(bytes);
        for (std::size_t size = 0; size < body.size(); ++size)
            EXPECT_FALSE(decode_frame(type_of(bytes), std::string_view(body).substr(0, size)))
                << int{type_of(bytes)} << " " << size;
        EXPECT_FALSE(decode_frame(type_of(bytes), body + 'x')) << int{type_of(bytes)};
    }
}

TEST(Frame, FlippedBitsAreRefusedOrMeanSomethingElse) {
    for (const Frame& original : every_frame()) {
        const std::string bytes = encode(original);
        const std::string body = body_of(bytes);
        for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
            std::string flipped = body;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
            const auto decoded = decode_frame(type_of(bytes), flipped);
            if (decoded) {
                EXPECT_EQ(body_of(encode(*decoded)), flipped) << original.index() << " " << bit;
            }
        }
    }
}

TEST(Frame, AHeaderSaysHowMuchFollows) {
    const FrameHeader header = decode_header(std::string_view("\x01\x02\x03\x04\x09", 5));
    EXPECT_EQ(header.body_bytes, 0x01020304u);
    EXPECT_EQ(header.type, 9);
}

struct BadFrame {
    std::string name;
    std::uint8_t type;
    std::string body;
    std::string finding;
};

class FrameBounds : public testing::TestWithParam<BadFrame> {};

TEST_P(FrameBounds, AreKeptByWhoReads) {
    const BadFrame& row = GetParam();
    const auto decoded = decode_frame(row.type, row.body);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(decoded.error().message, HasSubstr(row.finding));
    EXPECT_THAT(decoded.error().message, HasSubstr(fmt::format("a frame of type {}", row.type)));
}

struct HelloFields {
    std::uint32_t version_min = 1, version_max = 1;
    std::string cluster_id = "c1";
    std::uint64_t id = 1;
    std::string node = "n1";
    std::string address = "192.0.2.1:7481";
    std::string boots = raft::encode(history_of(1));
};

std::string hello_of(const HelloFields& fields) {
    return ByteWriter()
        .number(fields.version_min)
        .number(fields.version_max)
        .text(fields.cluster_id)
        .number(fields.id)
        .number(std::uint64_t{2})
        .text(fields.node)
        .text(fields.address)
        .text(fields.boots)
        .take();
}

std::string welcome_of(std::uint32_t version, std::uint64_t id, const std::string& node) {
    return ByteWriter()
        .number(version)
        .number(id)
        .text(node)
        .text(raft::encode(history_of(1)))
        .take();
}

std::string addition_of(const std::string& name, const std::string& address) {
    return ByteWriter()
        .number(std::uint64_t{1})
        .number(std::uint8_t{1})
        .number(std::uint64_t{4})
        .text(name)
        .text(address)
        .take();
}

std::string reply_of(const std::string& text, const std::string& field) {
    return ByteWriter()
        .number(std::uint64_t{1})
        .number(std::uint64_t{0})
        .flag(true)
        .number(std::uint8_t{5})
        .text(text)
        .text(field)
        .take();
}

INSTANTIATE_TEST_SUITE_P(
    Table, FrameBounds,
    testing::Values(
        BadFrame{"type_zero", 0, "", "no such type"}, BadFrame{"type_ten", 10, "", "no such type"},
        BadFrame{"no_versions", 1, hello_of({.version_min = 0}), "versions are no range"},
        BadFrame{"versions_reversed", 1, hello_of({.version_min = 2}), "versions are no range"},
        BadFrame{"cluster_id", 1, hello_of({.cluster_id = std::string(254, 'c')}), "form"},
        BadFrame{"of_nobody", 1, hello_of({.id = 0}), "raft id 0"},
        BadFrame{"long_name", 1, hello_of({.node = std::string(254, 'n')}), "form"},
        BadFrame{"bad_name", 1, hello_of({.node = "N\n"}), "name"},
        BadFrame{"no_name", 1, hello_of({.node = ""}), "name"},
        BadFrame{"long_address", 1, hello_of({.address = std::string(256, 'a')}), "form"},
        BadFrame{"bad_history", 1, hello_of({.boots = "?"}), "history of a node's starts"},
        BadFrame{"long_hello", 1, std::string(hello_bytes_max + 1, '\0'), "longer than 16384"},
        BadFrame{"long_welcome", 2, std::string(hello_bytes_max + 1, '\0'), "longer than 16384"},
        BadFrame{"long_refusal", 3, std::string(hello_bytes_max + 1, '\0'), "longer than 16384"},
        BadFrame{"version_zero", 2, welcome_of(0, 1, "n1"), "version is 0"},
        BadFrame{"welcome_of_nobody", 2, welcome_of(1, 0, "n1"), "raft id 0"},
        BadFrame{"welcome_long_name", 2, welcome_of(1, 1, std::string(254, 'n')), "form"},
        BadFrame{"welcome_bad_name", 2, welcome_of(1, 1, "-"), "name"},
        BadFrame{"long_reason", 3, ByteWriter().text(std::string(4097, 'r')).take(), "form"},
        BadFrame{"no_message", 4, "message", "no Raft message"},
        BadFrame{"long_frame", 5, std::string(frame_bytes_max + 1, '\0'), "longer than 20971520"},
        BadFrame{"long_payload", 5,
                 ByteWriter()
                     .number(std::uint64_t{1})
                     .text(std::string(payload_bytes_max + 1, 'p'))
                     .take(),
                 "an entry holds 16777216 at most"},
        BadFrame{"length_without_bytes", 5, std::string(12, '\xff'), "form"},
        BadFrame{"change_zero", 7, std::string(17, '\0'), "of kind 0"},
        BadFrame{"change_five", 7,
                 ByteWriter()
                     .number(std::uint64_t{1})
                     .number(std::uint8_t{5})
                     .number(std::uint64_t{4})
                     .take(),
                 "of kind 5"},
        BadFrame{"member_long_name", 7, addition_of(std::string(254, 'n'), "a"), "form"},
        BadFrame{"member_bad_name", 7, addition_of("N", "a"), "name"},
        BadFrame{"member_long_address", 7, addition_of("n4", std::string(256, 'a')), "form"},
        BadFrame{"no_flag", 9, std::string(16, '\0') + '\2', "form"},
        BadFrame{"long_error", 9, reply_of(std::string(4097, 'm'), ""), "form"},
        BadFrame{"long_field", 9, reply_of("", std::string(4097, 'f')), "form"}),
    [](const auto& row) { return row.param.name; });

TEST(Frame, WhatIsAtTheBoundsPasses) {
    Hello large = hello();
    large.cluster_id = std::string(name_bytes_max, 'c');
    large.node = std::string(name_bytes_max, 'n');
    large.boots = history_of(1000);
    EXPECT_TRUE(decode(encode(large)));
    EXPECT_LT(encode(large).size(), frame_header_bytes + hello_bytes_max);
    EXPECT_TRUE(decode(encode(Refusal{std::string(reason_bytes_max, 'r')})));
    EXPECT_TRUE(decode(encode(ProposeRequest{1, std::string(payload_bytes_max, 'p')})));
    EXPECT_TRUE(decode(
        encode(ChangeRequest{1, raft::AddLearner{RaftId(1), std::string(name_bytes_max, 'n'),
                                                 std::string(raft::member_text_bytes_max, 'a')}})));
    raft::Message entry = message();
    std::get<raft::AppendEntries>(entry.body).entries[0].payload.assign(payload_bytes_max, 'e');
    EXPECT_TRUE(decode(encode(RaftFrame{entry})));
}

TEST(Frame, LongReasonsAreCutBetweenCharacters) {
    const std::string filler(reason_bytes_max - 1, 'r');
    EXPECT_EQ(again(Refusal{filler + "xyz"}).reason, filler + "x");
    EXPECT_EQ(again(Refusal{filler + "\xc3\xa4"}).reason, filler);
    const std::string shorter = filler.substr(2);
    EXPECT_EQ(again(Refusal{shorter + "\xf0\x9f\x8c\x89"}).reason, shorter);
    EXPECT_EQ(again(Refusal{filler + "x\xc3\xa4"}).reason, filler + "x");
    const auto reply = again(Reply{
        1, LogIndex(), Error{ErrorCode::internal, std::string(5000, 'm'), std::string(5000, 'f')}});
    EXPECT_EQ(reply.error->message.size(), reason_bytes_max);
    EXPECT_EQ(reply.error->field.size(), reason_bytes_max);
}

struct VersionCase {
    const char* name;
    VersionRange ours, theirs;
    std::optional<std::uint32_t> common;
};

class CommonVersion : public testing::TestWithParam<VersionCase> {};

TEST_P(CommonVersion, IsTheHighestOfBoth) {
    EXPECT_EQ(common_version(GetParam().ours, GetParam().theirs), GetParam().common);
    EXPECT_EQ(common_version(GetParam().theirs, GetParam().ours), GetParam().common);
}

INSTANTIATE_TEST_SUITE_P(Table, CommonVersion,
                         testing::Values(VersionCase{"the_same", {1, 1}, {1, 1}, 1},
                                         VersionCase{"the_next", {1, 1}, {1, 2}, 1},
                                         VersionCase{"overlap", {2, 5}, {3, 9}, 5},
                                         VersionCase{"within", {1, 9}, {3, 4}, 4},
                                         VersionCase{"touch", {1, 2}, {2, 3}, 2},
                                         VersionCase{"apart", {1, 1}, {2, 3}, {}}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace trivet::daemon
