#include "core/raft/message_codec.hpp"

#include "core/raft/bytes.hpp"
#include "core/raft/configuration_codec.hpp"

namespace trivet::raft {

namespace {

// One overload pair a body: what write() puts, read() takes, in the same order.

void write(ByteWriter& writer, LogIndex index) { writer.number(index.value()); }
void write(ByteWriter& writer, Term term) { writer.number(term.value()); }
LogIndex index(ByteReader& reader) { return LogIndex(reader.number<std::uint64_t>()); }
Term term(ByteReader& reader) { return Term(reader.number<std::uint64_t>()); }

void write(ByteWriter& writer, const LogEntry& entry) {
    write(writer, entry.index);
    write(writer, entry.term);
    writer.number(static_cast<std::uint8_t>(entry.kind)).text(entry.payload);
}

LogEntry entry(ByteReader& reader) {
    LogEntry entry{index(reader), term(reader), {}, EntryKind::command};
    const auto kind = reader.number<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(EntryKind::configuration)) reader.reject();
    entry.kind = static_cast<EntryKind>(kind);
    entry.payload = reader.text();
    return entry;
}

void write(ByteWriter& writer, const RequestVote& body) {
    write(writer, body.last_log_index);
    write(writer, body.last_log_term);
    writer.flag(body.pre_vote).flag(body.is_transfer);
}

void read(ByteReader& reader, RequestVote& body) {
    body.last_log_index = index(reader);
    body.last_log_term = term(reader);
    body.pre_vote = reader.flag();
    body.is_transfer = reader.flag();
}

void write(ByteWriter& writer, const VoteReply& body) {
    writer.flag(body.granted).flag(body.pre_vote);
}

void read(ByteReader& reader, VoteReply& body) {
    body.granted = reader.flag();
    body.pre_vote = reader.flag();
}

void write(ByteWriter& writer, const AppendEntries& body) {
    write(writer, body.prev_log_index);
    write(writer, body.prev_log_term);
    write(writer, body.leader_commit);
    writer.number(body.round).number(static_cast<std::uint32_t>(body.entries.size()));
    for (const LogEntry& entry : body.entries) write(writer, entry);
}

void read(ByteReader& reader, AppendEntries& body) {
    body.prev_log_index = index(reader);
    body.prev_log_term = term(reader);
    body.leader_commit = index(reader);
    body.round = reader.number<std::uint64_t>();
    const auto count = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) body.entries.push_back(entry(reader));
}

void write(ByteWriter& writer, const AppendReply& body) {
    writer.flag(body.success);
    write(writer, body.match_index);
    write(writer, body.prev_log_index);
    write(writer, body.hint_index);
    write(writer, body.hint_term);
    write(writer, body.applied_index);
    writer.number(body.round);
}

void read(ByteReader& reader, AppendReply& body) {
    body.success = reader.flag();
    body.match_index = index(reader);
    body.prev_log_index = index(reader);
    body.hint_index = index(reader);
    body.hint_term = term(reader);
    body.applied_index = index(reader);
    body.round = reader.number<std::uint64_t>();
}

void write(ByteWriter& writer, const InstallSnapshot& body) {
    write(writer, body.base.index);
    write(writer, body.base.term);
    write(writer, body.base.configuration);
    writer.number(body.offset).number(body.size).text(body.chunk).number(body.round);
}

void read(ByteReader& reader, InstallSnapshot& body) {
    body.base.index = index(reader);
    body.base.term = term(reader);
    body.base.configuration = read_configuration(reader);
    body.offset = reader.number<std::uint64_t>();
    body.size = reader.number<std::uint64_t>();
    body.chunk = reader.text();
    body.round = reader.number<std::uint64_t>();
}

void write(ByteWriter& writer, const SnapshotReply& body) {
    write(writer, body.snapshot_index);
    writer.number(body.offset).number(body.round);
}

void read(ByteReader& reader, SnapshotReply& body) {
    body.snapshot_index = index(reader);
    body.offset = reader.number<std::uint64_t>();
    body.round = reader.number<std::uint64_t>();
}

void write(ByteWriter&, const TimeoutNow&) {}
void read(ByteReader&, TimeoutNow&) {}

/// The body whose place in the variant is `kind`: the numbers on the wire, never to be reordered.
template <std::size_t Kind = 0>
void read_body(ByteReader& reader, std::uint8_t kind, Message& message) {
    if constexpr (Kind == std::variant_size_v<decltype(Message::body)>) {
        reader.reject();
    } else if (kind == Kind) {
        read(reader, message.body.emplace<Kind>());
    } else {
        read_body<Kind + 1>(reader, kind, message);
    }
}

// No correct member comes near, and one more never overflows.
constexpr std::uint64_t number_max = UINT64_MAX / 2;

bool check(const AppendEntries& body, Term sender) {
    if (body.prev_log_index.value() > number_max) return false;
    std::uint64_t last_index = body.prev_log_index.value();
    Term last_term = body.prev_log_term;
    for (const LogEntry& entry : body.entries) {
        if (entry.index.value() != last_index + 1 || entry.term < last_term) return false;
        last_index = entry.index.value();
        last_term = entry.term;
        if (entry.kind == EntryKind::no_op && !entry.payload.empty()) return false;
        if (entry.kind == EntryKind::configuration && !decode_configuration(entry.payload))
            return false;
    }
    return last_term <= sender;
}

bool check(const InstallSnapshot& body, Term sender) {
    return body.base.index != LogIndex{} && body.base.index.value() <= number_max &&
           body.base.term <= sender && body.offset <= body.size &&
           body.chunk.size() <= body.size - body.offset;
}

template <class Body>
bool check(const Body&, Term) {
    return true;
}

}  // namespace

bool check_message(const Message& message) {
    if (message.from == RaftId{} || message.term.value() > number_max) return false;
    return std::visit([&](const auto& body) { return check(body, message.term); }, message.body);
}

std::string encode(const Message& message) {
    ByteWriter writer;
    writer.number(message.from.value()).number(message.to.value()).number(message.term.value());
    writer.number(static_cast<std::uint8_t>(message.body.index()));
    std::visit([&](const auto& body) { write(writer, body); }, message.body);
    return writer.take();
}

Result<Message> decode_message(std::string_view bytes) {
    ByteReader reader(bytes);
    Message message;
    message.from = RaftId(reader.number<std::uint64_t>());
    message.to = RaftId(reader.number<std::uint64_t>());
    message.term = term(reader);
    read_body(reader, reader.number<std::uint8_t>(), message);
    if (!reader.complete() || !check_message(message))
        return fail(ErrorCode::invalid_argument, "these bytes are no Raft message");
    return message;
}

}  // namespace trivet::raft
