#include "store/file_claim.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace trivet::store {

namespace {

constexpr mode_t owner_only = 0600;

/// A file descriptor that closes itself.
struct Descriptor {
    int value = -1;
    explicit Descriptor(int opened) : value(opened) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (value >= 0) ::close(value);
    }
};

Error system_error(int number, const std::filesystem::path& path, std::string_view doing) {
    const bool full = number == ENOSPC || number == EDQUOT;
    return {full ? ErrorCode::insufficient_storage : ErrorCode::unavailable,
            fmt::format("{}: cannot {}: {}; {}", path.native(), doing,
                        std::generic_category().message(number),
                        full ? "free some space there"
                             : "check that it belongs to the user that lbd runs as, and the disk")};
}

Result<void> check_directory(const std::filesystem::path& directory) {
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return fail(system_error(errno, directory, "look at the data directory"));
        return fail(ErrorCode::not_found,
                    fmt::format("data directory {0} does not exist: create it with 'mkdir -p {0}' "
                                "for the user that lbd runs as, or correct data_dir in lbd.yaml",
                                directory.native()));
    }
    if (!S_ISDIR(status.st_mode))
        return fail(ErrorCode::not_found,
                    fmt::format("data directory {} is not a directory: correct data_dir in "
                                "lbd.yaml",
                                directory.native()));
    return {};
}

/// Brings a file to the disk, then has the page cache forget it, so that what is read from here on
/// is what the disk has. Without the first, a process that was killed between write and fsync
/// leaves entries that look durable and are not. Without the second, a page whose fsync failed (the
/// kernel then marks it clean) looks written to the process that is started in place of the failed
/// one. Safe only under the claim: closing a descriptor drops all POSIX locks that this process
/// holds on the file, SQLite's too.
Result<off_t> settle(const std::filesystem::path& path, int flags) {
    const Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, owner_only));
    if (file.value < 0) {
        if (errno == ENOENT && (flags & O_CREAT) == 0) return 0;
        return fail(system_error(errno, path, "open the file"));
    }
    if (::fsync(file.value) != 0) return fail(system_error(errno, path, "fsync the file"));
    // Errors of this hint mean a file system without page cache.
    ::posix_fadvise(file.value, 0, 0, POSIX_FADV_DONTNEED);
    struct stat status{};
    if (::fstat(file.value, &status) != 0)
        return fail(system_error(errno, path, "look at the file"));
    return status.st_size;
}

std::filesystem::path with_suffix(const std::filesystem::path& file, const char* suffix) {
    std::filesystem::path path = file;
    path += suffix;
    return path;
}

}  // namespace

Result<FileClaim> FileClaim::take(const std::filesystem::path& file) {
    const auto directory = file.parent_path().empty() ? "." : file.parent_path();
    if (auto present = check_directory(directory); !present) return fail(present.error());

    const auto lock_path = with_suffix(file, ".lock");
    FileClaim claim(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only));
    if (claim.descriptor_ < 0) return fail(system_error(errno, lock_path, "open the lock file"));
    if (::flock(claim.descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return fail(system_error(errno, lock_path, "lock the file"));
        return fail(ErrorCode::conflict,
                    fmt::format("{} is in use by another lbd ('fuser {}' names it): stop that "
                                "one, or give this one a data_dir of its own in lbd.yaml",
                                file.native(), lock_path.native()));
    }

    auto database = settle(file, O_RDWR | O_CREAT);
    if (!database) return fail(database.error());
    auto wal = settle(with_suffix(file, "-wal"), O_RDONLY);
    if (!wal) return fail(wal.error());
    // SQLite would take an empty file for a new database and delete its write-ahead log. A crash
    // cannot leave this pair: the first page is on the disk before the log is made.
    if (*database == 0 && *wal > 0)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} is empty but its write-ahead log is not, so its contents were "
                                "lost: restore the file from a snapshot, or move both away to "
                                "start with an empty node",
                                file.native()));
    return claim;
}

FileClaim::FileClaim(FileClaim&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileClaim& FileClaim::operator=(FileClaim&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

FileClaim::~FileClaim() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace trivet::store
