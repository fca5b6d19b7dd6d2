#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace trivet::announce {

/// Takes numbers in network byte order off the front of a message. Never reads past its end: what
/// is not there reads as zero and makes ok() false for good, so a decoder may check once.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    bool ok() const { return ok_; }
    std::span<const std::byte> rest() const { return rest_; }

    std::span<const std::byte> take(std::size_t size) {
        if (size > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }
    std::uint8_t u8() {
        const auto bytes = take(1);
        return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
    }
    std::uint16_t u16() {
        const unsigned high = u8();
        return static_cast<std::uint16_t>(high << 8 | u8());
    }
    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    template <std::size_t size>
    std::array<std::uint8_t, size> array() {
        std::array<std::uint8_t, size> result{};
        std::ranges::transform(take(size), result.begin(), std::to_integer<std::uint8_t>);
        return result;
    }

private:
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

/// Builds a message in network byte order.
class ByteWriter {
public:
    explicit ByteWriter(std::size_t size_expected) { bytes_.reserve(size_expected); }

    void u8(std::uint8_t value) { bytes_.push_back(std::byte{value}); }
    void u16(std::uint16_t value) {
        u8(static_cast<std::uint8_t>(value >> 8));
        u8(static_cast<std::uint8_t>(value & 0xff));
    }
    void u32(std::uint32_t value) {
        u16(static_cast<std::uint16_t>(value >> 16));
        u16(static_cast<std::uint16_t>(value & 0xffff));
    }
    void array(std::span<const std::uint8_t> values) {
        for (const std::uint8_t value : values) u8(value);
    }
    void append(std::span<const std::byte> bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void pad_to(std::size_t size) {
        if (bytes_.size() < size) bytes_.resize(size);
    }
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

}  // namespace trivet::announce
