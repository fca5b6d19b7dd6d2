#include "tests/core/state_script.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/core/state_fixture.hpp"

namespace trivet::test {

namespace {

std::string_view name_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::conflict:
            return "conflict";
        default:
            return "another error";
    }
}

/// The first word of `text`, which is cut off.
std::string word(std::string& text) {
    const std::size_t start = text.find_first_not_of(' ');
    if (start == std::string::npos) return text = "";
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string first = text.substr(start, end - start);
    text.erase(0, std::min(end + 1, text.size()));
    return first;
}

class Script {
public:
    void step(std::string line) {
        SCOPED_TRACE(line);
        std::string rest = line;
        const std::string verb = word(rest);
        if (verb == "has") return check_addresses(rest);
        if (verb == "content") return check_reason(word(rest), "");
        if (verb == "use") return check_use(rest);
        if (verb == "deadline") return check_deadline(word(rest));
        if (verb == "waits") {
            const std::string name = word(rest);
            return check_reason(name, rest);
        }
        if (verb == "no") return check_refusal(rest);
        const auto result = command(line);
        EXPECT_TRUE(result) << result.error().field << ": " << result.error().message;
        check_restore();
    }

private:
    static ObjectKey key_of_text(const std::string& noun, const std::string& text) {
        const std::string full_noun = noun == "l2" ? "l2-advertisement" : noun;
        ObjectKey key{kind_from_string(full_noun).value(), "", text};
        if (key.kind != Kind::vip) return key;
        const std::size_t slash = text.find('/');
        key.name_space = slash == std::string::npos ? "default" : text.substr(0, slash);
        key.name = slash == std::string::npos ? text : text.substr(slash + 1);
        return key;
    }

    Result<void> command(std::string text) {
        std::string rest = text;
        std::string verb = word(rest);
        const bool force = verb == "force";
        if (force) verb = word(rest);
        if (verb == "at") {
            fixture_.at(std::stoll(rest));
            return fixture_.tick().result;
        }
        if (verb == "delete") {
            const std::string noun = word(rest);
            return fixture_.apply({DeleteObject{key_of_text(noun, word(rest)), force}}).result;
        }
        const ObjectKey key = key_of_text(verb, word(rest));
        std::string fields = "{\"name\": \"" + key.name + "\"";
        if (key.kind == Kind::vip) fields += ", \"namespace\": \"" + key.name_space + "\"";
        auto object =
            object_from_json(key.kind, json_of(fields + (rest.empty() ? "" : ", ") + rest + "}"));
        if (!object) return fail(object.error());
        return fixture_.apply({PutObject{*object, PutMode::create_or_replace, force, {}}}).result;
    }

    const VipRecord& record(const std::string& name) {
        const ObjectKey key = key_of_text("vip", name);
        return fixture_.record(key.name, key.name_space);
    }

    void check_addresses(std::string rest) {
        const VipRecord& vip = record(word(rest));
        std::string list;
        for (const IpAddress address : vip.assigned)
            list += (list.empty() ? "" : " ") + address.to_string();
        EXPECT_EQ(list.empty() ? "-" : list, rest);
        EXPECT_EQ(vip.pending(), rest == "-");
        for (const IpAddress address : vip.assigned) {
            const auto holders = fixture_.state.holders(address);
            EXPECT_NE(std::ranges::find(holders, &vip), holders.end());
        }
    }

    void check_reason(const std::string& name, const std::string& text) {
        const std::string& reason = record(name).pending_reason;
        if (text.empty())
            EXPECT_EQ(reason, "");
        else
            EXPECT_NE(reason.find(text), std::string::npos) << reason;
    }

    void check_use(std::string rest) {
        const PoolUse use = fixture_.state.pool_use(word(rest));
        std::ostringstream text;
        text << use.total << " " << use.assigned << " " << use.cooling;
        EXPECT_EQ(text.str(), rest);
    }

    void check_deadline(const std::string& text) {
        const auto deadline = fixture_.state.next_deadline();
        EXPECT_EQ(deadline ? std::to_string(deadline->time_since_epoch().count() / 1000) : "-",
                  text);
    }

    void check_refusal(const std::string& rest) {
        const std::size_t first = rest.find('|');
        const std::size_t second = rest.find('|', first + 1);
        ASSERT_NE(second, std::string::npos) << "no CODE|TEXT| STEP";
        const std::string before = rows_but_time();
        const std::size_t events = fixture_.events.size();
        const auto result = command(rest.substr(second + 1));
        ASSERT_FALSE(result);
        EXPECT_EQ(name_of(result.error().code), rest.substr(0, first));
        EXPECT_NE(result.error().message.find(rest.substr(first + 1, second - first - 1)),
                  std::string::npos)
            << result.error().message;
        EXPECT_EQ(rows_but_time(), before) << "a refused command changed something";
        EXPECT_EQ(fixture_.events.size(), events);
        check_restore();
    }

    std::string rows_but_time() const {
        std::string text;
        for (const auto& [key, value] : fixture_.rows)
            if (key != "meta/time") text += key + "=" + value + "\n";
        return text;
    }

    void check_restore() {
        const auto rows = fixture_.saved();
        const auto restored = ClusterState::restore(rows, LogIndex(fixture_.index()));
        ASSERT_TRUE(restored) << restored.error().message;
        EXPECT_EQ(picture(*restored, rows), picture(fixture_.state, rows));
        for (const StateRow& row : rows)
            EXPECT_EQ(fixture_.state.row(row.key), row.value) << row.key;
    }

    StateFixture fixture_;
};

}  // namespace

void run_script(std::string_view text) {
    Script script;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t start = line.find_first_not_of(' ');
        if (start == std::string::npos || line[start] == '#') continue;
        script.step(line.substr(start));
        if (testing::Test::HasFatalFailure()) return;
    }
}

std::vector<Rule> rules_of(const std::string& file) {
    std::ifstream lines(TRIVET_SOURCE_DIR "/tests/core/testdata/" + file);
    std::vector<Rule> rules;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("== "))
            rules.push_back({line.substr(3), {}});
        else if (!rules.empty())
            rules.back().script += line + "\n";
    }
    if (rules.empty()) throw std::runtime_error("no rules in " + file);
    return rules;
}

}  // namespace trivet::test
