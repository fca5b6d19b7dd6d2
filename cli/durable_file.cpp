#include "cli/durable_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace trivet::cli {
namespace {

/// With errno, which says why.
auto failed(const std::string& path, const char* what) {
    return fail_with({ExitCode::failure,
                      fmt::format("'{}' cannot be {}: {}", path, what, std::strerror(errno))});
}

auto exists_already(const std::string& path) {
    return fail_with({ExitCode::conflict, fmt::format("'{}' exists", path),
                      "choose another name, or overwrite it with --force"});
}

/// A file under a name of its own beside `path`, gone again unless it got its final name.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& path)
        : name_(path + ".XXXXXX"), descriptor_(mkostemp(name_.data(), O_CLOEXEC)) {}  // mode 0600
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (descriptor_ < 0) return;
        ::close(descriptor_);
        if (!name_.empty()) ::unlink(name_.c_str());
    }

    bool is_open() const { return descriptor_ >= 0; }
    /// All of it, to the disk; false: errno says why.
    bool write(std::string_view text) {
        while (!text.empty()) {
            const auto written = ::write(descriptor_, text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        return ::fsync(descriptor_) == 0;
    }
    /// False: errno says why; EEXIST, there is a file of that name.
    bool rename_to(const std::string& path, Overwrite overwrite) {
        if (overwrite == Overwrite::yes) {
            if (::rename(name_.c_str(), path.c_str()) != 0) return false;
        } else if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) !=
                   0) {
            // File systems without this flag (NFS) have hard links, which do not replace either.
            if (errno != EINVAL || ::link(name_.c_str(), path.c_str()) != 0) return false;
            ::unlink(name_.c_str());
        }
        name_.clear();
        return true;
    }

private:
    std::string name_;
    int descriptor_;
};

/// Makes the new name durable.
bool sync_folder(const std::string& path) {
    const auto parent = std::filesystem::path(path).parent_path();
    const auto folder = parent.empty() ? std::string(".") : parent.string();
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool synced = ::fsync(descriptor) == 0;
    const int why = errno;
    ::close(descriptor);
    errno = why;
    return synced;
}

}  // namespace

Outcome<> check_is_free(const std::string& path) {
    std::error_code ignored;  // then writing tells what is wrong
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
        return exists_already(path);
    }
    return {};
}

Outcome<> write_durably(const std::string& path, std::string_view text, Overwrite overwrite) {
    TemporaryFile file(path);
    if (!file.is_open() || !file.write(text)) return failed(path, "written");
    if (!file.rename_to(path, overwrite)) {
        if (errno == EEXIST) return exists_already(path);
        return failed(path, "written");
    }
    if (!sync_folder(path)) return failed(path, "made durable");
    return {};
}

Outcome<std::string> read_whole(const std::string& path, std::size_t bytes_max) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) {
        const bool absent = error == std::errc::no_such_file_or_directory;
        return fail_with({absent ? ExitCode::not_found : ExitCode::failure,
                          fmt::format("'{}' cannot be read: {}", path, error.message())});
    }
    if (size > bytes_max) {
        return fail_with({ExitCode::failure,
                          fmt::format("'{}' has more than {} MiB", path, bytes_max / 1024 / 1024)});
    }
    std::string text(size, '\0');
    std::ifstream file(path, std::ios::binary);
    if (!file.read(text.data(), static_cast<std::streamsize>(size))) return failed(path, "read");
    return text;
}

}  // namespace trivet::cli
