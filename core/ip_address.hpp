#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace trivet {

enum class IpFamily : std::uint8_t { ipv4, ipv6 };

std::string_view to_string(IpFamily family);

/// One IPv4 or IPv6 address; IPv4 sorts before IPv6, then by value. A value type.
class IpAddress {
public:
    using V6Bytes = std::array<std::uint8_t, 16>;

    constexpr IpAddress() = default;  // 0.0.0.0
    static IpAddress v4(std::uint32_t host_order);
    /// A v4-mapped address (::ffff:0:0/96) becomes the IPv4 address that it means.
    static IpAddress v6(const V6Bytes& network_order);

    /// Strict: no leading zeros, no zone id, no surrounding space. Errors: invalid_argument.
    static Result<IpAddress> parse(std::string_view text);

    IpFamily family() const { return family_; }
    bool is_v4() const { return family_ == IpFamily::ipv4; }
    int bits() const { return is_v4() ? 32 : 128; }
    std::uint32_t v4_value() const;                  // host order; the family must be IPv4
    const V6Bytes& bytes() const { return bytes_; }  // IPv4: the last four bytes, the rest zero
    bool is_multicast() const;
    bool is_unspecified() const { return bytes_ == V6Bytes{}; }
    bool is_loopback() const;
    bool is_link_local() const;  // 169.254.0.0/16, fe80::/10

    /// The next and the previous address. The caller checks for the family's last and first one.
    IpAddress next() const;
    IpAddress previous() const;
    bool is_first() const { return is_unspecified(); }
    bool is_last() const;

    std::string to_string() const;  // RFC 5952 form

    friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

private:
    IpFamily family_ = IpFamily::ipv4;
    V6Bytes bytes_{};
};

/// An address block without host bits, as 192.0.2.0/24.
class Prefix {
public:
    constexpr Prefix() = default;
    /// Errors: invalid_argument, the length is too great or `address` has host bits.
    static Result<Prefix> make(IpAddress address, int length);
    static Result<Prefix> parse(std::string_view text);
    /// The block of `length` bits that holds `address`.
    static Prefix containing(IpAddress address, int length);
    static Prefix host(IpAddress address) { return containing(address, address.bits()); }

    IpAddress address() const { return address_; }
    int length() const { return length_; }
    IpFamily family() const { return address_.family(); }
    bool contains(IpAddress address) const;
    IpAddress last() const;
    std::string to_string() const;

    friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;

private:
    IpAddress address_;
    int length_ = 0;
};

/// First to last address, both included, of one family.
struct AddressRange {
    IpAddress first;
    IpAddress last;

    /// "192.0.2.0/24", "192.0.2.10-192.0.2.20" or a single address.
    /// Errors: invalid_argument, malformed, reversed, or of two families.
    static Result<AddressRange> parse(std::string_view text);
    IpFamily family() const { return first.family(); }
    bool contains(IpAddress address) const { return first <= address && address <= last; }
    bool overlaps(const AddressRange& other) const {
        return first <= other.last && other.first <= last;
    }
    /// A CIDR where the range is exactly one block of more than one address, else "first-last".
    std::string to_string() const;
    /// Number of addresses; 2^64-1 stands for "that many or more".
    std::uint64_t size() const;

    friend constexpr auto operator<=>(const AddressRange&, const AddressRange&) = default;
};

}  // namespace trivet
