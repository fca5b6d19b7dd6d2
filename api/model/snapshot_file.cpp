#include "api/model/snapshot_file.hpp"

#include <array>
#include <fmt/format.h>
#include <openssl/sha.h>

namespace trivet::model {
namespace {

using nlohmann::json;

constexpr std::string_view format_word = "trivet-snapshot";
constexpr std::uint64_t version_known = 1;
constexpr int depth_of_snapshot = 2;  // the object, and that of the rows

auto corrupt(std::string why) {
    return fail(ErrorCode::corrupt, "this is no whole snapshot: " + std::move(why));
}

Result<std::string> text_in(const json& snapshot, const char* key) {
    const auto found = snapshot.find(key);
    if (found == snapshot.end() || !found->is_string() ||
        found->get_ref<const std::string&>().empty())
        return corrupt(fmt::format("'{}' is missing or no text", key));
    return found->get<std::string>();
}

Result<std::uint64_t> number_in(const json& snapshot, const char* key) {
    const auto found = snapshot.find(key);
    // What a program made of an int is signed to nlohmann_json, what it parsed is not.
    const bool is_fine = found != snapshot.end() && found->is_number_integer() &&
                         (found->is_number_unsigned() || found->get<std::int64_t>() >= 0);
    if (!is_fine) return corrupt(fmt::format("'{}' is missing or no whole number", key));
    return found->get<std::uint64_t>();
}

Result<void> check_format(const json& snapshot) {
    if (!snapshot.is_object()) return corrupt("it is no JSON object");
    if (snapshot.value("format", json()) != format_word)
        return corrupt(fmt::format("its 'format' is not '{}'", format_word));
    const auto version = number_in(snapshot, "version");
    if (!version) return fail(version.error());
    if (*version > version_known)
        return fail(ErrorCode::conflict,
                    fmt::format("this snapshot has version {}, and this program knows {} alone: "
                                "use the release that saved it, or a newer one",
                                *version, version_known));
    return {};
}

Result<void> count_rows(const json& snapshot, SnapshotFacts& facts) {
    const auto rows = snapshot.find("rows");
    if (rows == snapshot.end() || !rows->is_object())
        return corrupt("'rows' is missing or no object");
    for (const auto& [key, value] : rows->items()) {
        if (!value.is_string()) return corrupt(fmt::format("row '{}' is no text", key));
        ++facts.by_kind[key.substr(0, key.find('/'))];
    }
    facts.rows = rows->size();
    if (checksum_of_rows(*rows) != facts.sha256)
        return corrupt(
            "its rows do not have the checksum that it names; it was changed or damaged");
    return {};
}

}  // namespace

std::string checksum_of_rows(const json& rows) {
    const auto text = rows.dump();
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string hex;
    for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
}

Result<json> parse_snapshot(std::string_view text) {
    if (text.size() > snapshot_bytes_max)
        return fail(ErrorCode::too_large,
                    fmt::format("a snapshot has at most {} MiB", snapshot_bytes_max / 1024 / 1024));
    auto parsed = parse_json(text, depth_of_snapshot);
    if (!parsed) return corrupt(parsed.error().message);
    return parsed;
}

Result<SnapshotFacts> check_snapshot(const json& snapshot) {
    if (auto checked = check_format(snapshot); !checked) return fail(checked.error());
    SnapshotFacts facts;
    struct Text {
        const char* key;
        std::string& to;
    };
    for (const auto& [key, to] : {Text{"cluster_id", facts.cluster_id}, Text{"node", facts.node},
                                  Text{"saved_at", facts.saved_at}, Text{"sha256", facts.sha256}}) {
        auto text = text_in(snapshot, key);
        if (!text) return fail(text.error());
        to = std::move(*text);
    }
    const auto revision = number_in(snapshot, "revision");
    if (!revision) return fail(revision.error());
    facts.revision = *revision;
    if (auto counted = count_rows(snapshot, facts); !counted) return fail(counted.error());
    return facts;
}

}  // namespace trivet::model
