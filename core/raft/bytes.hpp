#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace trivet::raft {

/// Appends numbers in network order and length-prefixed text to a string.
class ByteWriter {
public:
    template <std::unsigned_integral Number>
    ByteWriter& number(Number value) {
        for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8)
            bytes_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
        return *this;
    }
    ByteWriter& flag(bool value) { return number(static_cast<std::uint8_t>(value ? 1 : 0)); }
    ByteWriter& text(std::string_view value) {
        number(static_cast<std::uint32_t>(value.size()));
        bytes_.append(value);
        return *this;
    }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

/// Reads what ByteWriter wrote. After the first thing that does not fit, everything reads as zero
/// and ok() is false. Views point into the input.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

    template <std::unsigned_integral Number>
    Number number() {
        if (bytes_.size() < sizeof(Number)) return spoil<Number>();
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(Number); ++i)
            value = value << 8 | static_cast<std::uint8_t>(bytes_[i]);
        bytes_.remove_prefix(sizeof(Number));
        return static_cast<Number>(value);
    }
    bool flag() {
        const auto value = number<std::uint8_t>();
        if (value > 1) spoil<int>();
        return value == 1;
    }
    std::string_view text() {
        const auto size = number<std::uint32_t>();
        if (size > bytes_.size()) return spoil<std::string_view>();
        const std::string_view value = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return value;
    }
    bool ok() const { return ok_; }
    bool at_end() const { return bytes_.empty(); }
    /// Everything was read, and all of it made sense.
    bool complete() const { return ok_ && bytes_.empty(); }
    void reject() { spoil<int>(); }

private:
    template <class Value>
    Value spoil() {
        ok_ = false;
        bytes_ = {};
        return Value{};
    }

    std::string_view bytes_;
    bool ok_ = true;
};

}  // namespace trivet::raft
