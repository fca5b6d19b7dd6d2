#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "core/token.hpp"

namespace trivet::api {

/// Who makes a call, as far as it decides on what the call may do. A value: the token may be
/// deleted while the call runs.
struct Caller {
    std::string token = {};                  // its name; "": the socket, or the administrator's own
    std::uint64_t token_revision = 0;        // tells it from another one of that name
    std::optional<TokenLimits> limits = {};  // of the role cloud; nullopt: may do everything

    bool may_see_namespace(std::string_view name_space) const {
        return !limits || limits->covers_namespace(name_space);
    }
};

}  // namespace trivet::api
