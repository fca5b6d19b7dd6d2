// Conversations with an API server as texts: each file of testdata/reflector_*.txt holds inputs
// (lines that begin with a time in seconds) and what the reflector did about them and since the
// input before (indented lines). With TRIVET_REWRITE_TRANSCRIPTS=1 the files are written anew.
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "cloud/reflector.hpp"
#include "tests/support/transcript.hpp"

namespace trivet::cloud {
namespace {

using Words = std::vector<std::string>;
using nlohmann::json;

std::string seconds(Instant instant) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(instant.time_since_epoch());
    return fmt::format("{}.{:03}", ms.count() / 1000, ms.count() % 1000);
}

Instant parse_seconds(const std::string& text) {
    return Instant(std::chrono::round<std::chrono::milliseconds>(
        std::chrono::duration<double>(std::stod(text))));
}

/// "web@7": the object "web" at resourceVersion 7; "@7": a version without a name.
json object_of(const std::string& text) {
    const std::size_t at = text.find('@');
    json meta{{"resourceVersion", text.substr(at + 1)}};
    if (at != 0) meta["name"] = text.substr(0, at);
    return json{{"metadata", meta}};
}

/// REST of the words, joined.
std::string rest(const Words& words, std::size_t from) {
    std::string text;
    for (std::size_t i = from; i < words.size(); ++i) text += (i == from ? "" : " ") + words[i];
    return text;
}

json status_of(const Words& words) {  // status|error-event CODE REASON [MESSAGE...]
    return {{"kind", "Status"},
            {"code", std::stoi(words.at(2))},
            {"reason", words.at(3)},
            {"message", rest(words, 4)}};
}

std::string page_of(const Words& words) {  // page VERSION TOKEN|- OBJECT@VERSION...
    json page{{"metadata", {{"resourceVersion", words.at(2)}}}, {"items", json::array()}};
    if (words.at(3) != "-") page["metadata"]["continue"] = words.at(3);
    for (std::size_t i = 4; i < words.size(); ++i) page["items"].push_back(object_of(words[i]));
    return page.dump();
}

std::string event_of(const std::string& type, const json& object) {
    return json{{"type", type}, {"object", object}}.dump() + "\n";
}

class Player {
public:
    std::vector<std::string> play(const std::vector<std::string>& script);

private:
    ReflectorActions perform(const Words& words, Instant now);
    void record(const ReflectorActions& actions, Instant now);

    ObjectCache<ObjectMeta> cache_{read_meta};
    Reflector reflector_{{.path = "/api/v1/services", .random_seed = 1, .page_limit = 4}, cache_};
    std::vector<std::string> lines_;
};

ReflectorActions Player::perform(const Words& words, Instant now) {
    const std::string& command = words.at(1);
    if (command == "start") return reflector_.start(now);
    if (command == "relist") return reflector_.relist(now);
    if (command == "wait") return {};
    if (command == "head") {  // head STATUS [RETRY_AFTER]
        ResponseHead head{static_cast<unsigned>(std::stoul(words.at(2)))};
        if (words.size() > 3) head.retry_after = std::chrono::seconds(std::stol(words[3]));
        return reflector_.on_response(head, now);
    }
    if (command == "page") return reflector_.on_bytes(page_of(words), now);
    if (command == "status") return reflector_.on_bytes(status_of(words).dump(), now);
    if (command == "bytes") return reflector_.on_bytes(rest(words, 2) + "\n", now);
    if (command == "flood")  // a page with megabytes
        return reflector_.on_bytes(std::string(std::stoul(words.at(2)) << 20, 'x'), now);
    if (command == "error-event")
        return reflector_.on_bytes(event_of("ERROR", status_of(words)), now);
    if (command == "closed") return reflector_.on_closed(now);
    if (command == "failed") return reflector_.on_failed(rest(words, 2), now);
    return reflector_.on_bytes(event_of(command, object_of(words.at(2))), now);
}

void Player::record(const ReflectorActions& actions, Instant now) {
    const auto line = [&](const std::string& text) {
        lines_.push_back("  " + seconds(now) + " " + text);
    };
    if (actions.drop) line("drop");
    if (actions.listed) line(fmt::format("listed {}", reflector_.lists()));
    if (!actions.changed.empty()) line(fmt::format("changed {}", fmt::join(actions.changed, " ")));
    if (!actions.vanished.empty())
        line(fmt::format("vanished {}", fmt::join(actions.vanished, " ")));
    if (actions.send) line((actions.send->is_watch ? "watch " : "list ") + actions.send->target);
}

std::vector<std::string> Player::play(const std::vector<std::string>& script) {
    std::vector<std::string> comments;  // on the input that follows
    for (const std::string& line : script) {
        std::istringstream in(line);
        const Words words{std::istream_iterator<std::string>(in), {}};
        if (words.empty() || line.starts_with('#')) {
            comments.push_back(line);
            continue;
        }
        if (line.starts_with(' ')) continue;  // an expectation
        const Instant now = parse_seconds(words.at(0));
        for (int i = 0; i < 1000 && reflector_.next_deadline() <= now; ++i) {
            if (!reflector_.next_deadline()) break;
            const Instant deadline = *reflector_.next_deadline();
            record(reflector_.on_timer(deadline), deadline);
        }
        lines_.insert(lines_.end(), comments.begin(), comments.end());
        comments.clear();
        lines_.push_back(line);
        const std::string error_before = reflector_.last_error();
        record(perform(words, now), now);
        if (reflector_.last_error() != error_before)
            lines_.push_back(
                fmt::format("  {} error {}", seconds(now),
                            reflector_.last_error().empty() ? "(over)" : reflector_.last_error()));
    }
    return lines_;
}

class ReflectorTranscript : public testing::TestWithParam<std::string> {};

TEST_P(ReflectorTranscript, IsFollowedLineByLine) {
    const auto path = std::filesystem::path(TRIVET_SOURCE_DIR) / "tests/cloud/testdata" /
                      ("reflector_" + GetParam() + ".txt");
    const auto expected = test::read_transcript(path);
    ASSERT_FALSE(expected.empty()) << path;
    test::expect_transcript(path, expected, Player().play(expected));
}

INSTANTIATE_TEST_SUITE_P(Stories, ReflectorTranscript,
                         testing::Values("list_and_watch", "pages", "expired", "refused",
                                         "future_version", "closed", "lost", "nonsense"),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace trivet::cloud
