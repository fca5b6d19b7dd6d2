#include "store/write_rules.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/raft/configuration_codec.hpp"
#include "store/storage.hpp"

namespace trivet::store {

namespace {

tl::unexpected<Error> broken(std::string_view finding) {
    return fail(ErrorCode::internal, fmt::format("{}; restart lbd and report this", finding));
}

/// Paper §5.1 and §5.2: terms grow, and there is one vote a term.
Result<void> take(Standing& standing, const raft::HardState& next) {
    const raft::HardState& now = standing.hard_state;
    if (next.term < now.term)
        return broken(fmt::format("term {} was to be stored after term {}", next.term.value(),
                                  now.term.value()));
    if (next.term == now.term && now.vote != raft::RaftId{} && next.vote != now.vote)
        return broken(fmt::format("a second vote was to be stored in term {}", next.term.value()));
    standing.hard_state = next;
    return {};
}

Result<void> take(Standing& standing, const raft::Snapshot& snapshot) {
    const raft::LogBase& base = snapshot.base;
    if (base.index == LogIndex{} || base.index < standing.applied)
        return broken(
            fmt::format("a snapshot of entry {} was to be stored after entry {} was "
                        "applied",
                        base.index.value(), standing.applied.value()));
    if (base.term > standing.hard_state.term)
        return broken(fmt::format("a snapshot has term {}, newer than the term {} of this node",
                                  base.term.value(), standing.hard_state.term.value()));
    standing.last_index = standing.applied = standing.snapshot = base.index;
    standing.terms = LogTerms(base.index, base.term);
    return {};
}

Result<void> truncate(Standing& standing, LogIndex from) {
    if (from <= standing.applied)
        return broken(fmt::format("the log was to be cut off at entry {}, but entry {} is applied",
                                  from.value(), standing.applied.value()));
    if (from.value() > standing.last_index.value() + 1)
        return broken(fmt::format("the log was to be cut off at entry {}, but it ends at {}",
                                  from.value(), standing.last_index.value()));
    standing.last_index = LogIndex{from.value() - 1};
    standing.terms.truncate_from(from);
    return {};
}

Result<void> append(Standing& standing, const LogEntry& entry) {
    const LogIndex expected{standing.last_index.value() + 1};
    if (entry.index != expected)
        return broken(fmt::format("entry {} was to be appended where entry {} belongs",
                                  entry.index.value(), expected.value()));
    if (entry.term < standing.terms.last())
        return broken(fmt::format("entry {} has term {}, older than term {} before it",
                                  expected.value(), entry.term.value(),
                                  standing.terms.last().value()));
    if (entry.term > standing.hard_state.term)
        return broken(fmt::format("entry {} has term {}, newer than the term {} of this node",
                                  expected.value(), entry.term.value(),
                                  standing.hard_state.term.value()));
    if (entry.payload.size() > Storage::payload_bytes_max)
        return fail(
            ErrorCode::too_large,
            fmt::format("entry {} has {} bytes, {} are allowed: make the change smaller",
                        expected.value(), entry.payload.size(), Storage::payload_bytes_max));
    // It could not be read back.
    if (entry.kind == EntryKind::configuration && !raft::decode_configuration(entry.payload))
        return broken(fmt::format("entry {} is no configuration", expected.value()));
    standing.terms.append(entry.index, entry.term);
    standing.last_index = entry.index;
    return {};
}

}  // namespace

Result<Standing> after(Standing standing, const raft::Write& write) {
    if (!write.hard_state && !write.snapshot && !write.truncate_from && write.append.empty())
        return fail(ErrorCode::internal, "nothing was given to write");
    Result<void> done;
    if (write.hard_state) done = take(standing, *write.hard_state);
    if (done && write.snapshot) done = take(standing, *write.snapshot);
    if (done && write.truncate_from) done = truncate(standing, *write.truncate_from);
    for (const LogEntry& entry : write.append)
        if (done) done = append(standing, entry);
    if (!done) return fail(done.error());
    return standing;
}

std::size_t bytes_of(const raft::Write& write) {
    // A snapshot was bounded where it came from, and is one at a time: it must not keep the entries
    // behind it from waiting.
    constexpr std::size_t snapshot_bytes_max = 8u << 20;
    std::size_t bytes = 0;
    for (const LogEntry& entry : write.append) bytes += entry.payload.size();
    if (write.snapshot) bytes += std::min(write.snapshot->data->size(), snapshot_bytes_max);
    return bytes;
}

}  // namespace trivet::store
