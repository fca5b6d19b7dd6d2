#include "tests/store/storage_fixture.hpp"

#include <stdlib.h>

#include <unistd.h>

namespace trivet::store {

TempDirectory::TempDirectory(Medium medium) {
    std::filesystem::path parent = std::filesystem::temp_directory_path();
    const std::filesystem::path memory = "/dev/shm";
    if (medium == Medium::memory && ::access(memory.c_str(), W_OK) == 0) parent = memory;
    std::string name = (parent / "trivet-store-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
}

TempDirectory::~TempDirectory() { std::filesystem::remove_all(path_); }

void Strand::post(std::function<void()> closure) {
    {
        const std::lock_guard lock(mutex_);
        closures_.push_back(std::move(closure));
    }
    posted_.notify_one();
}

bool Strand::run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        std::unique_lock lock(mutex_);
        // The condition may also depend on counters, which nobody posts: look again now and then.
        const auto look_again = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
        posted_.wait_until(lock, look_again, [&] { return !closures_.empty(); });
        if (closures_.empty()) {
            if (std::chrono::steady_clock::now() >= deadline) return false;
            continue;
        }
        auto closure = std::move(closures_.front());
        closures_.pop_front();
        lock.unlock();
        closure();
    }
    return true;
}

bool Strand::wait_for_posted(std::size_t count) {
    std::unique_lock lock(mutex_);
    return posted_.wait_for(lock, std::chrono::seconds(10),
                            [&] { return closures_.size() >= count; });
}

Harness::Harness(const std::filesystem::path& directory) {
    options.path = directory / "lbd.db";
    options.free_bytes_min = 0;
    options.post = [this](std::function<void()> closure) { strand.post(std::move(closure)); };
    options.on_read_only = [this](std::optional<std::string> reason) {
        read_only_reports.push_back(std::move(reason));
    };
    options.on_fatal = [this](Error error) { fatal_reports.push_back(std::move(error)); };
}

Harness::~Harness() {
    if (storage) close();
}

Result<void> Harness::open() {
    read_only_reports.clear();
    fatal_reports.clear();
    auto opened = Storage::open(options);
    if (!opened) return fail(opened.error());
    storage = std::move(*opened);
    loaded = storage->take_loaded();
    return {};
}

void Harness::close() {
    storage->close();
    bool all_ran = false;
    strand.post([&] { all_ran = true; });
    EXPECT_TRUE(strand.run_until([&] { return all_ran; }));
    storage.reset();
}

Result<void> Harness::append(std::vector<LogEntry> entries) {
    std::optional<Result<void>> answer;
    storage->append(std::move(entries), [&](Result<void> result) { answer = result; });
    if (!strand.run_until([&] { return answer.has_value(); }))
        return fail(ErrorCode::timeout, "append() was never answered");
    return *answer;
}

Result<void> Harness::write(raft::Write write) {
    std::optional<Result<void>> answer;
    storage->write(std::move(write), [&](Result<void> result) { answer = result; });
    if (!strand.run_until([&] { return answer.has_value(); }))
        return fail(ErrorCode::timeout, "write() was never answered");
    return *answer;
}

Result<std::vector<Event>> Harness::read_events(std::size_t limit,
                                                std::optional<std::string> object) {
    std::optional<Result<std::vector<Event>>> answer;
    storage->read_events(limit, std::move(object),
                         [&](Result<std::vector<Event>> events) { answer = std::move(events); });
    if (!strand.run_until([&] { return answer.has_value(); }))
        return fail(ErrorCode::timeout, "read_events() was never answered");
    return *std::move(answer);
}

LogEntry entry(std::uint64_t index, std::string payload, std::uint64_t term) {
    return {.index = LogIndex{index}, .term = Term{term}, .payload = std::move(payload)};
}

std::string query(const std::filesystem::path& file, const std::string& sql) {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
    std::string first;
    const auto keep_first = [](void* kept, int, char** values, char**) {
        auto& text = *static_cast<std::string*>(kept);
        if (text.empty() && values[0] != nullptr) text = values[0];
        return 0;
    };
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), keep_first, &first, &message), SQLITE_OK)
        << sql << ": " << (message == nullptr ? "" : message);
    sqlite3_free(message);
    sqlite3_close(handle);
    return first;
}

void run_sql(const std::filesystem::path& file, const std::string& sql) { query(file, sql); }

}  // namespace trivet::store
