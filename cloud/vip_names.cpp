#include "cloud/vip_names.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

namespace trivet::cloud {

namespace {

constexpr std::string_view escape = "x--";
constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";  // RFC 4648 section 7
constexpr std::size_t cluster_bytes_max = 63;
constexpr std::size_t namespace_bytes_max = 63;  // an RFC 1123 label, which has no dot

std::string encode(std::string_view text) {
    std::string encoded(escape);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        bits = (bits << 8) | static_cast<std::uint8_t>(c);
        for (count += 8; count >= 5; count -= 5) encoded += digits[(bits >> (count - 5)) & 31];
    }
    if (count > 0) encoded += digits[(bits << (5 - count)) & 31];
    return encoded;
}

std::optional<std::string> decode(std::string_view encoded) {
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : encoded.substr(escape.size())) {
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = (bits << 5) | static_cast<std::uint32_t>(digit);
        count += 5;
        if (count < 8) continue;
        count -= 8;
        text += static_cast<char>((bits >> count) & 0xff);
    }
    if (encode(text) != encoded) return std::nullopt;  // bits left over: we did not write it
    return text;
}

bool is_label(std::string_view text, std::size_t bytes_max) {
    return text.size() <= bytes_max && text.find('.') == std::string_view::npos &&
           check_name("name", text).has_value();
}

}  // namespace

Result<void> check_cluster_name(std::string_view cluster) {
    if (is_label(cluster, cluster_bytes_max)) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name for a cluster: at most {} small letters, digits and "
                            "'-', no dot, a letter or digit at both ends",
                            cluster, cluster_bytes_max));
}

Result<ObjectKey> vip_key_of(std::string_view cluster, const ServiceKey& service) {
    if (!is_label(service.name_space, namespace_bytes_max))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}' is no name of a Kubernetes namespace", service.name_space));
    const bool plain =
        check_name("VIP name", service.name).has_value() && !service.name.starts_with(escape);
    ObjectKey key{Kind::vip, fmt::format("{}.{}", cluster, service.name_space),
                  plain ? service.name : encode(service.name)};
    if (auto checked = check_name("VIP name", key.name); !checked)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("Service '{}' has too long a name for a VIP", service.to_string()));
    return key;
}

std::optional<ServiceKey> service_key_of(std::string_view cluster, const ObjectKey& vip) {
    const std::string prefix = fmt::format("{}.", cluster);
    if (vip.kind != Kind::vip || !vip.name_space.starts_with(prefix)) return std::nullopt;
    ServiceKey service{vip.name_space.substr(prefix.size()), vip.name};
    if (!is_label(service.name_space, namespace_bytes_max)) return std::nullopt;
    if (!vip.name.starts_with(escape)) return service;
    auto name = decode(vip.name);
    if (!name) return std::nullopt;
    service.name = std::move(*name);
    // The plain name would have been used: this is not how we write it.
    const auto again = vip_key_of(cluster, service);
    if (!again || *again != vip) return std::nullopt;
    return service;
}

}  // namespace trivet::cloud
