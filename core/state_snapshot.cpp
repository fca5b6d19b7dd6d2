#include "core/state_snapshot.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <openssl/evp.h>

#include "core/assert.hpp"
#include "core/raft/bytes.hpp"

namespace trivet {

namespace {

constexpr std::uint32_t format_number = 1;
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t head_bytes = 12;    // format and count
constexpr std::size_t row_bytes_min = 8;  // two lengths

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    TRIVET_ASSERT(
        EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
    TRIVET_ASSERT(size == digest_bytes);
    return {digest.begin(), digest.begin() + digest_bytes};
}

tl::unexpected<Error> damaged(std::string_view finding) {
    return fail(ErrorCode::corrupt,
                fmt::format("the snapshot is damaged: {}; take it once more", finding));
}

}  // namespace

std::string encode_snapshot(const std::vector<StateRow>& rows) {
    std::vector<const StateRow*> sorted;
    sorted.reserve(rows.size());
    for (const StateRow& row : rows) sorted.push_back(&row);
    std::ranges::sort(sorted, {},
                      [](const StateRow* row) -> const std::string& { return row->key; });
    raft::ByteWriter writer;
    writer.number(format_number).number(static_cast<std::uint64_t>(sorted.size()));
    const StateRow* previous = nullptr;
    for (const StateRow* row : sorted) {
        TRIVET_ASSERT(previous == nullptr || previous->key != row->key);
        TRIVET_ASSERT(std::max(row->key.size(), row->value.size()) <=
                      std::numeric_limits<std::uint32_t>::max());
        writer.text(row->key).text(row->value);
        previous = row;
    }
    std::string bytes = writer.take();
    bytes += sha256(bytes);
    return bytes;
}

Result<std::vector<StateRow>> decode_snapshot(std::string_view bytes) {
    if (bytes.size() < digest_bytes) return damaged("its end is missing");
    const std::string_view content = bytes.substr(0, bytes.size() - digest_bytes);
    if (sha256(content) != bytes.substr(content.size()))
        return damaged("its checksum does not match");
    raft::ByteReader reader(content);
    const auto format = reader.number<std::uint32_t>();
    if (reader.ok() && format > format_number)
        return fail(ErrorCode::conflict,
                    fmt::format("the snapshot was written by a newer version of Trivet (format {}, "
                                "this program knows {}): install that version",
                                format, format_number));
    const auto count = reader.number<std::uint64_t>();
    if (format != format_number || !reader.ok() ||
        count > (content.size() - head_bytes) / row_bytes_min)
        reader.reject();
    std::vector<StateRow> rows;
    if (reader.ok()) rows.reserve(count);
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const std::string_view key = reader.text();
        const std::string_view value = reader.text();
        if (!reader.ok() || (!rows.empty() && rows.back().key >= key)) return damaged("a row");
        rows.push_back({std::string(key), std::string(value)});
    }
    if (!reader.complete()) return damaged("its form is not that of a snapshot");
    return rows;
}

}  // namespace trivet
