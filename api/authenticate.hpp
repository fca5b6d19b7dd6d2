#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "api/caller.hpp"
#include "api/http_server.hpp"
#include "core/token_table.hpp"

namespace trivet::api {

/// Who calls: over the unix socket the administrator, because its mode lets in root and the group
/// `lbd` alone; over TCP the bearer of "Authorization: Bearer TOKEN" (RFC 6750 section 2.1). Its
/// hash is compared with those of all tokens, each in constant time, so that the time tells neither
/// how far it is right nor with which one. Pure.
/// Errors: unauthenticated, saying what to send.
Result<Caller> authenticate(const HttpRequest& request, std::string_view admin_token_hash,
                            const TokenTable& tokens);

/// Hex SHA-256 in lower case: all that is kept of a token.
std::string hash_of_token(std::string_view token);
/// 256 random bits, in the form that all tokens have.
std::string make_token();

/// Remembers who failed lately, so that guessing from one address gets slow while a valid token is
/// never held up. Bounded: of too many addresses the one that failed longest ago is forgotten.
/// Not thread-safe: the handler owns it. Time is an argument.
class FailedAttempts {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Notes one failure; returns how long its answer is to be held back.
    std::chrono::milliseconds note(const std::string& address, Time now);
    std::size_t size() const { return last_.size(); }

    static constexpr std::size_t addresses_max = 1024;
    static constexpr unsigned free_failures = 5;  // a person who mistypes is not punished
    static constexpr std::chrono::minutes window{1};
    static constexpr std::chrono::milliseconds penalty{1000};

private:
    struct Failures {
        unsigned count = 0;
        Time last{};
    };
    void forget_oldest();

    std::map<std::string, Failures> last_;
};

}  // namespace trivet::api
