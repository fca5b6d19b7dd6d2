#include "core/objects.hpp"

#include <algorithm>

namespace trivet {

namespace {

constexpr std::size_t name_bytes_max = 253;

template <class... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

}  // namespace

std::string ObjectKey::to_string() const {
    std::string text(trivet::to_string(kind));
    if (kind == Kind::vip) text += "/" + name_space;
    return text + "/" + name;
}

bool selects_pool(const std::vector<std::string>& names,
                  const std::vector<LabelSelector>& selectors, const Pool& pool) {
    if (names.empty() && selectors.empty()) return true;
    return std::ranges::find(names, pool.name) != names.end() ||
           any_matches(selectors, pool.labels);
}

ObjectKey key_of(const Object& object) {
    return std::visit(
        Overloaded{
            [](const Pool& pool) { return ObjectKey{Kind::pool, "", pool.name}; },
            [](const Vip& vip) { return ObjectKey{Kind::vip, vip.name_space, vip.name}; },
            [](const L2Advertisement& l2) {
                return ObjectKey{Kind::l2_advertisement, "", l2.name};
            },
            [](const Namespace& space) { return ObjectKey{Kind::name_space, "", space.name}; },
            [](const ConfigObject& config) { return ObjectKey{config.kind, "", config.name}; }},
        object);
}

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::pool:
            return "pool";
        case Kind::vip:
            return "vip";
        case Kind::l2_advertisement:
            return "l2-advertisement";
        case Kind::bgp_advertisement:
            return "bgp-advertisement";
        case Kind::bgp_peer:
            return "bgp-peer";
        case Kind::bfd_profile:
            return "bfd-profile";
        case Kind::community:
            return "community";
        case Kind::name_space:
            return "namespace";
        case Kind::node:
            return "node";
    }
    return "node";
}

Result<void> check_name(std::string_view what, std::string_view name) {
    const auto is_end = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const auto is_middle = [&](char c) { return is_end(c) || c == '.' || c == '-'; };
    if (name.empty()) return fail(ErrorCode::invalid_argument, std::string(what) + " is empty");
    if (name.size() <= name_bytes_max && is_end(name.front()) && is_end(name.back()) &&
        std::ranges::all_of(name, is_middle))
        return {};
    return fail(ErrorCode::invalid_argument,
                std::string(what) + " '" + std::string(name) +
                    "' is not valid: at most 253 small letters, digits, '-' and '.', with a letter "
                    "or digit at both ends");
}

}  // namespace trivet
