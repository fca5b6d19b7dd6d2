#pragma once
#include <utility>

#include <unistd.h>

namespace trivet::dataplane {

/// Owns a file descriptor; negative: none.
class FileDescriptor {
public:
    explicit FileDescriptor(int value) : value_(value) {}
    FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    FileDescriptor& operator=(FileDescriptor&&) = delete;
    ~FileDescriptor() {
        if (value_ >= 0) close(value_);
    }
    int get() const { return value_; }

private:
    int value_;
};

}  // namespace trivet::dataplane
