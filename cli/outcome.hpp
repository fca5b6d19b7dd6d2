#pragma once
#include <string>
#include <utility>

#include "api/model/objects.hpp"

namespace trivet::cli {

/// What a script learns from lbctl (design section 6).
enum class ExitCode : int {
    ok = 0,
    failure = 1,
    usage = 2,
    not_found = 3,
    not_allowed = 4,
    conflict = 5,
    no_leader = 6,
    timeout = 7,
};

/// Why a command ends: "error: message", then "  hint".
struct Failure {
    ExitCode code = ExitCode::failure;
    std::string message;
    std::string hint = {};
};

template <class T = void>
using Outcome = Result<T, Failure>;

ExitCode exit_code(ErrorCode code);
/// What the server or the client library reported, with the hint that fits its kind.
Failure failure_of(const Error& error);

inline auto fail_with(Failure failure) { return tl::unexpected(std::move(failure)); }
inline auto usage_error(std::string message, std::string hint = {}) {
    return tl::unexpected(Failure{ExitCode::usage, std::move(message), std::move(hint)});
}

}  // namespace trivet::cli
