#pragma once
#include <string>
#include <string_view>

#include "core/raft/message.hpp"
#include "core/result.hpp"

namespace trivet::raft {

/// Between nodes: numbers in network order, text with its length in front (docs/internals/raft.md).
std::string encode(const Message& message);
/// Errors: invalid_argument, for bytes that encode() cannot have written of a message that
/// check_message() accepts. Copies nothing before it is known to be there.
Result<Message> decode_message(std::string_view bytes);

/// Whether a correct member can have sent it: numbers that do not overflow, entries without holes
/// and of terms that do not go back, configurations that decode, a chunk within its snapshot.
bool check_message(const Message& message);

}  // namespace trivet::raft
