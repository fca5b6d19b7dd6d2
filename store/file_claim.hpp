#pragma once
#include <filesystem>

#include "core/result.hpp"

namespace trivet::store {

/// One process's claim on a database file: an flock on FILE.lock, which the kernel drops when the
/// process dies, however it dies. The lock file stays behind on purpose: removing it would let two
/// processes hold locks on two files of one name.
class FileClaim {
public:
    /// Also makes the database file when it is missing (readable by the owner alone: it holds
    /// token hashes), and brings what earlier processes wrote to the disk (see settle()).
    /// Errors: not_found, no such directory; conflict, another process holds it; corrupt, the file
    /// was emptied; insufficient_storage; unavailable, I/O or permissions.
    static Result<FileClaim> take(const std::filesystem::path& file);

    FileClaim(FileClaim&& other) noexcept;
    FileClaim& operator=(FileClaim&& other) noexcept;
    FileClaim(const FileClaim&) = delete;
    FileClaim& operator=(const FileClaim&) = delete;
    ~FileClaim();

private:
    explicit FileClaim(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace trivet::store
