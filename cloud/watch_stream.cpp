#include "cloud/watch_stream.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "cloud/json_reader.hpp"
#include "cloud/kube_words.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

using Type = WatchEvent::Type;

constexpr std::array type_words{
    std::pair{"ADDED", Type::added}, std::pair{"MODIFIED", Type::modified},
    std::pair{"DELETED", Type::deleted}, std::pair{"BOOKMARK", Type::bookmark},
    std::pair{"ERROR", Type::error}};

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

void WatchStream::feed(std::string_view bytes) {
    if (begin_ != 0) {  // once a chunk, not once an event
        received_.erase(0, begin_);
        scanned_ -= begin_;
        begin_ = 0;
    }
    received_.append(bytes);
}

Result<std::optional<WatchEvent>> WatchStream::next() {
    for (;;) {
        const std::size_t end = received_.find('\n', scanned_);
        const std::size_t size = std::min(end, received_.size()) - begin_;
        if (size > event_bytes_max)
            return fail(
                ErrorCode::too_large,
                fmt::format("an event of the watch has more than {} bytes", event_bytes_max));
        if (end == std::string::npos) {
            scanned_ = received_.size();
            return std::nullopt;
        }
        const std::string_view line = std::string_view(received_).substr(begin_, size);
        begin_ = scanned_ = end + 1;
        if (is_blank(line)) continue;
        auto event = decode(line);
        if (!event || *event) return event;
    }
}

void WatchStream::reset() {
    received_ = {};
    begin_ = scanned_ = 0;
}

Result<std::optional<WatchEvent>> WatchStream::decode(std::string_view line) {
    auto parsed = parse_json(line);
    if (!parsed) return fail(parsed.error());
    std::string word;
    JsonReader reader(*parsed);
    reader.text("type", word);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    const auto type = find_word(word, type_words);
    if (!type && !word.empty()) return std::nullopt;
    const auto object = parsed->find("object");
    if (!type || object == parsed->end() || !object->is_object())
        return fail(ErrorCode::invalid_argument,
                    "an event of the watch needs a 'type' and an 'object'");
    return WatchEvent{*type, std::move(*object)};
}

}  // namespace trivet::cloud
