// Which histories the checker accepts: one named picture for each rule (diagram.hpp tells how to
// read them), and what it says about those that it refuses.
#include "tests/support/linearizability.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/linearizability/diagram.hpp"

namespace trivet::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Picture {
    const char* name;
    const char* drawing;
};

class Accepted : public testing::TestWithParam<Picture> {};
class Refused : public testing::TestWithParam<Picture> {};

TEST_P(Accepted, IsLinearizable) {
    const Verdict verdict = check_linearizable(drawn(GetParam().drawing));
    EXPECT_EQ(verdict.outcome, Outcome::linearizable) << verdict.explanation;
}

TEST_P(Refused, IsViolated) {
    const Verdict verdict = check_linearizable(drawn(GetParam().drawing));
    EXPECT_EQ(verdict.outcome, Outcome::violated);
    EXPECT_FALSE(verdict.stuck.empty());
}

std::string name_of(const testing::TestParamInfo<Picture>& info) { return info.param.name; }

constexpr Picture good[] = {
    {"Empty", ""},
    {"NothingBeforeTheFirstWrite", "r_ w1 r1"},
    {"OneAfterTheOther", "w1 r1 w2 r2"},
    {"ReadDuringAWriteSeesTheOldValue",
     "w1  w2......\n"
     "      r1"},
    {"ReadDuringAWriteSeesTheNewValue",
     "w1  w2......\n"
     "      r2"},
    {"WritesAtOnceInEitherOrder",
     "w1...\n"
     "w2...\n"
     "      r1"},
    {"LaterCallTakesEffectFirst",
     "w1.........\n"
     "  w2..\n"
     "            r1"},
    {"ReturnAndCallAtOneMomentOverlap",
     "w1\n"
     " r_"},
    {"CompareAndSetInAChain", "w1 c12 c23 r3"},
    {"CompareAndSetFromNothing", "c_1 r1"},
    {"RefusedCompareAndSet", "w1 c23! r1"},
    {"RefusedCompareAndSetTells", "w1 c23!1 r1"},
    {"RefusedBetweenTwoWrites",
     "w1  w2....\n"
     "    c12!.."},
    {"OneCreateWins",
     "+1....\n"
     "+2!1.\n"
     "       r1"},
    {"CreateAfterRemove", "+1 x +2 r2"},
    {"RefusedRemove", "x! +1 x=1 x!"},
    {"WriteOfNothingRemoves", "w1 w_ r_ +2"},
    {"ServerChooses", "+=7 r7 +1!7"},
    {"FailedReadsAndWritesTellNothing", "w1 w2! r7! r1"},
    {"UnknownWriteSeenLater",
     "w1 w2?\n"
     "          r1  r1  r2  r2"},
    {"UnknownWriteNeverSeen",
     "w1 w2?\n"
     "          r1  r1  r1"},
    {"UnknownWriteAfterAnotherWrite",
     "w1 w2?\n"
     "          w3  r3  r2"},
    {"UnknownReadTellsNothing", "w1 r7?"},
    {"UnknownCompareAndSetWaitsForItsValue",
     "c12?\n"
     "      r_  w1 r1 r2"},
    {"UnknownCreateOrNot",
     "+1?\n"
     "     +2  r2"},
    {"UnknownCreateDidIt",
     "+1?\n"
     "     +2!1  r1"},
    {"UnknownRemove",
     "w1 x?\n"
     "         r1 r_ w2 r2"},
    {"UnknownChoiceIsFoundOut",
     "+?\n"
     "   +1! r7 r7 c78 r8"},
    {"UnknownChoiceIsNotWhatWasRefused",
     "+?\n"
     "   c12! r3"},
    {"ChainOfUnknownOutcomes",
     "w1?\nc12?\nc23?\n"
     "      r3"},
};

constexpr Picture bad[] = {
    {"StaleRead",
     "w1 w2\n"
     "      r1"},
    {"ReadOfNothingAfterAWrite", "w1 r_"},
    {"LostWrite",
     "w1  w2\n"
     "   w3...\n"
     "          r1"},
    {"ValueNeverWritten", "w1 r2"},
    {"ValueReadBeforeItIsWritten", "r1 w1"},
    {"ReadsGoBack",
     "w1  w2..........\n"
     "       r2  r1"},
    {"TwoReadersDisagreeOnTheOrder",
     "w1.\n"
     "w2.\n"
     "    r1 r2"},
    {"TwoCreates",
     "+1\n"
     "   +2"},
    {"TwoCreatesAtOnce",
     "+1...\n"
     "+2..."},
    {"BothCompareAndSet",
     "w1  c12..\n"
     "    c13.."},
    {"CompareAndSetOfAnotherValue", "w1 c23"},
    {"RefusedThoughTheValueWasHeld", "w1 c12!"},
    {"RefusedAndTellsAnotherValue", "w1 c23!4"},
    {"RefusedCreateOfNothing", "+1!"},
    {"RefusedCreateTellsAnotherValue", "+1 +2!3"},
    {"CreateTellsAnotherValueThanAsked", "+1=2"},
    {"RemoveOfNothing", "x"},
    {"RemoveTellsAnotherValue", "w1 x=2"},
    {"RefusedRemoveOfSomething", "w1 x!"},
    {"TwoRemoves",
     "w1  x..\n"
     "    x.."},
    {"ReadAfterRemove", "w1 x r1"},
    {"RefusedCompareAndSetTookEffect", "w1 c23! r3"},
    {"FailedWriteTookEffect", "w1 w2! r2"},
    {"UnknownWriteSeenAndThenNot",
     "w1 w2?\n"
     "          r2  r1"},
    {"UnknownWriteSeenTwiceWithAnotherBetween",
     "w1 w2?\n"
     "          r2 w3 r3 r2"},
    {"UnknownWriteSeenBeforeItsCall",
     "w1     w2?\n"
     "    r2"},
    {"UnknownCompareAndSetWithoutItsValue",
     "w3 c12?\n"
     "         r2"},
    {"UnknownCreateOverAValue",
     "+2 +1?\n"
     "         r2 r1"},
    {"UnknownRemoveUsedTwice",
     "w1 x?\n"
     "         r_ w2 r2 r_"},
    {"UnknownChoiceIsOneValue",
     "+?\n"
     "   r7 r8"},
    {"UnknownChoiceIsWhatWasRefused",
     "+?\n"
     "   +1! c12! r1"},
    {"UnknownChoiceIsSomething",
     "+?\n"
     "   r7 r_"},
};

INSTANTIATE_TEST_SUITE_P(Linearizability, Accepted, testing::ValuesIn(good), name_of);
INSTANTIATE_TEST_SUITE_P(Linearizability, Refused, testing::ValuesIn(bad), name_of);

TEST(Linearizability, KeysAreIndependent) {
    History history = drawn("w1 r1", "a");
    std::ranges::copy(drawn("r_ w2 r2", "b"), std::back_inserter(history));
    EXPECT_EQ(check_linearizable(history).outcome, Outcome::linearizable);
}

TEST(Linearizability, OrderInTheHistoryIsOfNoMeaning) {
    History history = drawn("w1 w2 r2 c23 r3");
    std::ranges::reverse(history);
    EXPECT_EQ(check_linearizable(history).outcome, Outcome::linearizable);
}

TEST(Linearizability, ViolationNamesKeyPrefixAndWhatIsStuck) {
    History history = drawn("w1 r1", "a");
    std::ranges::copy(drawn("w1 w2 r1", "b"), std::back_inserter(history));
    const Verdict verdict = check_linearizable(history);
    EXPECT_EQ(verdict.outcome, Outcome::violated);
    EXPECT_EQ(verdict.key, "b");
    EXPECT_THAT(verdict.longest_order, ElementsAre(2, 3));
    EXPECT_THAT(verdict.stuck, ElementsAre(4));
    EXPECT_EQ(verdict.explanation,
              "key \"b\": no order of its operations explains their answers\n"
              "the longest order that can be followed has 2 operations:\n"
              "  process 1: write \"1\" [0, 1]\n"
              "  process 1: write \"2\" [3, 4]\n"
              "then the key holds a value that no answer tells, and none of these can come next:\n"
              "  process 1: read found \"1\" [6, 7]\n");
}

TEST(Linearizability, ExplanationIsShort) {
    History history;
    for (std::int64_t i = 0; i < 100; ++i)
        history.push_back({.kind = OperationKind::write,
                           .value = std::to_string(i),
                           .invoked = 2 * i,
                           .returned = 2 * i + 1});
    history.push_back({.output = "7", .invoked = 300, .returned = 301});
    const std::string text = check_linearizable(history).explanation;
    EXPECT_THAT(text, HasSubstr("has 100 operations; after the first 90 come\n"));
    EXPECT_EQ(std::ranges::count(text, '\n'), 14);
}

TEST(Linearizability, LimitIsUndecidedAndNeverLinearizable) {
    const History history = drawn("w1 w2 w3 r3");
    EXPECT_EQ(check_linearizable(history, {.states_max = 4}).outcome, Outcome::linearizable);
    const Verdict verdict = check_linearizable(history, {.states_max = 3});
    EXPECT_EQ(verdict.outcome, Outcome::undecided);
    EXPECT_EQ(verdict.key, "k");
    EXPECT_THAT(verdict.explanation, HasSubstr("undecided after 3 states"));
    EXPECT_THAT(verdict.stuck, IsEmpty());
}

TEST(Linearizability, ViolationOutweighsUndecided) {
    History history = drawn("w1 w2 w3 r3", "a");
    std::ranges::copy(drawn("r1", "b"), std::back_inserter(history));
    const Verdict verdict = check_linearizable(history, {.states_max = 3});
    EXPECT_EQ(verdict.outcome, Outcome::violated);
    EXPECT_EQ(verdict.key, "b");
}

}  // namespace
}  // namespace trivet::test
