#include "core/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include <arpa/inet.h>

#include "core/assert.hpp"

namespace trivet {

namespace {

constexpr std::size_t v4_offset = 12;  // an IPv4 address lives in the last four bytes

bool is_v4_mapped(const IpAddress::V6Bytes& bytes) {
    for (std::size_t i = 0; i < 10; ++i)
        if (bytes[i] != 0) return false;
    return bytes[10] == 0xff && bytes[11] == 0xff;
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// The bytes of `address` with the bits after `length` set to `fill`.
IpAddress with_host_bits(IpAddress address, int length, bool fill) {
    IpAddress::V6Bytes bytes = address.bytes();
    int kept = 128 - address.bits() + length;  // of the bits from this byte on
    for (std::uint8_t& byte : bytes) {
        const int mask = 0xff >> std::clamp(kept, 0, 8);
        byte = static_cast<std::uint8_t>(fill ? (byte | mask) : (byte & ~mask));
        kept -= 8;
    }
    if (!address.is_v4()) return IpAddress::v6(bytes);
    std::uint32_t value = 0;
    for (std::size_t i = v4_offset; i < 16; ++i) value = value << 8 | bytes[i];
    return IpAddress::v4(value);
}

}  // namespace

std::string_view to_string(IpFamily family) { return family == IpFamily::ipv4 ? "ipv4" : "ipv6"; }

IpAddress IpAddress::v4(std::uint32_t host_order) {
    IpAddress address;
    for (std::size_t i = 0; i < 4; ++i)
        address.bytes_[v4_offset + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return address;
}

IpAddress IpAddress::v6(const V6Bytes& network_order) {
    IpAddress address;
    address.bytes_ = network_order;
    if (is_v4_mapped(network_order)) {
        address.bytes_[10] = address.bytes_[11] = 0;
        return address;
    }
    address.family_ = IpFamily::ipv6;
    return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string copy(text);  // inet_pton wants a terminator
    if (copy.size() != std::strlen(copy.c_str()))
        return fail(ErrorCode::invalid_argument, "an address must not contain a NUL character");
    if (text.find('%') != std::string_view::npos)
        return fail(
            ErrorCode::invalid_argument,
            in_quotes(text) + " has a zone id; write the address without '%' and what follows it");
    in_addr v4_bytes{};
    if (inet_pton(AF_INET, copy.c_str(), &v4_bytes) == 1) return v4(ntohl(v4_bytes.s_addr));
    V6Bytes v6_bytes{};
    if (inet_pton(AF_INET6, copy.c_str(), v6_bytes.data()) == 1) return v6(v6_bytes);
    return fail(
        ErrorCode::invalid_argument,
        in_quotes(text) +
            " is no IPv4 or IPv6 address (as 192.0.2.10, without leading zeros, or 2001:db8::10)");
}

std::uint32_t IpAddress::v4_value() const {
    TRIVET_ASSERT(is_v4());
    std::uint32_t value = 0;
    for (std::size_t i = v4_offset; i < 16; ++i) value = value << 8 | bytes_[i];
    return value;
}

bool IpAddress::is_multicast() const {
    return is_v4() ? (bytes_[v4_offset] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_loopback() const {
    if (is_v4()) return bytes_[v4_offset] == 127;
    V6Bytes loopback{};
    loopback[15] = 1;
    return bytes_ == loopback;
}

bool IpAddress::is_link_local() const {
    if (is_v4()) return bytes_[v4_offset] == 169 && bytes_[v4_offset + 1] == 254;
    return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_last() const {
    for (std::size_t i = is_v4() ? v4_offset : 0; i < 16; ++i)
        if (bytes_[i] != 0xff) return false;
    return true;
}

IpAddress IpAddress::next() const {
    TRIVET_ASSERT(!is_last());
    IpAddress result = *this;
    for (std::size_t i = 16; i-- > 0;)
        if (++result.bytes_[i] != 0) break;
    return result;
}

IpAddress IpAddress::previous() const {
    TRIVET_ASSERT(!is_first());
    IpAddress result = *this;
    for (std::size_t i = 16; i-- > 0;)
        if (result.bytes_[i]-- != 0) break;
    return result;
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* source = is_v4() ? &bytes_[v4_offset] : bytes_.data();
    inet_ntop(is_v4() ? AF_INET : AF_INET6, source, text.data(), text.size());
    return text.data();
}

Result<Prefix> Prefix::make(IpAddress address, int length) {
    if (length < 0 || length > address.bits())
        return fail(ErrorCode::invalid_argument, "prefix length " + std::to_string(length) +
                                                     " is not within 0-" +
                                                     std::to_string(address.bits()));
    const Prefix block = containing(address, length);
    if (block.address_ != address)
        return fail(ErrorCode::invalid_argument,
                    in_quotes(address.to_string() + "/" + std::to_string(length)) +
                        " has host bits set; the block that holds it is " + block.to_string());
    return block;
}

Result<Prefix> Prefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos)
        return fail(ErrorCode::invalid_argument,
                    in_quotes(text) + " is no prefix: it lacks '/LENGTH'");
    auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return fail(address.error());
    const std::string_view digits = text.substr(slash + 1);
    int length = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    const bool canonical = error == std::errc{} && end == digits.data() + digits.size() &&
                           digits[0] != '-' && (digits.size() == 1 || digits[0] != '0');
    if (!canonical)
        return fail(ErrorCode::invalid_argument,
                    in_quotes(text) + " has no valid prefix length after '/'");
    // A v4-mapped prefix means the IPv4 block that it maps.
    if (address->is_v4() && text.find(':') != std::string_view::npos) length -= 96;
    return make(*address, length);
}

Prefix Prefix::containing(IpAddress address, int length) {
    TRIVET_ASSERT(length >= 0 && length <= address.bits());
    Prefix prefix;
    prefix.address_ = with_host_bits(address, length, false);
    prefix.length_ = length;
    return prefix;
}

bool Prefix::contains(IpAddress address) const {
    return address.family() == family() && containing(address, length_).address_ == address_;
}

IpAddress Prefix::last() const { return with_host_bits(address_, length_, true); }

std::string Prefix::to_string() const {
    return address_.to_string() + "/" + std::to_string(length_);
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
    if (text.find('/') != std::string_view::npos) {
        auto prefix = Prefix::parse(text);
        if (!prefix) return fail(prefix.error());
        return AddressRange{prefix->address(), prefix->last()};
    }
    const std::size_t dash = text.find('-');
    auto first = IpAddress::parse(text.substr(0, dash));
    if (!first) return fail(first.error());
    if (dash == std::string_view::npos) return AddressRange{*first, *first};
    auto last = IpAddress::parse(text.substr(dash + 1));
    if (!last) return fail(last.error());
    if (first->family() != last->family())
        return fail(ErrorCode::invalid_argument,
                    in_quotes(text) + " mixes IPv4 and IPv6; write a range per family");
    if (*last < *first)
        return fail(ErrorCode::invalid_argument, in_quotes(text) + " is reversed; write " +
                                                     last->to_string() + "-" + first->to_string());
    return AddressRange{*first, *last};
}

std::string AddressRange::to_string() const {
    if (first != last)
        for (int length = first.bits() - 1; length >= 0; --length) {
            const Prefix block = Prefix::containing(first, length);
            if (block.address() != first) break;
            if (block.last() == last) return block.to_string();
        }
    return first.to_string() + "-" + last.to_string();
}

std::uint64_t AddressRange::size() const {
    // 128-bit subtraction, most significant byte first; anything above 64 bits saturates.
    constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    int borrow = 0;
    for (std::size_t i = 16; i-- > 0;) {
        int digit = last.bytes()[i] - first.bytes()[i] - borrow;
        borrow = digit < 0 ? 1 : 0;
        if (digit < 0) digit += 256;
        if (i >= 8)
            low |= static_cast<std::uint64_t>(digit) << (8 * (15 - i));
        else
            high |= static_cast<std::uint64_t>(digit);
    }
    return high != 0 || low == all ? all : low + 1;
}

}  // namespace trivet
