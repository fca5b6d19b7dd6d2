#include "core/label_selector.hpp"

#include <gtest/gtest.h>

#include "tests/core/test_objects.hpp"

namespace trivet {
namespace {

struct MatchCase {
    const char* name;
    LabelSelector selector;
    Labels labels;
    bool matches;
};

void PrintTo(const MatchCase& c, std::ostream* out) { *out << c.name; }

LabelSelector one(LabelOperator op, std::vector<std::string> values = {}) {
    return {{}, {{"tier", op, std::move(values)}}};
}

class Selector : public testing::TestWithParam<MatchCase> {};

TEST_P(Selector, MatchesAsKubernetesDoes) {
    EXPECT_EQ(GetParam().selector.matches(GetParam().labels), GetParam().matches);
}

INSTANTIATE_TEST_SUITE_P(
    All, Selector,
    testing::Values(
        MatchCase{"EmptyMatchesEverything", {}, {}, true},
        MatchCase{"LabelEqual", {{{"app", "web"}}, {}}, {{"app", "web"}, {"x", "y"}}, true},
        MatchCase{"LabelDiffers", {{{"app", "web"}}, {}}, {{"app", "dns"}}, false},
        MatchCase{"LabelAbsent", {{{"app", "web"}}, {}}, {}, false},
        MatchCase{
            "EveryLabelMustHold", {{{"app", "web"}, {"x", "y"}}, {}}, {{"app", "web"}}, false},
        MatchCase{"InHits", one(LabelOperator::in, {"a", "b"}), {{"tier", "b"}}, true},
        MatchCase{"InMisses", one(LabelOperator::in, {"a"}), {{"tier", "b"}}, false},
        MatchCase{"InAbsent", one(LabelOperator::in, {"a"}), {}, false},
        MatchCase{"NotInHits", one(LabelOperator::not_in, {"a"}), {{"tier", "b"}}, true},
        MatchCase{"NotInMisses", one(LabelOperator::not_in, {"a"}), {{"tier", "a"}}, false},
        MatchCase{"NotInMatchesWhereAbsent", one(LabelOperator::not_in, {"a"}), {}, true},
        MatchCase{"ExistsHits", one(LabelOperator::exists), {{"tier", ""}}, true},
        MatchCase{"ExistsMisses", one(LabelOperator::exists), {{"other", ""}}, false},
        MatchCase{"DoesNotExistHits", one(LabelOperator::does_not_exist), {}, true},
        MatchCase{"DoesNotExistMisses", one(LabelOperator::does_not_exist), {{"tier", "a"}}, false},
        MatchCase{"LabelsAndExpressionsBothHold",
                  {{{"app", "web"}}, {{"tier", LabelOperator::exists, {}}}},
                  {{"app", "web"}},
                  false}),
    [](const auto& row) { return row.param.name; });

TEST(Selectors, AnEmptyListMatchesNothing) { EXPECT_FALSE(any_matches({}, {{"app", "web"}})); }

TEST(Selectors, OneOfTheListIsEnough) {
    EXPECT_TRUE(any_matches({{{{"app", "dns"}}, {}}, {{{"app", "web"}}, {}}}, {{"app", "web"}}));
}

TEST(LabelSyntax, Keys) {
    for (const char* key : {"app", "a", "kubernetes.io/hostname", "a.b-c/X_y.z-0", "A"})
        EXPECT_TRUE(check_label_key(key)) << key;
    for (const char* key : {"", "/", "a/", "/b", "-a", "a-", "a/b/c", "UPPER.io/x", "a..b/x", "a b",
                            "-a/b", "a-.b/x", "\xc3\xa9"})
        EXPECT_FALSE(check_label_key(key)) << key;
    EXPECT_TRUE(check_label_key(std::string(253, 'p') + "/" + std::string(63, 'n')));
    EXPECT_FALSE(check_label_key(std::string(254, 'p') + "/n"));
    EXPECT_FALSE(check_label_key(std::string(64, 'n')));
}

TEST(LabelSyntax, Values) {
    for (const char* value : {"", "a", "A-b_c.d", "0"}) EXPECT_TRUE(check_label_value(value));
    for (const char* value : {"-", "a-", " ", "a/b", "\n"}) EXPECT_FALSE(check_label_value(value));
    EXPECT_FALSE(check_label_value(std::string(64, 'v')));
}

TEST(LabelSyntax, SelectorValuesFitTheOperator) {
    EXPECT_FALSE(check_selector(one(LabelOperator::in)));
    EXPECT_FALSE(check_selector(one(LabelOperator::not_in)));
    EXPECT_FALSE(check_selector(one(LabelOperator::exists, {"a"})));
    EXPECT_TRUE(check_selector(one(LabelOperator::does_not_exist)));
}

}  // namespace
}  // namespace trivet
