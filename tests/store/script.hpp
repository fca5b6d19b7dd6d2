#pragma once
#include "tests/store/storage_fixture.hpp"

/// A run of work for tests that break it off somewhere, and what must hold then.
namespace trivet::store {

inline constexpr std::uint64_t script_entries = 120;
/// More calls of the file system than the script makes. The loops over them end when a run meets no
/// fault; this only bounds them.
inline constexpr std::uint64_t calls_max = 2000;

/// Small limits, so that the script meets checkpoints and trimming many times.
void configure(Harness& harness);

/// Appends groups of one to four entries and saves them as applied; `acknowledged` is the last
/// index that was answered with success. Stops at the first refusal.
void run_script(Harness& harness, std::uint64_t& acknowledged);

/// Reopens the file without faults: all that was acknowledged is there, nothing by half.
void expect_intact(const std::filesystem::path& directory, std::uint64_t acknowledged);

}  // namespace trivet::store
