#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/model/objects.hpp"

/// Snapshots of the replicated state as files, which outlive the cluster that they were saved from:
/// {"format": "trivet-snapshot", "version": 1, "cluster_id", "node", "revision", "saved_at" (RFC
/// 3339, UTC), "rows": {key: text}, "sha256": of the rows as compact JSON with sorted keys}.
namespace trivet::model {

constexpr std::size_t snapshot_bytes_max = 256 * 1024 * 1024;  // 100,000 VIPs take some 100 MB

/// What a snapshot says of itself. A value type.
struct SnapshotFacts {
    std::string cluster_id;
    std::string node;  // which saved it
    std::uint64_t revision = 0;
    std::string saved_at;
    std::string sha256;
    std::size_t rows = 0;
    std::map<std::string, std::size_t> by_kind;  // rows by the first word of their key
};

/// Reads a file's text. Errors: corrupt, it is no JSON; too_large.
Result<nlohmann::json> parse_snapshot(std::string_view text);
/// Checks form and checksum. Errors: corrupt, naming what is wrong; conflict, of a newer version.
Result<SnapshotFacts> check_snapshot(const nlohmann::json& snapshot);

/// SHA-256 of the rows as lower-case hex.
std::string checksum_of_rows(const nlohmann::json& rows);

}  // namespace trivet::model
