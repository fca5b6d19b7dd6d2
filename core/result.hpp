#pragma once
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace trivet {

enum class ErrorCode {
    invalid_argument,
    unauthenticated,
    not_allowed,
    not_found,
    conflict,
    exhausted,
    too_large,
    insufficient_storage,  // the disk is full: nothing was written, try again when there is space
    not_leader,
    unavailable,
    timeout,
    corrupt,  // stored data that does not pass its own checks
    internal,
};

/// What went wrong, for a caller that must choose (code) and a human who must act (message).
struct Error {
    ErrorCode code;
    std::string message;
    std::string field = {};  // path of the offending field, as "ports[0].port"; empty when none
};

template <class T, class E = Error>
using Result = tl::expected<T, E>;

/// Makes the failure path visible at the return site: `return fail(ErrorCode::conflict, "...")`.
inline auto fail(ErrorCode code, std::string message, std::string field = {}) {
    return tl::unexpected(Error{code, std::move(message), std::move(field)});
}

/// Passes on the error of another Result, whatever its type: `return fail(parsed.error())`.
inline auto fail(Error error) { return tl::unexpected(std::move(error)); }

}  // namespace trivet
