#include "api/model/yaml.hpp"

#include <ostream>

#include "api/model/yaml_write.hpp"

namespace trivet::model {
namespace {

using nlohmann::json;

json first_document(std::string_view text) {
    const auto parsed = parse_yaml(text);
    EXPECT_TRUE(parsed) << parsed.error().to_string("text");
    if (!parsed || parsed->empty()) return "(no document)";
    return to_json(parsed->front()).value;
}

struct Refused {
    const char* name;
    std::string text;
    Position at;
    const char* message;
};
void PrintTo(const Refused& c, std::ostream* out) { *out << c.name; }

class YamlRefuses : public testing::TestWithParam<Refused> {};

TEST_P(YamlRefuses, WithThePlace) {
    const auto parsed = parse_yaml(GetParam().text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().at, GetParam().at) << parsed.error().to_string("text");
    EXPECT_THAT(parsed.error().message, testing::HasSubstr(GetParam().message));
}

std::string nested(std::size_t depth, const char* open, const char* close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    for (std::size_t i = 0; i < depth; ++i) text += close;
    return text;
}

/// Ten levels that each name the one before ten times: 10^10 values, if anybody wrote them out.
std::string billion_laughs() {
    std::string text = "a0: &a0 [lol]\n";
    for (int i = 1; i <= 10; ++i) {
        text += fmt::format("a{0}: &a{0} [", i);
        for (int j = 0; j < 10; ++j) text += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
        text += "]\n";
    }
    return text;
}

INSTANTIATE_TEST_SUITE_P(
    All, YamlRefuses,
    testing::Values(
        Refused{"DuplicateKey",
                "name: a\nother: b\nname: c\n",
                {3, 1},
                "key 'name' is given twice; it stands already in line 1, column 1"},
        Refused{"DuplicateKeyInFlow", "a: {b: 1, c: 2, b: 3}\n", {1, 17}, "line 1, column 5"},
        Refused{"DuplicateKeyQuotedDifferently", "a: 1\n\"a\": 2\n", {2, 1}, "given twice"},
        Refused{"BadIndentation", "a: 1\n b: 2\n", {1, 4}, "invalid multiline plain key"},
        Refused{"TabAsIndentation", "a:\n\t- b\n", {2, 1}, "tab"},
        Refused{"UnclosedList", "a: [1, 2\n", {2, 1}, "without a closing bracket"},
        Refused{"UnclosedQuote", "a: \"x\n", {1, 5}, "without closing quote"},
        Refused{"TwoValuesOnALine", "a: b: c\n", {1, 5}, "nested block mapping"},
        Refused{"Anchor", "a: &x 1\n", {1, 7}, "anchors"},
        Refused{"Alias", "a: 1\nb: *x\n", {2, 5}, "aliases"},
        Refused{"BillionLaughs", billion_laughs(), {1, 9}, "anchors"},
        Refused{"MergeKey", "a:\n  <<: {b: 1}\n", {2, 3}, "merge keys"},
        Refused{"BlockAsDocument", "--- |\nx  \ny:\n  - z\n", {2, 1}, "indent"},
        Refused{"BlockNotBehindItsKey", "a:\n  b: |\n  *  c:\n    - d\n", {3, 1}, "indent"},
        Refused{"BlockNotBehindItsDash", "a:\n  - |\n  x\n   y\n", {3, 1}, "indent"},
        Refused{"Tag", "a: !!python/object x\n", {1, 20}, "tags"},
        Refused{"LocalTag", "a: !secret x\n", {1, 12}, "tags"},
        Refused{"CollectionAsKey", "? [a, b]\n: c\n", {1, 3}, "single word"},
        Refused{"KeyWithoutText", "? \n: c\n", {1, 1}, "without text"},
        Refused{"TooDeepFlow", nested(33, "[", "]"), {1, 33}, "more than 32 levels"},
        Refused{"MuchTooDeepFlow", nested(100'000, "[", "]"), {1, 33}, "more than 32 levels"},
        Refused{"TooDeepMaps", nested(33, "{a: ", "}"), {1, 129}, "more than 32 levels"},
        Refused{"NoUtf8", "a: 1\nb: \xff\n", {2, 4}, "0xff is no printable UTF-8"},
        Refused{"OverlongUtf8", "a: \xc0\xaf\n", {1, 4}, "0xc0"},
        Refused{"Surrogate", "a: \xed\xa0\x80\n", {1, 4}, "0xed"},
        Refused{"Utf16", std::string("\xff\xfe\x61\x00", 4), {1, 1}, "save the file as UTF-8"},
        Refused{"NulByte", std::string("a: b\0c\n", 7), {1, 5}, "0x00"},
        Refused{"CarriageReturnAlone", "a: b\rc: d\n", {1, 5}, "with LF"},
        Refused{"ControlCharacter", "a: \x1b[31m\n", {1, 4}, "0x1b"},
        Refused{"EscapeOfASurrogate", "a: \"\\ud800\"\n", {1, 5}, "invalid UTF8 escape"}),
    [](const auto& test) { return test.param.name; });

TEST(YamlLimits, EachIsNamed) {
    YamlLimits limits;
    limits.bytes = 10;
    EXPECT_THAT(parse_yaml("a: 0123456789", limits).error().message,
                testing::HasSubstr("13 bytes are more than 10"));
    limits = {};
    limits.documents = 2;
    EXPECT_TRUE(parse_yaml("--- 1\n--- 2\n", limits));
    EXPECT_THAT(parse_yaml("--- 1\n--- 2\n--- 3\n", limits).error().message,
                testing::HasSubstr("more than 2 documents"));
    limits = {};
    limits.nodes = 3;
    EXPECT_TRUE(parse_yaml("[1, 2]", limits));
    EXPECT_THAT(parse_yaml("[1, 2, 3]", limits).error().message,
                testing::HasSubstr("more than 3 values"));
    EXPECT_TRUE(parse_yaml(nested(32, "[", "]")));
}

struct Scalar {
    const char* name;
    const char* text;
    json value;
};
void PrintTo(const Scalar& c, std::ostream* out) { *out << c.name; }

class YamlScalars : public testing::TestWithParam<Scalar> {};

TEST_P(YamlScalars, AreReadByTheCoreSchema) {  // YAML 1.2 section 10.3.2
    const auto value = first_document(GetParam().text);
    EXPECT_EQ(value, GetParam().value);
    EXPECT_EQ(value.type_name(), std::string_view(GetParam().value.type_name()));
}

INSTANTIATE_TEST_SUITE_P(
    All, YamlScalars,
    testing::Values(
        Scalar{"Word", "web", "web"}, Scalar{"Integer", "80", 80}, Scalar{"Negative", "-3", -3},
        Scalar{"Plus", "+3", 3}, Scalar{"Zero", "0", 0}, Scalar{"LeadingZeros", "010", 10},
        Scalar{"Octal", "0o17", 15}, Scalar{"Hexadecimal", "0xFf", 255},
        Scalar{"HexadecimalWithoutDigits", "0x", "0x"},
        Scalar{"LargestUnsigned", "18446744073709551615", 18446744073709551615ULL},
        Scalar{"BeyondSixtyFourBits", "18446744073709551616", 18446744073709551616.0},
        Scalar{"Float", "1.5", 1.5}, Scalar{"FloatWithoutFraction", "1.", 1.0},
        Scalar{"FloatWithoutWhole", ".5", 0.5}, Scalar{"Exponent", "1e3", 1000.0},
        Scalar{"True", "true", true}, Scalar{"TrueUpper", "TRUE", true},
        Scalar{"False", "False", false}, Scalar{"MixedCaseIsAWord", "tRue", "tRue"},
        Scalar{"Tilde", "~", nullptr}, Scalar{"Null", "Null", nullptr},
        Scalar{"YesIsAWord", "yes", "yes"}, Scalar{"OnIsAWord", "on", "on"},
        Scalar{"OffIsAWord", "off", "off"}, Scalar{"NoIsAWord", "no", "no"},
        Scalar{"CommunityIsAWord", "65535:65282", "65535:65282"},
        Scalar{"SexagesimalIsAWord", "1:20", "1:20"},
        Scalar{"AddressIsAWord", "10.0.0.1", "10.0.0.1"},
        Scalar{"RangeIsAWord", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"},
        Scalar{"Ipv6IsAWord", "fd00::1", "fd00::1"},
        Scalar{"PrefixIsAWord", "10.0.0.0/8", "10.0.0.0/8"},
        Scalar{"DateIsAWord", "2001-12-14", "2001-12-14"},
        Scalar{"InfinityIsAWord", ".inf", ".inf"}, Scalar{"NanIsAWord", ".nan", ".nan"},
        Scalar{"LoneDot", ".", "."}, Scalar{"LoneMinusIsAList", "- ", json::array({nullptr})},
        Scalar{"ExponentWithoutDigits", "1e", "1e"}, Scalar{"QuotedNumber", "\"80\"", "80"},
        Scalar{"SingleQuotedTrue", "'true'", "true"}, Scalar{"QuotedNothing", "''", ""},
        Scalar{"Escape", "\"\\u00e9\\t\"", "\u00e9\t"}),
    [](const auto& test) { return test.param.name; });

TEST(Yaml, PlacesOfKeysAndValues) {
    const auto parsed =
        parse_yaml("kind: pool\nports:\n- port: 80\n  protocol: tcp\n- {port: 81}\n");
    ASSERT_TRUE(parsed);
    const auto* map = parsed->front().map();
    ASSERT_NE(map, nullptr);
    EXPECT_EQ(map->find("ports")->at, (Position{2, 1}));
    EXPECT_EQ(map->find("kind")->value.at, (Position{1, 7}));
    const auto located = to_json(parsed->front());
    EXPECT_EQ(located.locate("ports[0].protocol"), (Position{4, 3}));
    EXPECT_EQ(located.locate("ports[1]"), (Position{5, 3}));
    EXPECT_EQ(located.locate("ports[1].port"), (Position{5, 4}));
    // A field that is not in the file: the nearest around it.
    EXPECT_EQ(located.locate("ports[1].protocol"), (Position{5, 3}));
    EXPECT_EQ(located.locate("addresses"), (Position{1, 1}));
}

TEST(Yaml, ColumnsCountCharacters) {
    const auto parsed = parse_yaml("\u00e9\u00e9: [\u00e9, z]\n");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->front().map()->entries[0].value.list()->items[1].at, (Position{1, 9}));
}

TEST(Yaml, AKeyWithoutValueIsNullAtTheKey) {
    const auto parsed = parse_yaml("a: 1\nspec:\nb: 2\n");
    ASSERT_TRUE(parsed);
    const auto* entry = parsed->front().map()->find("spec");
    EXPECT_TRUE(entry->value.is_null());
    EXPECT_EQ(entry->value.at, (Position{2, 1}));
    EXPECT_EQ(entry->value.type_name(), "nothing");
}

TEST(Yaml, DocumentsOfAStream) {
    EXPECT_EQ(parse_yaml("")->size(), 0U);
    EXPECT_EQ(parse_yaml("# only a comment\n")->size(), 0U);
    EXPECT_EQ(parse_yaml("a: 1\n")->size(), 1U);
    const auto parsed = parse_yaml("---\n---\na: 1\n...\n---\nb: 2\n");
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->size(), 3U);
    EXPECT_TRUE((*parsed)[0].is_null());
    EXPECT_EQ((*parsed)[2].map()->entries[0].at, (Position{6, 1}));
}

TEST(Yaml, ReadsJson) {
    const json value{{"items", {{{"kind", "pool"}, {"auto_assign", true}}}}, {"revision", 17}};
    EXPECT_EQ(first_document(value.dump(2)), value);
}

TEST(Yaml, WindowsLineEndsAndByteOrderMark) {
    EXPECT_EQ(first_document("\xef\xbb\xbf"
                             "a: 1\r\nb: x\r\n"),
              (json{{"a", 1}, {"b", "x"}}));
}

TEST(YamlTextBlocks, AreText) {
    EXPECT_EQ(first_document("a: |-\n  80\n"), json({{"a", "80"}}));
    EXPECT_EQ(first_document("a: >-\n  a\n  b\n"), json({{"a", "a b"}}));
    EXPECT_EQ(first_document("--- |\n  x\n    y\n"), json("x\n  y\n"));
    EXPECT_EQ(first_document("- |\n x\n-\n  - |\n   y\n"), json::parse(R"(["x\n", ["y\n"]])"));
    EXPECT_EQ(first_document("a: |\nb: 1\n"), json({{"a", ""}, {"b", 1}}));
    EXPECT_EQ(first_document("a: |+\n\n   \n"), json({{"a", "\n\n"}}));
}

TEST(YamlCheckKeys, NamesPlaceAndSuggestion) {
    const auto parsed = parse_yaml("node: n1\nclustr: {listen: x}\nl2: {nonsense: 1}\n");
    ASSERT_TRUE(parsed);
    const auto errors = check_keys(parsed->front(), {"node", "cluster", "l2"});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].to_string("lbd.yaml"),
              "lbd.yaml:2:1: unknown key 'clustr'; did you mean 'cluster'?");
    const auto inner = check_keys(parsed->front().map()->find("l2")->value, {"interfaces"}, "l2");
    ASSERT_EQ(inner.size(), 1U);
    EXPECT_EQ(inner[0].to_string("lbd.yaml"),
              "lbd.yaml:3:6: unknown key 'nonsense' in 'l2'; known are interfaces");
}

Position place_inside(const std::string& text, const char* key) {
    const auto outer = parse_yaml(text);
    EXPECT_TRUE(outer);
    const auto inner = parse_embedded_yaml(outer->front().map()->find("config")->value, text);
    EXPECT_TRUE(inner) << inner.error().to_string("text");
    return inner->front().map()->find(key)->at;
}

TEST(YamlEmbedded, LiteralBlocksKeepTheirPlaces) {
    EXPECT_EQ(place_inside("config: |\n  a: 1\n  b: 2\n", "b"), (Position{3, 3}));
    EXPECT_EQ(place_inside("x: 1\nconfig: |-\n    a: 1\n\n    # note\n    b: 2\n", "b"),
              (Position{6, 5}));
    EXPECT_EQ(place_inside("config: |+2\n\n\n  a: 1\n  b: 2\n\n", "b"), (Position{5, 3}));
    EXPECT_EQ(place_inside("config: |\r\n  a: 1\r\n  b: 2\r\n", "b"), (Position{3, 3}));
}

TEST(YamlEmbedded, OtherStylesPointAtTheScalar) {
    EXPECT_EQ(place_inside("x: 1\nconfig: \"a: 1\\nb: 2\"\n", "b"), (Position{2, 9}));
    EXPECT_EQ(place_inside("config: >\n  a: 1\n\n  b: 2\n", "b").line, 2);
}

TEST(YamlEmbedded, ErrorsAreInTheOuterFile) {
    const std::string text = "data:\nconfig: |\n  a: 1\n  a: 2\n";
    const auto outer = parse_yaml(text);
    const auto inner = parse_embedded_yaml(outer->front().map()->find("config")->value, text);
    ASSERT_FALSE(inner);
    EXPECT_EQ(inner.error().at, (Position{4, 3}));
    const std::string quoted = "config: \"a: 1\\na: 2\"\n";
    const auto folded = parse_yaml(quoted);
    const auto refused = parse_embedded_yaml(folded->front().map()->find("config")->value, quoted);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().at, (Position{1, 9}));
    EXPECT_THAT(refused.error().message, testing::HasSubstr("(line 2 of this text)"));
}

TEST(YamlWrite, ReadsBackTheSame) {
    const std::vector<json> values{
        json::object(),
        json::array(),
        nullptr,
        1,
        -1,
        1.5,
        true,
        "",
        "web",
        "yes",
        "on",
        "null",
        "~",
        "80",
        "65535:65282",
        "1:20",
        "10.0.0.0/8",
        "10.0.0.1-10.0.0.9",
        "1.5",
        "0x1f",
        "fd00::1",
        "a: b",
        "a #b",
        "- x",
        "#x",
        "line\nbreak",
        "tab\tinside",
        " space ",
        "quote\"'s",
        "\x7f",
        "\u00e9",
        "\u0085",
        "\u2028",
        "\ufeff",
        "\U0001f600",
        "@at",
        "%x",
        "&x",
        "*x",
        "!x",
        "|",
        ">",
        "{",
        "[",
        "?",
        "=",
        "<<",
        "---",
        json{{"a", json::array()}, {"b", json::object()}, {"c", nullptr}},
        json{{"ports", {{{"port", 80}, {"protocol", "tcp"}}, {{"port", 81}}}}},
        json{{"deep", {{"er", {json::array({1, json::array({2, 3})}), {{"x", {{"y", 1}}}}}}}}},
        json{{"yes", 1}, {"80", 2}, {"kubernetes.io/hostname", "n1"}, {"", 3}},
    };
    for (const auto& value : values) {
        const auto text = to_yaml(value);
        EXPECT_EQ(first_document(text), value) << text;
    }
}

TEST(YamlWrite, LooksLikeWhatPeopleWrite) {
    const json pool{{"name", "lan"},
                    {"kind", "pool"},
                    {"addresses", {"10.0.0.1-10.0.0.9", "fd00::/120"}},
                    {"labels", json::object()},
                    {"vip_selectors", {{{"match_labels", {{"app", "yes"}}}}}}};
    EXPECT_EQ(to_yaml(pool, {"kind", "name"}),
              "kind: pool\n"
              "name: lan\n"
              "addresses:\n"
              "- 10.0.0.1-10.0.0.9\n"
              "- \"fd00::/120\"\n"
              "labels: {}\n"
              "vip_selectors:\n"
              "- match_labels:\n"
              "    app: \"yes\"\n");
}

}  // namespace
}  // namespace trivet::model
