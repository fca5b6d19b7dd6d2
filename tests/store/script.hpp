#pragma once
#include <map>

#include "tests/store/storage_fixture.hpp"

/// A run of work for tests that break it off somewhere, and what must hold then.
namespace trivet::store {

/// How far a run came. May be in memory that processes share.
struct Progress {
    std::uint64_t given = 0;         // steps handed to the storage
    std::uint64_t acknowledged = 0;  // of them, those answered with success, from the first on
    std::uint64_t applied = 0;       // reported as durably applied
};

struct Script {
    std::string name;
    /// The run that is broken off goes from the first step to the end; those before were done in
    /// peace. Thus a long script is tested in laps, at a cost that grows with its length alone.
    std::uint64_t first_step;
    std::uint64_t end_step;
    /// More calls of the file system than the script makes. The loops over them end when a run
    /// meets no fault; this only bounds them.
    std::uint64_t calls_max;
    std::uint64_t calls_min;
    /// Small limits, so that the script meets checkpoints and trimming many times.
    void (*configure)(Harness& harness);
    /// Goes on behind what was acknowledged, up to the end or the first refusal.
    void (*run)(Harness& harness, Progress& progress, std::uint64_t end_step);
    /// Reopens the file without faults: all that was acknowledged is there, nothing by half.
    void (*expect_intact)(const std::filesystem::path& directory, const Progress& progress);
};

/// Groups of one to four entries through append(), each saved as applied; a step is an entry.
Script append_script();
/// Votes, entries, truncations, snapshots, compactions through write(); a step is a write. With
/// TRIVET_SOAK 1,000 of them, otherwise 100, in ten laps.
std::vector<Script> raft_scripts();
/// Both, as parameters of a test.
std::vector<Script> all_scripts();

/// The file as the steps before the script's first leave it.
class Start {
public:
    explicit Start(const Script& script);
    /// A copy of it in an empty directory; gives how far it came.
    Progress copy_to(const std::filesystem::path& directory) const;

private:
    TempDirectory directory_{TempDirectory::Medium::memory};
    Progress progress_;
};

/// What applying entry `index` changes, and the rows when all up to `last_applied` are applied.
AppliedBatch applied(std::uint64_t index);
std::map<std::string, std::string> expected_rows(LogIndex last_applied);
/// The integrity of the file, and rows that are those of last_applied.
void expect_rows(const Harness& harness);

}  // namespace trivet::store
