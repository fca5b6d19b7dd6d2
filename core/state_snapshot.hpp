#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/records.hpp"
#include "core/result.hpp"

namespace trivet {

/// The whole replicated state as one piece of bytes, for a node that is too far behind: format
/// number, number of rows, rows by key (both with their length), and SHA-256 over all of that,
/// since it travels in pieces. The same rows give the same bytes. Keys must be unique.
std::string encode_snapshot(const std::vector<StateRow>& rows);
/// The rows, by key. Copies nothing before it is known to be there.
/// Errors: corrupt, for whatever encode_snapshot() cannot have written; conflict, of a newer
/// version.
Result<std::vector<StateRow>> decode_snapshot(std::string_view bytes);

}  // namespace trivet
