#include "cli/selector_text.hpp"

#include <ostream>

#include <gmock/gmock.h>

namespace trivet::cli {
namespace {

using nlohmann::json;

struct Case {
    const char* name;
    const char* text;
    const char* json;     // null: refused
    const char* written;  // as it is shown
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class SelectorText : public testing::TestWithParam<Case> {};

TEST_P(SelectorText, MeansWhatKubectlMeans) {
    const auto read = selector_from_text(GetParam().text);
    ASSERT_EQ(read.has_value(), GetParam().json != nullptr);
    if (!read) return;
    EXPECT_EQ(*read, json::parse(GetParam().json));
    EXPECT_EQ(selector_to_text(*read), GetParam().written);
}

INSTANTIATE_TEST_SUITE_P(
    All, SelectorText,
    testing::Values(
        Case{"Equal", "rack=a", R"({"match_labels": {"rack": "a"}, "match_expressions": []})",
             "rack=a"},
        Case{"DoubleEqual", "rack == a", R"({"match_labels": {"rack": "a"},
             "match_expressions": []})",
             "rack=a"},
        Case{"NotEqual", "rack!=a", R"({"match_labels": {}, "match_expressions":
             [{"key": "rack", "operator": "not_in", "values": ["a"]}]})",
             "rack!=a"},
        Case{"In", "rack in (a, b)", R"({"match_labels": {}, "match_expressions":
             [{"key": "rack", "operator": "in", "values": ["a", "b"]}]})",
             "rack in (a,b)"},
        Case{"NotIn", "rack notin (a,b)", R"({"match_labels": {}, "match_expressions":
             [{"key": "rack", "operator": "not_in", "values": ["a", "b"]}]})",
             "rack notin (a,b)"},
        Case{"Exists", "gpu", R"({"match_labels": {}, "match_expressions":
             [{"key": "gpu", "operator": "exists", "values": []}]})",
             "gpu"},
        Case{"Absent", "!gpu", R"({"match_labels": {}, "match_expressions":
             [{"key": "gpu", "operator": "does_not_exist", "values": []}]})",
             "!gpu"},
        Case{"Several", "a=1,b in (x,y),!c", R"({"match_labels": {"a": "1"}, "match_expressions":
             [{"key": "b", "operator": "in", "values": ["x", "y"]},
              {"key": "c", "operator": "does_not_exist", "values": []}]})",
             "a=1,b in (x,y),!c"},
        Case{"Everything", "", R"({"match_labels": {}, "match_expressions": []})", "(everything)"},
        Case{"EmptyValue", "a=", R"({"match_labels": {"a": ""}, "match_expressions": []})", "a="},
        Case{"KeyWithSlash", "kubernetes.io/hostname=n1",
             R"({"match_labels": {"kubernetes.io/hostname": "n1"}, "match_expressions": []})",
             "kubernetes.io/hostname=n1"},
        Case{"NoKey", "=a", nullptr, ""}, Case{"NoWord", "a in", nullptr, ""},
        Case{"UnknownWord", "a within (b)", nullptr, ""}, Case{"OnlyComma", "a,,b", nullptr, ""},
        Case{"OpenParenthesis", "a in (b", nullptr, ""}),
    [](const auto& test) { return test.param.name; });

TEST(SelectorText, WhatItMakesPassesTheCodec) {
    json pool{{"name", "lan"}, {"addresses", {"10.0.0.1"}}};
    pool["vip_selectors"] =
        json::array({*selector_from_text("a=1,b in (x,y),c notin (z),d!=w,e,!f")});
    const auto read = object_from_json(Kind::pool, pool);
    EXPECT_TRUE(read) << read.error().message;
}

}  // namespace
}  // namespace trivet::cli
