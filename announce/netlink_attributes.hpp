#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <libmnl/libmnl.h>
#include <optional>
#include <string>

#include <linux/netlink.h>

#include "core/ip_address.hpp"

namespace trivet::announce {

/// The attributes of one netlink message by type; types above `Max` are ignored. It points into the
/// message, which must outlive it.
template <std::uint16_t Max>
class NetlinkAttributes {
public:
    static NetlinkAttributes of(const nlmsghdr& message, unsigned fixed_header_bytes) {
        NetlinkAttributes attributes;
        mnl_attr_parse(&message, fixed_header_bytes, &collect, &attributes);
        return attributes;
    }
    static NetlinkAttributes nested_in(const nlattr& attribute) {
        NetlinkAttributes attributes;
        mnl_attr_parse_nested(&attribute, &collect, &attributes);
        return attributes;
    }

    const nlattr* find(std::uint16_t type) const { return found_[type]; }

    /// Nullopt when it is absent or of another size.
    template <class T>
    std::optional<T> value(std::uint16_t type) const {
        const nlattr* attribute = found_[type];
        if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(T))
            return std::nullopt;
        T value{};
        std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof(T));
        return value;
    }

    std::string text(std::uint16_t type) const {
        const nlattr* attribute = found_[type];
        if (attribute == nullptr) return "";
        const char* begin = static_cast<const char*>(mnl_attr_get_payload(attribute));
        return {begin, strnlen(begin, mnl_attr_get_payload_len(attribute))};
    }

    std::optional<IpAddress> address(std::uint16_t type) const {
        const nlattr* attribute = found_[type];
        if (attribute == nullptr) return std::nullopt;
        if (mnl_attr_get_payload_len(attribute) == 4) {
            const auto bytes = *value<std::array<std::uint8_t, 4>>(type);
            std::uint32_t host_order = 0;
            for (const std::uint8_t byte : bytes) host_order = host_order << 8 | byte;
            return IpAddress::v4(host_order);
        }
        const auto bytes = value<IpAddress::V6Bytes>(type);
        return bytes ? std::optional(IpAddress::v6(*bytes)) : std::nullopt;
    }

private:
    static int collect(const nlattr* attribute, void* data) {
        const std::uint16_t type = mnl_attr_get_type(attribute);
        if (type <= Max) static_cast<NetlinkAttributes*>(data)->found_[type] = attribute;
        return MNL_CB_OK;
    }

    std::array<const nlattr*, Max + 1U> found_{};
};

}  // namespace trivet::announce
