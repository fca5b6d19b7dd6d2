#pragma once
#include <fmt/format.h>
#include <string>
#include <string_view>

#include "core/ip_address.hpp"
#include "core/objects.hpp"

/// What the checks of objects have in common. `field` is the path that an error names.
namespace trivet {

/// A body of 1 MiB could hold more entries; nobody can read more.
inline constexpr std::size_t list_max = 4096;

/// Gives the error the field, unless it names one.
Result<void> at(Result<void> checked, std::string field);

/// No multicast, no loopback and the like; `use` is what for, "VIPs".
Result<void> check_usable(const AddressRange& range, std::string_view use,
                          const std::string& field);

template <class List>
Result<void> check_length(const List& list, const char* field, std::size_t max) {
    if (list.size() <= max) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' has {} entries; at most {} are allowed", field, list.size(), max),
                field);
}

template <class List>
Result<void> check_names(const List& names, const char* field, std::string_view what) {
    if (auto checked = check_length(names, field, list_max); !checked) return checked;
    std::size_t i = 0;
    for (const std::string& name : names)
        if (auto checked = at(check_name(what, name), fmt::format("{}[{}]", field, i++)); !checked)
            return checked;
    return {};
}

}  // namespace trivet
