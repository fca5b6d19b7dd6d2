#pragma once
#include <array>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <utility>

#include "cloud/json_reader.hpp"

/// Kubernetes' words for what is a choice here too.
namespace trivet::cloud {

inline constexpr std::array protocol_words{std::pair{"TCP", Protocol::tcp},
                                           std::pair{"UDP", Protocol::udp},
                                           std::pair{"SCTP", Protocol::sctp}};

template <class Value, std::size_t Size>
std::optional<Value> find_word(std::string_view word,
                               const std::array<std::pair<const char*, Value>, Size>& words) {
    for (const auto& [known, value] : words)
        if (word == known) return value;
    return std::nullopt;
}

/// Nullopt: the field is absent or empty, or refused because its word is unknown.
template <class Value, std::size_t Size>
std::optional<Value> read_word(JsonReader& reader, std::string_view name,
                               const std::array<std::pair<const char*, Value>, Size>& words) {
    std::string word;
    reader.text(name, word);
    if (word.empty()) return std::nullopt;
    auto value = find_word(word, words);
    if (!value)
        reader.refuse(name,
                      fmt::format("'{}' of '{}' is not known here", word, reader.path_of(name)));
    return value;
}

}  // namespace trivet::cloud
