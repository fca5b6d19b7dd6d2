// Histories as lines of JSON, and the program that system tests run over them.
#include "tests/support/check_history.hpp"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/linearizability/diagram.hpp"
#include "tests/support/history_json.hpp"

namespace trivet::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string lines_of(const History& history) {
    std::string lines;
    for (const Operation& operation : history) lines += to_json_line(operation) + "\n";
    return lines;
}

TEST(HistoryJson, ReadsWhatItWrites) {
    const History history = drawn(
        "r1 r_ w1 w_ c12 c_2! c12!3 +1 +1! +1!2 +=1 x x! x=1\n"
        "w1? c12? +1? +? x?");
    const auto read = parse_history(lines_of(history));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, history);
}

TEST(HistoryJson, LineIsAsDocumented) {
    EXPECT_EQ(to_json_line(drawn("c12?")[0]),
              R"({"process":1,"key":"k","kind":"compare_and_set","expected":"1","value":"2",)"
              R"("invoked":0,"returned":null})");
    EXPECT_EQ(to_json_line(drawn(" +1!2")[0]),
              R"({"process":1,"key":"k","kind":"create","value":"1","output":"2","invoked":1,)"
              R"("returned":4,"succeeded":false})");
}

TEST(HistoryJson, EmptyLinesArePassedOver) {
    EXPECT_EQ(parse_history("\n \r\n" + lines_of(drawn("w1")) + "\n")->size(), 1);
    EXPECT_THAT(*parse_history(""), IsEmpty());
}

struct BadLine {
    const char* name;
    const char* line;
    const char* message;
};

class HistoryJsonRefuses : public testing::TestWithParam<BadLine> {};

TEST_P(HistoryJsonRefuses, NamingTheLine) {
    const auto read = parse_history(lines_of(drawn("w1")) + GetParam().line);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read.error().message, std::string("line 2: ") + GetParam().message);
}

constexpr BadLine bad_lines[] = {
    {"NoJson", "{", "not a JSON object"},
    {"NoObject", "[1]", "not a JSON object"},
    {"NoProcess", R"({"key":"k","kind":"x","invoked":1,"returned":2})", R"("process" is missing)"},
    {"NoKey", R"({"process":1,"kind":"remove","invoked":1,"returned":2})", R"("key" is missing)"},
    {"NoReturned", R"({"process":1,"key":"k","kind":"remove","invoked":1})",
     R"("returned" is missing)"},
    {"NullInvoked", R"({"process":1,"key":"k","kind":"remove","invoked":null,"returned":2})",
     R"("invoked" is null)"},
    {"FractionInvoked", R"({"process":1,"key":"k","kind":"remove","invoked":1.5,"returned":2})",
     R"("invoked" is not a whole number of 64 bits)"},
    {"HugeInvoked",
     R"({"process":1,"key":"k","kind":"remove","invoked":9223372036854775808,"returned":null})",
     R"("invoked" is not a whole number of 64 bits)"},
    {"ReturnedFirst", R"({"process":1,"key":"k","kind":"remove","invoked":3,"returned":2})",
     R"("returned" is before "invoked")"},
    {"UnknownKind", R"({"process":1,"key":"k","kind":"cas","invoked":1,"returned":2})",
     R"("kind" is "cas"; it is read, write, compare_and_set, create or remove)"},
    {"MisspeltField",
     R"({"process":1,"key":"k","kind":"create","vale":"1","invoked":1,"returned":2})",
     R"(no field is named "vale")"},
    {"NumberAsValue",
     R"({"process":1,"key":"k","kind":"write","value":1,"invoked":1,"returned":2})",
     R"("value" is neither a string nor null)"},
    {"WriteOfWhat", R"({"process":1,"key":"k","kind":"write","invoked":1,"returned":2})",
     R"("value" is missing)"},
    {"ReadOfWhat", R"({"process":1,"key":"k","kind":"read","invoked":1,"returned":2})",
     R"("output" is missing)"},
    {"CompareWithWhat",
     R"({"process":1,"key":"k","kind":"compare_and_set","value":"1","invoked":1,"returned":2})",
     R"("expected" is missing)"},
    {"SucceededAsText",
     R"({"process":1,"key":"k","kind":"remove","invoked":1,"returned":2,"succeeded":"no"})",
     R"("succeeded" is neither true nor false)"},
};

INSTANTIATE_TEST_SUITE_P(Lines, HistoryJsonRefuses, testing::ValuesIn(bad_lines),
                         [](const auto& row) { return std::string(row.param.name); });

class CheckHistory : public testing::Test {
protected:
    int run(std::vector<std::string> arguments) { return check_history(arguments, out, err); }

    std::string file(const std::string& lines) {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        const std::string path = testing::TempDir() + "/" + test->name() + ".jsonl";
        std::ofstream(path) << lines;
        return path;
    }

    std::ostringstream out;
    std::ostringstream err;
};

TEST_F(CheckHistory, LinearizableIs0AndSilent) {
    EXPECT_EQ(run({file(lines_of(drawn("w1 r1")))}), 0);
    EXPECT_THAT(out.str() + err.str(), IsEmpty());
}

TEST_F(CheckHistory, ViolatedIs1AndExplained) {
    EXPECT_EQ(run({file(lines_of(drawn("w1 r2")))}), 1);
    EXPECT_THAT(out.str(), HasSubstr("process 1: read found \"2\" [3, 4]"));
}

TEST_F(CheckHistory, BadInputIs2) {
    EXPECT_EQ(run({file("{}\n")}), 2);
    EXPECT_THAT(err.str(), HasSubstr("line 1: "));
    EXPECT_EQ(run({"/nowhere/at/all"}), 2);
    EXPECT_THAT(err.str(), HasSubstr("/nowhere/at/all: cannot be read"));
    EXPECT_EQ(run({testing::TempDir()}), 2);
}

TEST_F(CheckHistory, BadUsageIs2) {
    EXPECT_EQ(run({}), 2);
    EXPECT_EQ(run({"--help"}), 2);
    EXPECT_EQ(run({"--states-max", "many", "file"}), 2);
    EXPECT_THAT(err.str(), HasSubstr("usage: check_history"));
}

TEST_F(CheckHistory, UndecidedIs3) {
    EXPECT_EQ(run({"--states-max", "1", file(lines_of(drawn("w1 r1")))}), 3);
    EXPECT_THAT(out.str(), HasSubstr("undecided after 1 states"));
}

}  // namespace
}  // namespace trivet::test
