#include "cli/outcome.hpp"

#include <fmt/format.h>

namespace trivet::cli {

ExitCode exit_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_found:
            return ExitCode::not_found;
        case ErrorCode::unauthenticated:
        case ErrorCode::not_allowed:
            return ExitCode::not_allowed;
        case ErrorCode::conflict:
        case ErrorCode::exhausted:
            return ExitCode::conflict;
        case ErrorCode::not_leader:
        case ErrorCode::unavailable:
            return ExitCode::no_leader;
        case ErrorCode::timeout:
            return ExitCode::timeout;
        case ErrorCode::invalid_argument:
        case ErrorCode::too_large:
        case ErrorCode::insufficient_storage:
        case ErrorCode::corrupt:
        case ErrorCode::internal:
            return ExitCode::failure;
    }
    return ExitCode::failure;
}

Failure failure_of(const Error& error) {
    Failure failure{exit_code(error.code), error.field.empty()
                                               ? error.message
                                               : fmt::format("{}: {}", error.field, error.message)};
    switch (error.code) {
        case ErrorCode::unauthenticated:
            failure.hint = "give the token with --token-file or LBCTL_TOKEN";
            break;
        case ErrorCode::not_leader:
        case ErrorCode::unavailable:
            failure.hint = "look at 'lbctl status' on the nodes; --timeout waits longer";
            break;
        case ErrorCode::timeout:
            failure.hint = "--timeout waits longer";
            break;
        case ErrorCode::insufficient_storage:
            failure.hint = "nothing was changed; free space on the node's disk and repeat";
            break;
        case ErrorCode::invalid_argument:
        case ErrorCode::not_allowed:
        case ErrorCode::not_found:
        case ErrorCode::conflict:
        case ErrorCode::exhausted:
        case ErrorCode::too_large:
        case ErrorCode::corrupt:
        case ErrorCode::internal:
            break;
    }
    return failure;
}

}  // namespace trivet::cli
