#include "store/row_checksum.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/assert.hpp"

namespace trivet::store {

namespace {

std::array<std::uint64_t, 2> halves(const Checksum& checksum) {
    std::array<std::uint64_t, 2> result{};
    for (std::size_t i = 0; i < checksum.size(); ++i)
        result[i / 8] = result[i / 8] << 8 | checksum[i];
    return result;
}

bool parse_number(std::string_view text, int base, std::uint64_t& number) {
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc{} && stop == text.data() + text.size() && !text.empty();
}

}  // namespace

void RowChecksum::Free::operator()(evp_md_st* digest) const { EVP_MD_free(digest); }
void RowChecksum::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

RowChecksum::RowChecksum()
    : digest_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    TRIVET_ASSERT(digest_ != nullptr);
    TRIVET_ASSERT(context_ != nullptr);
}

Checksum RowChecksum::of(RowName row, std::initializer_list<std::string_view> columns) {
    TRIVET_ASSERT(EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1);
    add(row.table);
    add(row.key);
    for (std::string_view column : columns) add(column);
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> whole{};
    TRIVET_ASSERT(EVP_DigestFinal_ex(context_.get(), whole.data(), nullptr) == 1);
    Checksum checksum{};
    std::copy_n(whole.begin(), checksum.size(), checksum.begin());
    return checksum;
}

void RowChecksum::add(std::string_view part) {
    // The length goes first, so that no two different rows feed the same bytes.
    std::array<std::uint8_t, 8> length{};
    for (std::size_t i = 0; i < length.size(); ++i)
        length[i] = static_cast<std::uint8_t>(part.size() >> (8 * i));
    TRIVET_ASSERT(EVP_DigestUpdate(context_.get(), length.data(), length.size()) == 1);
    TRIVET_ASSERT(EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1);
}

void TableDigest::add(const Checksum& row) {
    const auto value = halves(row);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += value[i];
    ++rows_;
}

void TableDigest::remove(const Checksum& row) {
    const auto value = halves(row);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] -= value[i];
    --rows_;
}

std::string TableDigest::to_string() const {
    return fmt::format("{}:{:016x}{:016x}", rows_, sum_[0], sum_[1]);
}

std::optional<TableDigest> TableDigest::parse(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.size() - colon - 1 != 32) return std::nullopt;
    TableDigest digest;
    if (!parse_number(text.substr(0, colon), 10, digest.rows_) ||
        !parse_number(text.substr(colon + 1, 16), 16, digest.sum_[0]) ||
        !parse_number(text.substr(colon + 17), 16, digest.sum_[1]))
        return std::nullopt;
    return digest;
}

}  // namespace trivet::store
