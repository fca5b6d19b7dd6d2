#include "cloud/service_wishes.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <set>

namespace trivet::cloud {

namespace {

/// A wish and where it stands.
struct Placed {
    std::string place;
    std::string value;
};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Ours first, then MetalLB's under its new and its old prefix. Empty ones say nothing.
std::vector<Placed> placed_wishes(const Service& service, const std::string& ours,
                                  const std::string& metallb) {
    std::vector<Placed> found;
    for (const std::string& name :
         {"trivet.dev/" + ours, "metallb.io/" + metallb, "metallb.universe.tf/" + metallb}) {
        const auto annotation = service.meta.annotations.find(name);
        if (annotation == service.meta.annotations.end()) continue;
        std::string value(trimmed(annotation->second));
        if (!value.empty()) found.push_back({"annotation " + name, std::move(value)});
    }
    return found;
}

Error contradiction(const Placed& one, const Placed& other) {
    return {ErrorCode::conflict,
            fmt::format("{} says '{}', but {} says '{}': make them equal, or remove one", one.place,
                        one.value, other.place, other.value)};
}

Result<std::string> one_text(const std::vector<Placed>& wishes) {
    if (wishes.empty()) return std::string();
    for (const Placed& other : wishes)
        if (other.value != wishes.front().value) return fail(contradiction(wishes.front(), other));
    return wishes.front().value;
}

Result<std::vector<IpAddress>> parse_addresses(const Placed& wish) {
    std::vector<IpAddress> addresses;
    std::string_view rest = wish.value;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view part = trimmed(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (part.empty()) continue;
        auto address = IpAddress::parse(part);
        if (!address)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("{} says '{}': '{}' is no IP address", wish.place, wish.value, part));
        addresses.push_back(*address);
    }
    return addresses;
}

/// spec.loadBalancerIP has room for one address, so it may name one of those that an annotation
/// names; all else must be equal, in any order.
Result<std::vector<IpAddress>> one_list(const Service& service) {
    const std::vector<Placed> wishes = placed_wishes(service, "addresses", "loadBalancerIPs");
    std::vector<IpAddress> first;
    for (const Placed& wish : wishes) {
        auto addresses = parse_addresses(wish);
        if (!addresses) return fail(addresses.error());
        if (&wish == &wishes.front()) {
            first = std::move(*addresses);
        } else if (std::set(first.begin(), first.end()) !=
                   std::set(addresses->begin(), addresses->end())) {
            return fail(contradiction(wishes.front(), wish));
        }
    }
    const Placed field{"spec.loadBalancerIP", std::string(trimmed(service.load_balancer_ip))};
    if (field.value.empty()) return first;
    const auto address = IpAddress::parse(field.value);
    if (!address)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} says '{}', which is no IP address", field.place, field.value));
    if (first.empty()) return std::vector{*address};
    if (std::ranges::find(first, *address) == first.end())
        return fail(contradiction(wishes.front(), field));
    return first;
}

}  // namespace

Result<ServiceWishes> wishes_of(const Service& service) {
    auto pool = one_text(placed_wishes(service, "pool", "address-pool"));
    if (!pool) return fail(pool.error());
    auto sharing_key = one_text(placed_wishes(service, "sharing-key", "allow-shared-ip"));
    if (!sharing_key) return fail(sharing_key.error());
    auto addresses = one_list(service);
    if (!addresses) return fail(addresses.error());
    return ServiceWishes{std::move(*pool), std::move(*addresses), std::move(*sharing_key)};
}

}  // namespace trivet::cloud
