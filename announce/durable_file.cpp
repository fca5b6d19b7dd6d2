#include "announce/durable_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace trivet::announce {

namespace {

class FileDescriptor {
public:
    explicit FileDescriptor(int fd) : fd_(fd) {}
    ~FileDescriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }

private:
    int fd_;
};

tl::unexpected<Error> file_error(const std::string& what, const std::string& path) {
    const int reason = errno;
    const bool full = reason == ENOSPC || reason == EDQUOT;
    return fail(full ? ErrorCode::insufficient_storage : ErrorCode::unavailable,
                "cannot " + what + " " + path + ": " + std::strerror(reason));
}

/// A renamed or removed name is durable only when its folder is.
Result<void> sync_folder_of(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const FileDescriptor opened(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open() || ::fsync(opened.get()) != 0)
        return file_error("sync the folder of", path);
    return {};
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto size = ::write(fd, text.data(), text.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
}

}  // namespace

Result<void> write_durably(const std::string& path, std::string_view text) {
    const std::string draft = path + ".new";
    {
        const FileDescriptor file(
            ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file.is_open() || !write_all(file.get(), text) || ::fsync(file.get()) != 0)
            return file_error("write", draft);
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return file_error("replace", path);
    return sync_folder_of(path);
}

Result<void> remove_durably(const std::string& path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT) return {};
        return file_error("remove", path);
    }
    return sync_folder_of(path);
}

Result<std::optional<std::string>> read_file(const std::string& path, std::size_t bytes_max) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) {
        if (errno == ENOENT) return std::nullopt;
        return file_error("read", path);
    }
    std::string text(bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto part = ::read(file.get(), text.data() + size, text.size() - size);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return file_error("read", path);
        if (part == 0) break;
        size += static_cast<std::size_t>(part);
    }
    if (size > bytes_max)
        return fail(ErrorCode::too_large,
                    path + " is larger than " + std::to_string(bytes_max) + " bytes");
    text.resize(size);
    return text;
}

}  // namespace trivet::announce
