// Work as Raft gives it: everything in it follows from one seed, so that a test that finds a broken
// off run on the disk knows every state that it went through.
#include <cstdlib>
#include <random>

#include "core/raft/configuration_codec.hpp"
#include "core/state_snapshot.hpp"
#include "tests/store/script.hpp"

namespace trivet::store {

namespace {

struct Step {
    raft::Write write;
    LogIndex applied;                 // saved once the write is acknowledged
    std::optional<LogIndex> compact;  // then
};

/// What is durable, without compactions.
struct Model {
    raft::HardState hard_state;
    raft::LogBase base;
    std::vector<LogEntry> entries;  // behind the base
    LogIndex applied;

    LogIndex last_index() const { return LogIndex(base.index.value() + entries.size()); }
    /// As of an entry of the log: what its base would be there.
    raft::LogBase base_at(LogIndex index) const {
        raft::LogBase at = base;
        for (const LogEntry& one : entries) {
            if (one.index > index) break;
            at.index = one.index;
            at.term = one.term;
            if (one.kind == EntryKind::configuration)
                at.configuration = raft::decode_configuration(one.payload).value();
        }
        return at;
    }
    void take(const Step& step) {
        const raft::Write& write = step.write;
        if (write.hard_state) hard_state = *write.hard_state;
        if (write.snapshot) {
            base = write.snapshot->base;
            applied = base.index;
            entries.clear();
        }
        if (write.truncate_from)
            entries.resize(write.truncate_from->value() - base.index.value() - 1);
        entries.insert(entries.end(), write.append.begin(), write.append.end());
        applied = std::max(applied, step.applied);
    }
};

class Author {
public:
    std::vector<Step> write(std::uint64_t count) {
        std::vector<Step> steps;
        while (steps.size() < count) {
            steps.push_back(next());
            model_.take(steps.back());
        }
        return steps;
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    raft::Configuration configuration() {
        raft::Configuration made;
        for (std::uint64_t id = 1; id <= 1 + below(5); ++id)
            made.members[raft::RaftId{id}] = {raft::MemberRole::voter, "node", "192.0.2.1:7000"};
        return made;
    }

    LogEntry make_entry(LogIndex index) {
        LogEntry made = entry(index.value(), std::string(below(700), 'p'), term());
        const std::uint64_t kind = below(10);
        if (kind == 0) made.kind = EntryKind::no_op;
        if (kind == 1) {
            made.kind = EntryKind::configuration;
            made.payload = raft::encode(configuration());
        }
        return made;
    }

    std::uint64_t term() const { return model_.hard_state.term.value(); }

    void add_entries(raft::Write& write, LogIndex last) {
        for (std::uint64_t i = 1; i <= 1 + below(4); ++i)
            write.append.push_back(make_entry(LogIndex{last.value() + i}));
    }

    void install(raft::Write& write) {
        const LogIndex index{model_.applied.value() + 1 + below(20)};
        std::vector<StateRow> rows;
        for (const auto& [key, value] : expected_rows(index)) rows.push_back({key, value});
        write.snapshot = {
            {index, Term{std::min<std::uint64_t>(term(), 1 + below(term() + 1))}, configuration()},
            std::make_shared<const std::string>(encode_snapshot(rows))};
        if (below(2) == 0) add_entries(write, index);
    }

    Step next() {
        Step step;
        raft::Write& write = step.write;
        const std::uint64_t choice = below(12);
        if (choice < 3 || term() == 0) {
            write.hard_state = {.term = Term{term() + 1}, .vote = raft::RaftId{below(3)}};
            model_.hard_state = *write.hard_state;  // entries of the same write have this term
        }
        const LogIndex last = model_.last_index();
        const std::uint64_t unapplied = last.value() - model_.applied.value();
        if (choice == 11) {
            install(write);
        } else if (choice >= 9 && unapplied > 0) {
            const LogIndex from{last.value() + 1 - (1 + below(unapplied))};
            write.truncate_from = from;
            // What stays may be of any term up to this one.
            if (below(4) != 0) add_entries(write, LogIndex{from.value() - 1});
        } else if (choice != 0) {
            add_entries(write, last);
        }
        if (!write.hard_state && !write.snapshot && !write.truncate_from && write.append.empty())
            add_entries(write, last);
        finish(step);
        return step;
    }

    void finish(Step& step) {
        Model after = model_;
        after.take(step);
        const std::uint64_t unapplied = after.last_index().value() - after.applied.value();
        step.applied = LogIndex{after.applied.value() + (below(3) == 0 ? 0 : below(unapplied + 1))};
        if (below(6) == 0 && step.applied > after.base.index)
            step.compact = LogIndex{after.base.index.value() + 1 +
                                    below(step.applied.value() - after.base.index.value())};
    }

    std::mt19937_64 random_{20240229};
    Model model_;
};

std::uint64_t step_count() { return std::getenv("TRIVET_SOAK") != nullptr ? 1000 : 100; }

const std::vector<Step>& steps() {
    static const std::vector<Step> all = Author().write(step_count());
    return all;
}

Model model_after(std::uint64_t count) {
    Model model;
    for (std::uint64_t i = 0; i < count; ++i) model.take(steps()[i]);
    return model;
}

void configure(Harness& harness) {
    harness.options.checkpoint_pages = 25;
    harness.options.log_keep.reset();
    harness.options.events_keep = 20;
    harness.options.applied_delay = std::chrono::milliseconds(0);
}

/// Hands over one to three steps at once, so that some share a transaction. A snapshot begins a
/// group: what came before it has been saved as applied by then.
/// `model` is what was acknowledged.
bool run_group(Harness& harness, Progress& progress, Model& model, std::uint64_t end_step) {
    const std::uint64_t first = progress.acknowledged;
    std::uint64_t end = first;
    std::uint64_t answered = 0;
    do {
        progress.given = std::max(progress.given, end + 1);  // the process may end at once
        harness.storage->write(steps()[end].write, [&](const Result<void>& result) {
            if (result) ++progress.acknowledged;
            ++answered;
        });
        ++end;
    } while (end < end_step && end % 3 != 0 && !steps()[end].write.snapshot);
    EXPECT_TRUE(harness.wait_until([&] { return answered == end - first; }));
    for (std::uint64_t i = first; i < progress.acknowledged; ++i) {
        const LogIndex before = std::max(model.applied, steps()[i].write.snapshot
                                                            ? steps()[i].write.snapshot->base.index
                                                            : LogIndex{});
        model.take(steps()[i]);
        for (std::uint64_t index = before.value() + 1; index <= steps()[i].applied.value(); ++index)
            harness.storage->save_applied(applied(index));
        if (steps()[i].compact) harness.storage->compact(model.base_at(*steps()[i].compact));
    }
    return progress.acknowledged == end;
}

void run(Harness& harness, Progress& progress, std::uint64_t end_step) {
    Model model = model_after(progress.acknowledged);
    while (progress.acknowledged < end_step)
        if (!run_group(harness, progress, model, end_step)) return;
}

std::optional<std::string> difference(const Loaded& loaded, const Model& model) {
    if (loaded.hard_state != model.hard_state) return "hard state";
    if (loaded.base.index < model.base.index || loaded.last_index != model.last_index())
        return "ends of the log";
    if (loaded.last_applied < model.base.index || loaded.last_applied > model.applied)
        return "last_applied";
    const raft::LogBase base = model.base_at(loaded.base.index);
    if (loaded.base.term != base.term || loaded.base.configuration != base.configuration)
        return "base";
    std::vector<LogEntry> entries = loaded.applied_entries;
    entries.insert(entries.end(), loaded.entries.begin(), loaded.entries.end());
    const auto skipped =
        static_cast<std::ptrdiff_t>(loaded.base.index.value() - model.base.index.value());
    if (!std::equal(entries.begin(), entries.end(), model.entries.begin() + skipped,
                    model.entries.end()))
        return "entries";
    return std::nullopt;
}

/// The state is that of what was acknowledged, or that and some more of what was given.
void expect_intact(const std::filesystem::path& directory, const Progress& progress) {
    Harness harness(directory);
    configure(harness);
    const auto opened = harness.open();
    ASSERT_TRUE(opened) << opened.error().message;
    std::string differences;
    bool found = false;
    for (std::uint64_t count = progress.acknowledged; count <= progress.given && !found; ++count) {
        const auto differs = difference(harness.loaded, model_after(count));
        found = !differs;
        if (differs) differences += std::to_string(count) + ": " + *differs + "; ";
    }
    EXPECT_TRUE(found) << "what is there is the state after no step: " << differences;
    EXPECT_GE(harness.loaded.last_applied.value(), progress.applied);
    expect_rows(harness);
    // It goes on from there.
    raft::Write write;
    write.hard_state = {.term = Term{harness.loaded.hard_state.term.value() + 1}, .vote = {}};
    write.append = {
        entry(harness.loaded.last_index.value() + 1, "{}", write.hard_state->term.value())};
    EXPECT_TRUE(harness.write(std::move(write)));
    harness.close();
    EXPECT_EQ(query(harness.options.path, "PRAGMA integrity_check"), "ok");
}

}  // namespace

std::vector<Script> raft_scripts() {
    constexpr std::uint64_t laps = 10;
    const std::uint64_t lap = step_count() / laps;
    std::vector<Script> all;
    for (std::uint64_t i = 0; i < laps; ++i)
        all.push_back({"raft_lap_" + std::to_string(i + 1), i * lap, (i + 1) * lap, 100 + 30 * lap,
                       3 * lap, configure, run, expect_intact});
    return all;
}

}  // namespace trivet::store
