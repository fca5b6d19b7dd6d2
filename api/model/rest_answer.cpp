#include "api/model/rest_answer.hpp"

#include <array>
#include <fmt/format.h>
#include <optional>
#include <random>

#include "api/model/rest_client.hpp"

namespace trivet::model {
namespace {

constexpr std::size_t shown_bytes_max = 200;  // of an answer that is not ours

ErrorCode code_of(std::string_view word, unsigned status) {
    struct Word {
        std::string_view word;
        ErrorCode code;
    };
    static constexpr std::array words{
        Word{"invalid_argument", ErrorCode::invalid_argument},
        Word{"unauthenticated", ErrorCode::unauthenticated},
        Word{"not_allowed", ErrorCode::not_allowed},
        Word{"not_found", ErrorCode::not_found},
        Word{"conflict", ErrorCode::conflict},
        Word{"exhausted", ErrorCode::exhausted},
        Word{"too_large", ErrorCode::too_large},
        Word{"insufficient_storage", ErrorCode::insufficient_storage},
        Word{"not_leader", ErrorCode::not_leader},
        Word{"unavailable", ErrorCode::unavailable},
        Word{"timeout", ErrorCode::timeout},
        Word{"corrupt", ErrorCode::corrupt},
        Word{"internal", ErrorCode::internal},
    };
    for (const auto& known : words) {
        if (known.word == word) return known.code;
    }
    return code_of_status(status);
}

std::string text_member(const nlohmann::json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Bodies of a server may be larger than those that parse_json() takes from clients; the depth is
/// limited alike, because nlohmann_json recurses when it copies.
std::optional<nlohmann::json> parse_answer(const std::string& text) {
    constexpr int depth_max = 32;
    bool too_deep = false;
    auto parsed = nlohmann::json::parse(
        text,
        [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
            too_deep = too_deep || depth > depth_max;
            return !too_deep;
        },
        false);
    if (too_deep || parsed.is_discarded()) return std::nullopt;
    return parsed;
}

}  // namespace

ErrorCode code_of_status(unsigned status) {
    switch (status) {  // a code of a newer server, or an answer of something in between
        case 400:
            return ErrorCode::invalid_argument;
        case 401:
            return ErrorCode::unauthenticated;
        case 403:
            return ErrorCode::not_allowed;
        case 404:
            return ErrorCode::not_found;
        case 409:
        case 412:
            return ErrorCode::conflict;
        case 413:
            return ErrorCode::too_large;
        case 503:
            return ErrorCode::unavailable;
        case 504:
            return ErrorCode::timeout;
        case 507:
            return ErrorCode::insufficient_storage;
        default:
            return ErrorCode::internal;
    }
}

Result<nlohmann::json> read_rest_answer(unsigned status, const std::string& text) {
    nlohmann::json body;
    if (!text.empty()) {
        auto parsed = parse_answer(text);
        if (!parsed)
            return fail(code_of("", status),
                        fmt::format("HTTP {} with an answer that is not JSON: {}", status,
                                    percent_encode(text.substr(0, shown_bytes_max))));
        body = std::move(*parsed);
    }
    if (status >= 200 && status < 300) return body;
    const auto code = code_of(text_member(body, "code"), status);
    auto message = text_member(body, "detail");
    if (message.empty()) message = text_member(body, "title");
    if (message.empty()) message = fmt::format("HTTP {} without a reason", status);
    return fail(code, std::move(message), text_member(body, "field"));
}

std::string make_idempotency_key() {
    std::random_device random;
    std::string key;
    for (int i = 0; i < 4; ++i) key += fmt::format("{:08x}", random());
    return key;
}

}  // namespace trivet::model
