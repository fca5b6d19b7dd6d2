#pragma once
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "store/storage.hpp"

namespace trivet::store {

/// A directory that goes away with its test.
class TempDirectory {
public:
    enum class Medium : std::uint8_t {
        disk,
        memory,  // where fsync costs nothing, for tests that open thousands of files
    };
    explicit TempDirectory(Medium medium = Medium::disk);
    ~TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// The test's strand: closures posted by any thread run where the test waits for something.
class Strand {
public:
    void post(std::function<void()> closure);
    /// Runs closures until `condition` holds. False: it did not within ten seconds.
    bool run_until(const std::function<bool()>& condition);
    /// Waits until so many closures are there, and runs none. False: ten seconds passed.
    bool wait_for_posted(std::size_t count);

private:
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::function<void()>> closures_;
};

/// A storage with its strand, and what it reported. `options` may be changed before open().
class Harness {
public:
    explicit Harness(const std::filesystem::path& directory);
    ~Harness();

    Result<void> open();  // again, after close(); reports of before are forgotten
    void close();

    /// These wait for the callback.
    Result<void> append(std::vector<LogEntry> entries);
    Result<void> write(raft::Write write);
    Result<std::vector<Event>> read_events(std::size_t limit,
                                           std::optional<std::string> object = {});
    bool wait_until(const std::function<bool()>& condition) { return strand.run_until(condition); }

    Storage::Options options;
    Strand strand;
    std::unique_ptr<Storage> storage;
    Loaded loaded;
    std::vector<std::optional<std::string>> read_only_reports;
    std::vector<Error> fatal_reports;
};

LogEntry entry(std::uint64_t index, std::string payload = "{}", std::uint64_t term = 1);

/// Runs SQL on a file that no storage has open, as an operator with `sqlite3` would, or a bad disk.
void run_sql(const std::filesystem::path& file, const std::string& sql);
std::string query(const std::filesystem::path& file, const std::string& sql);

}  // namespace trivet::store
