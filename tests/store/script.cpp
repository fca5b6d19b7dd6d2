#include "tests/store/script.hpp"

#include <map>

namespace trivet::store {

namespace {

constexpr std::uint64_t keys = 7;

std::string key_of(std::uint64_t index) { return "vip/default/" + std::to_string(index % keys); }

}  // namespace

AppliedBatch applied(std::uint64_t index) {
    AppliedBatch batch{.last_applied = LogIndex{index}, .rows = {}, .events = {}};
    batch.rows.push_back({"counter", std::to_string(index)});
    if (index % 5 == 0)
        batch.rows.push_back({key_of(index), std::nullopt});
    else
        batch.rows.push_back({key_of(index), std::string(200, 'v') + std::to_string(index)});
    batch.events.push_back({.index = index, .at = {}, .type = "t", .object = "o", .message = "m"});
    return batch;
}

std::map<std::string, std::string> expected_rows(LogIndex last_applied) {
    std::map<std::string, std::string> rows;
    for (std::uint64_t index = 1; index <= last_applied.value(); ++index)
        for (const RowChange& row : applied(index).rows) {
            if (row.value)
                rows[row.key] = *row.value;
            else
                rows.erase(row.key);
        }
    return rows;
}

void expect_rows(const Harness& harness) {
    std::map<std::string, std::string> rows;
    for (const StateRow& row : harness.loaded.rows) rows[row.key] = row.value;
    EXPECT_EQ(rows, expected_rows(harness.loaded.last_applied));
}

namespace {

constexpr std::uint64_t script_entries = 120;

void configure(Harness& harness) {
    harness.options.checkpoint_pages = 25;
    harness.options.log_keep = 30;
    harness.options.events_keep = 20;
    harness.options.applied_delay = std::chrono::milliseconds(0);
}

void run(Harness& harness, Progress& progress, std::uint64_t end_step) {
    std::uint64_t index = progress.acknowledged;
    while (index < end_step) {
        std::vector<LogEntry> entries;
        for (std::uint64_t i = 0; i <= index % 4; ++i)
            entries.push_back(entry(index + 1 + i, std::string(150 * (i + 1), 'p')));
        progress.given = entries.back().index.value();
        if (!harness.append(entries)) return;
        for (const LogEntry& one : entries)
            harness.storage->save_applied(applied(one.index.value()));
        index = entries.back().index.value();
        progress.acknowledged = index;
    }
}

void expect_intact(const std::filesystem::path& directory, const Progress& progress) {
    Harness harness(directory);
    configure(harness);
    const auto opened = harness.open();
    ASSERT_TRUE(opened) << opened.error().message;
    const Loaded& loaded = harness.loaded;
    EXPECT_GE(loaded.last_index.value(), progress.acknowledged);
    EXPECT_EQ(loaded.entries.size(), loaded.last_index.value() - loaded.last_applied.value());
    expect_rows(harness);
    EXPECT_TRUE(harness.append({entry(loaded.last_index.value() + 1)}));
    harness.close();
    EXPECT_EQ(query(harness.options.path, "PRAGMA integrity_check"), "ok");
}

}  // namespace

Script append_script() {
    return {"append", 0, script_entries, 2000, 300, configure, run, expect_intact};
}

std::vector<Script> all_scripts() {
    std::vector<Script> all = raft_scripts();
    all.insert(all.begin(), append_script());
    return all;
}

Start::Start(const Script& script) {
    if (script.first_step == 0) return;  // opening makes the file: that is part of the run
    Harness harness(directory_.path());
    script.configure(harness);
    harness.options.on_applied = [&](LogIndex index) { progress_.applied = index.value(); };
    if (!harness.open()) throw std::runtime_error("the storage does not open");
    script.run(harness, progress_, script.first_step);
    harness.close();
    if (progress_.acknowledged != script.first_step)
        throw std::runtime_error("not every step before the first was done");
}

Progress Start::copy_to(const std::filesystem::path& directory) const {
    std::filesystem::copy(directory_.path(), directory, std::filesystem::copy_options::recursive);
    return progress_;
}

}  // namespace trivet::store
