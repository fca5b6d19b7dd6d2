#pragma once
#include <string>
#include <string_view>

#include "core/raft/bytes.hpp"
#include "core/raft/types.hpp"
#include "core/result.hpp"

namespace trivet::raft {

constexpr std::size_t members_max = 1024;  // every one gets a heartbeat from the leader
constexpr std::size_t member_text_bytes_max = 255;

/// The form in entries of kind configuration, in messages and in the database.
std::string encode(const Configuration& configuration);
/// Errors: invalid_argument, for whatever encode() cannot have written.
Result<Configuration> decode_configuration(std::string_view bytes);

void write(ByteWriter& writer, const Configuration& configuration);
Configuration read_configuration(ByteReader& reader);

}  // namespace trivet::raft
