#include "announce/durable_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace trivet::announce {

namespace {

/// Closes the descriptor when it goes out of scope.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

auto system_failure(std::string_view what, const std::filesystem::path& path) {
    const int error = errno;
    const ErrorCode code = error == ENOSPC || error == EDQUOT ? ErrorCode::insufficient_storage
                           : error == ENOENT                  ? ErrorCode::not_found
                                                              : ErrorCode::unavailable;
    return fail(code,
                "cannot " + std::string(what) + " " + path.string() + ": " + std::strerror(error));
}

bool write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(fd, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// A renamed or removed name is durable only when its directory is.
Result<void> sync_directory_of(const std::filesystem::path& path) {
    const std::filesystem::path parent = path.parent_path();
    const Descriptor directory(
        ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || ::fsync(directory.get()) != 0)
        return system_failure("sync the directory of", path);
    return {};
}

}  // namespace

Result<void> write_durably(const std::filesystem::path& path, std::string_view content,
                           unsigned mode) {
    const std::filesystem::path temporary = path.string() + ".new";
    {
        ::unlink(temporary.c_str());  // what a crash left; its mode may be another
        const Descriptor file(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (file.get() < 0) return system_failure("create", temporary);
        if (!write_all(file.get(), content)) return system_failure("write", temporary);
        if (::fsync(file.get()) != 0) return system_failure("sync", temporary);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        return system_failure("rename into place", path);
    return sync_directory_of(path);
}

Result<void> remove_durably(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) == 0) return sync_directory_of(path);
    if (errno == ENOENT) return {};
    return system_failure("remove", path);
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t size_max) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_failure("open", path);
    std::string content;
    std::array<char, 65536> chunk{};
    for (;;) {
        const ssize_t size = ::read(file.get(), chunk.data(), chunk.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_failure("read", path);
        if (size == 0) return content;
        content.append(chunk.data(), static_cast<std::size_t>(size));
        if (content.size() > size_max)
            return fail(ErrorCode::too_large,
                        path.string() + " is larger than " + std::to_string(size_max) + " bytes");
    }
}

}  // namespace trivet::announce
