#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_st;
struct evp_md_ctx_st;

namespace trivet::store {

/// The first 16 bytes of SHA-256: two damaged rows that agree by chance are not to be met, and with
/// the processor's instructions it costs a quarter of a microsecond a row, an hundredth of a write.
using Checksum = std::array<std::uint8_t, 16>;

/// Names of a row, as messages and checksums use them.
struct RowName {
    std::string_view table;
    std::string_view key;
};

/// Computes the checksum of a row from its table, key and other columns, so that a row which a
/// damaged disk returns in another's place is found as well. Not thread-safe: one thread owns it.
class RowChecksum {
public:
    RowChecksum();
    Checksum of(RowName row, std::initializer_list<std::string_view> columns);

private:
    struct Free {
        void operator()(evp_md_st* digest) const;
        void operator()(evp_md_ctx_st* context) const;
    };
    void add(std::string_view part);

    std::unique_ptr<evp_md_st, Free> digest_;
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// The sum of the checksums of all rows of a table, kept up to date row by row. It finds what a
/// checksum in the row cannot: a row that is gone, or an old version that has come back because the
/// disk lost a write. A value type.
class TableDigest {
public:
    void add(const Checksum& row);
    void remove(const Checksum& row);

    std::string to_string() const;  // "ROWS:HEX"
    static std::optional<TableDigest> parse(std::string_view text);

    std::uint64_t rows() const { return rows_; }
    friend bool operator==(const TableDigest&, const TableDigest&) = default;

private:
    std::uint64_t rows_ = 0;
    std::array<std::uint64_t, 2> sum_{};  // each half modulo 2^64
};

}  // namespace trivet::store
