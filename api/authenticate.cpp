#include "api/authenticate.hpp"

#include <algorithm>
#include <array>
#include <sodium.h>

#include "api/http_text.hpp"

namespace trivet::api {

namespace {

constexpr std::size_t token_bytes_max = 512;  // ours have 52; hashing more is work for nothing

auto refuse(std::string message) { return fail(ErrorCode::unauthenticated, std::move(message)); }

auto not_valid() {
    return refuse(
        "the token is not valid: copy all of it; it may have been deleted or have expired");
}

}  // namespace

std::string hash_of_token(std::string_view token) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(token.data()),
                       token.size());
    std::string hex(digest.size() * 2 + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
    hex.pop_back();  // the terminator
    return hex;
}

std::string make_token() {
    std::array<unsigned char, 32> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    std::string hex(bytes.size() * 2 + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
    hex.pop_back();  // the terminator
    return "trivet_" + hex;
}

Result<Caller> authenticate(const HttpRequest& request, std::string_view admin_token_hash,
                            const TokenTable& tokens) {
    if (std::holds_alternative<UnixPeer>(request.peer)) return Caller{};
    const auto header = request.headers.find("authorization");
    if (header == request.headers.end())
        return refuse("this call needs a token: send the header 'Authorization: Bearer TOKEN'");
    const std::string_view value = header->second;
    const auto space = std::min(value.find(' '), value.size());
    if (!equals_ignoring_case(value.substr(0, space), "bearer"))
        return refuse("the Authorization header must read 'Bearer TOKEN'");
    const auto token = trimmed(value.substr(space));
    if (token.empty() || token.size() > token_bytes_max) return not_valid();
    const auto hash = hash_of_token(token);
    const auto is_its = [&](std::string_view known) {
        return known.size() == hash.size() &&
               sodium_memcmp(hash.data(), known.data(), hash.size()) == 0;
    };
    std::optional<Caller> caller;
    if (is_its(admin_token_hash)) caller = Caller{};
    for (const auto& [name, known] : tokens.all()) {  // all of them, whichever it is
        if (!is_its(known.hash)) continue;
        caller = Caller{.token = name, .token_revision = known.revision};
        if (known.role == TokenRole::cloud) caller->limits = known.limits;
    }
    if (!caller) return not_valid();
    return std::move(*caller);
}

std::chrono::milliseconds FailedAttempts::note(const std::string& address, Time now) {
    auto found = last_.find(address);
    if (found == last_.end()) {
        if (last_.size() == addresses_max) forget_oldest();
        found = last_.emplace(address, Failures{}).first;
    }
    Failures& failures = found->second;
    if (now - failures.last > window) failures.count = 0;
    failures.last = now;
    failures.count = std::min(failures.count + 1, free_failures + 1);
    return failures.count > free_failures ? penalty : std::chrono::milliseconds{0};
}

void FailedAttempts::forget_oldest() {
    last_.erase(std::min_element(last_.begin(), last_.end(), [](const auto& a, const auto& b) {
        return a.second.last < b.second.last;
    }));
}

}  // namespace trivet::api
