#include "daemon/wire/frame.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/assert.hpp"
#include "core/objects.hpp"
#include "core/raft/bytes.hpp"
#include "core/raft/configuration_codec.hpp"
#include "core/raft/message_codec.hpp"

namespace trivet::daemon {

using raft::ByteReader;
using raft::ByteWriter;
using raft::RaftId;

namespace {

// Numbers on the wire, never to be changed; that of an error is not its place in the enum.

constexpr std::uint8_t number_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return 1;
        case ErrorCode::unauthenticated:
            return 2;
        case ErrorCode::not_allowed:
            return 3;
        case ErrorCode::not_found:
            return 4;
        case ErrorCode::conflict:
            return 5;
        case ErrorCode::exhausted:
            return 6;
        case ErrorCode::too_large:
            return 7;
        case ErrorCode::insufficient_storage:
            return 8;
        case ErrorCode::not_leader:
            return 9;
        case ErrorCode::unavailable:
            return 10;
        case ErrorCode::timeout:
            return 11;
        case ErrorCode::corrupt:
            return 12;
        case ErrorCode::internal:
            return 13;
    }
    return 0;
}

constexpr std::array codes = {ErrorCode::invalid_argument, ErrorCode::unauthenticated,
                              ErrorCode::not_allowed,      ErrorCode::not_found,
                              ErrorCode::conflict,         ErrorCode::exhausted,
                              ErrorCode::too_large,        ErrorCode::insufficient_storage,
                              ErrorCode::not_leader,       ErrorCode::unavailable,
                              ErrorCode::timeout,          ErrorCode::corrupt,
                              ErrorCode::internal};

std::optional<ErrorCode> code_of(std::uint8_t number) {
    const auto found = std::ranges::find(codes, number, number_of);
    return found == codes.end() ? std::nullopt : std::optional(*found);
}

enum Type : std::uint8_t {
    hello_type = 1,
    welcome_type = 2,
    refusal_type = 3,
    raft_type = 4,
    propose_type = 5,
    read_type = 6,
    change_type = 7,
    transfer_type = 8,
    reply_type = 9,
};

enum ChangeKind : std::uint8_t {
    add_learner_kind = 1,
    promote_kind = 2,
    demote_kind = 3,
    remove_kind = 4,
};

std::uint8_t type_of(const Hello&) { return hello_type; }
std::uint8_t type_of(const Welcome&) { return welcome_type; }
std::uint8_t type_of(const Refusal&) { return refusal_type; }
std::uint8_t type_of(const RaftFrame&) { return raft_type; }
std::uint8_t type_of(const ProposeRequest&) { return propose_type; }
std::uint8_t type_of(const ReadRequest&) { return read_type; }
std::uint8_t type_of(const ChangeRequest&) { return change_type; }
std::uint8_t type_of(const TransferRequest&) { return transfer_type; }
std::uint8_t type_of(const Reply&) { return reply_type; }

std::uint8_t kind_of(const raft::AddLearner&) { return add_learner_kind; }
std::uint8_t kind_of(const raft::Promote&) { return promote_kind; }
std::uint8_t kind_of(const raft::Demote&) { return demote_kind; }
std::uint8_t kind_of(const raft::Remove&) { return remove_kind; }

// ---- writing ------------------------------------------------------------------------------------

void write_name(ByteWriter& writer, std::string_view name) {
    TRIVET_ASSERT(name.size() <= name_bytes_max);
    writer.text(name);
}

void write_cut(ByteWriter& writer, std::string_view text) {
    std::size_t size = std::min(text.size(), reason_bytes_max);
    // Not within a UTF-8 character, which has at most three bytes behind its first.
    for (int i = 0; i < 3 && size < text.size(); ++i)
        if ((static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) --size;
    writer.text(text.substr(0, size));
}

void write(ByteWriter& writer, const Hello& hello) {
    writer.number(hello.version_min).number(hello.version_max);
    write_name(writer, hello.cluster_id);
    writer.number(hello.id.value()).number(hello.to.value());
    write_name(writer, hello.node);
    TRIVET_ASSERT(hello.address.size() <= raft::member_text_bytes_max);
    writer.text(hello.address);
    writer.text(encode(hello.boots));
}

void write(ByteWriter& writer, const Welcome& welcome) {
    writer.number(welcome.version).number(welcome.id.value());
    write_name(writer, welcome.node);
    writer.text(encode(welcome.boots));
}

void write(ByteWriter& writer, const Refusal& refusal) { write_cut(writer, refusal.reason); }

void write(ByteWriter& writer, const ProposeRequest& request) {
    TRIVET_ASSERT(request.payload.size() <= payload_bytes_max);
    writer.number(request.id).text(request.payload);
}

void write(ByteWriter& writer, const ReadRequest& request) { writer.number(request.id); }

void write(ByteWriter& writer, const ChangeRequest& request) {
    writer.number(request.id);
    std::visit(
        [&](const auto& change) { writer.number(kind_of(change)).number(change.id.value()); },
        request.change);
    if (const auto* addition = std::get_if<raft::AddLearner>(&request.change)) {
        write_name(writer, addition->name);
        TRIVET_ASSERT(addition->address.size() <= raft::member_text_bytes_max);
        writer.text(addition->address);
    }
}

void write(ByteWriter& writer, const TransferRequest& request) {
    writer.number(request.id).number(request.to.value());
}

void write(ByteWriter& writer, const Reply& reply) {
    writer.number(reply.id).number(reply.index.value()).flag(reply.error.has_value());
    if (!reply.error) return;
    writer.number(number_of(reply.error->code));
    write_cut(writer, reply.error->message);
    write_cut(writer, reply.error->field);
}

template <class Body>
std::string encode_body(const Body& body) {
    ByteWriter writer;
    write(writer, body);
    return writer.take();
}

std::string encode_body(const RaftFrame& frame) { return raft::encode(frame.message); }

// ---- reading ------------------------------------------------------------------------------------

auto refuse(std::string finding) { return fail(ErrorCode::invalid_argument, std::move(finding)); }

/// A text of at most so many bytes; what is longer makes the reader not ok.
std::string text_within(ByteReader& reader, std::size_t bytes_max) {
    const std::string_view text = reader.text();
    if (text.size() <= bytes_max) return std::string(text);
    reader.reject();
    return {};
}

RaftId raft_id(ByteReader& reader) { return RaftId(reader.number<std::uint64_t>()); }

Result<void> check_sender(RaftId id, const std::string& node) {
    if (id == RaftId{}) return refuse("it is of raft id 0, which is nobody's");
    return check_name("node name", node);
}

Result<Frame> read_hello(ByteReader& reader) {
    Hello hello;
    hello.version_min = reader.number<std::uint32_t>();
    hello.version_max = reader.number<std::uint32_t>();
    hello.cluster_id = text_within(reader, name_bytes_max);
    hello.id = raft_id(reader);
    hello.to = raft_id(reader);
    hello.node = text_within(reader, name_bytes_max);
    hello.address = text_within(reader, raft::member_text_bytes_max);
    const std::string_view boots = reader.text();
    if (!reader.complete()) return refuse("its form is not that of a hello");
    if (hello.version_min == 0 || hello.version_min > hello.version_max)
        return refuse("its versions are no range");
    if (auto checked = check_sender(hello.id, hello.node); !checked) return fail(checked.error());
    auto history = raft::decode_boot_history(boots);
    if (!history) return fail(history.error());
    hello.boots = std::move(*history);
    return hello;
}

Result<Frame> read_welcome(ByteReader& reader) {
    Welcome welcome;
    welcome.version = reader.number<std::uint32_t>();
    welcome.id = raft_id(reader);
    welcome.node = text_within(reader, name_bytes_max);
    const std::string_view boots = reader.text();
    if (!reader.complete()) return refuse("its form is not that of a welcome");
    if (welcome.version == 0) return refuse("its version is 0");
    if (auto checked = check_sender(welcome.id, welcome.node); !checked)
        return fail(checked.error());
    auto history = raft::decode_boot_history(boots);
    if (!history) return fail(history.error());
    welcome.boots = std::move(*history);
    return welcome;
}

Result<Frame> read_refusal(ByteReader& reader) {
    Refusal refusal{text_within(reader, reason_bytes_max)};
    if (!reader.complete()) return refuse("its form is not that of a refusal");
    return refusal;
}

Result<Frame> read_propose(ByteReader& reader) {
    ProposeRequest request{.id = reader.number<std::uint64_t>(), .payload = {}};
    const std::string_view payload = reader.text();
    if (!reader.complete()) return refuse("its form is not that of a proposal");
    if (payload.size() > payload_bytes_max)
        return refuse(fmt::format("its payload has {} bytes; an entry holds {} at most",
                                  payload.size(), payload_bytes_max));
    request.payload = payload;
    return request;
}

Result<Frame> read_read(ByteReader& reader) {
    const ReadRequest request{reader.number<std::uint64_t>()};
    if (!reader.complete()) return refuse("its form is not that of a read");
    return request;
}

Result<Frame> read_change(ByteReader& reader) {
    ChangeRequest request{.id = reader.number<std::uint64_t>(), .change = {}};
    const auto kind = reader.number<std::uint8_t>();
    const RaftId id = raft_id(reader);
    std::string name;
    if (kind == add_learner_kind) {
        name = text_within(reader, name_bytes_max);
        request.change =
            raft::AddLearner{id, name, text_within(reader, raft::member_text_bytes_max)};
    } else if (kind == promote_kind) {
        request.change = raft::Promote{id};
    } else if (kind == demote_kind) {
        request.change = raft::Demote{id};
    } else if (kind == remove_kind) {
        request.change = raft::Remove{id};
    } else if (reader.ok()) {
        return refuse(fmt::format("there is no change of members of kind {}", kind));
    }
    if (!reader.complete()) return refuse("its form is not that of a change of members");
    if (std::holds_alternative<raft::AddLearner>(request.change))
        if (auto checked = check_name("node name", name); !checked) return fail(checked.error());
    return request;
}

Result<Frame> read_transfer(ByteReader& reader) {
    TransferRequest request{.id = reader.number<std::uint64_t>(), .to = raft_id(reader)};
    if (!reader.complete()) return refuse("its form is not that of a transfer");
    return request;
}

Result<Frame> read_reply(ByteReader& reader) {
    Reply reply{.id = reader.number<std::uint64_t>(),
                .index = LogIndex(reader.number<std::uint64_t>())};
    if (reader.flag()) {
        const auto number = reader.number<std::uint8_t>();
        const auto code = code_of(number);
        if (reader.ok() && !code) return refuse(fmt::format("no error has number {}", number));
        reply.error = Error{code.value_or(ErrorCode::internal), {}, {}};
        reply.error->message = text_within(reader, reason_bytes_max);
        reply.error->field = text_within(reader, reason_bytes_max);
    }
    if (!reader.complete()) return refuse("its form is not that of a reply");
    return reply;
}

Result<Frame> read_body(std::uint8_t type, std::string_view body) {
    ByteReader reader(body);
    switch (type) {
        case hello_type:
            return read_hello(reader);
        case welcome_type:
            return read_welcome(reader);
        case refusal_type:
            return read_refusal(reader);
        case raft_type: {
            auto message = raft::decode_message(body);
            if (!message) return fail(message.error());
            return RaftFrame{std::move(*message)};
        }
        case propose_type:
            return read_propose(reader);
        case read_type:
            return read_read(reader);
        case change_type:
            return read_change(reader);
        case transfer_type:
            return read_transfer(reader);
        case reply_type:
            return read_reply(reader);
        default:
            return refuse("there is no such type");
    }
}

std::size_t body_bytes_max(std::uint8_t type) {
    return type <= refusal_type ? hello_bytes_max : frame_bytes_max;
}

}  // namespace

std::string encode(const Frame& frame) {
    const std::uint8_t type = std::visit([](const auto& body) { return type_of(body); }, frame);
    const std::string body =
        std::visit([](const auto& value) { return encode_body(value); }, frame);
    TRIVET_ASSERT(body.size() <= body_bytes_max(type));
    std::string bytes =
        ByteWriter().number(static_cast<std::uint32_t>(body.size())).number(type).take();
    return bytes.append(body);
}

FrameHeader decode_header(std::string_view bytes) {
    TRIVET_ASSERT(bytes.size() == frame_header_bytes);
    ByteReader reader(bytes);
    FrameHeader header;
    header.body_bytes = reader.number<std::uint32_t>();
    header.type = reader.number<std::uint8_t>();
    return header;
}

Result<Frame> decode_frame(std::uint8_t type, std::string_view body) {
    const std::size_t bytes_max = body_bytes_max(type);
    auto frame = body.size() <= bytes_max
                     ? read_body(type, body)
                     : Result<Frame>(refuse(fmt::format("it is longer than {} bytes", bytes_max)));
    if (!frame)
        return refuse(fmt::format("a frame of type {} with {} bytes cannot be read: {}", type,
                                  body.size(), frame.error().message));
    return frame;
}

std::optional<std::uint32_t> common_version(VersionRange ours, VersionRange theirs) {
    const std::uint32_t highest = std::min(ours.max, theirs.max);
    if (highest < std::max(ours.min, theirs.min)) return std::nullopt;
    return highest;
}

}  // namespace trivet::daemon
