#include "daemon/interface_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant start{100s};

NodeInterface interface(const std::string& name, const std::vector<std::string>& prefixes,
                        std::uint8_t mac = 1) {
    NodeInterface made{.name = name, .mac = MacAddress{{2, 0, 0, 0, 0, mac}}};
    for (const std::string& prefix : prefixes)
        made.prefixes.push_back(Prefix::parse(prefix).value());
    return made;
}

TEST(InterfaceReport, TellsNothingBeforeItKnows) { EXPECT_FALSE(InterfaceReport().told()); }

TEST(InterfaceReport, BelievesTheFirstAtOnceAlsoWhenThereAreNone) {
    InterfaceReport report;
    report.see({}, start);
    ASSERT_TRUE(report.told());
    EXPECT_THAT(*report.told(), IsEmpty());
    EXPECT_FALSE(report.next_deadline());
}

TEST(InterfaceReport, WhatIsLostIsToldAtOnce) {
    InterfaceReport report;
    report.see({interface("a", {"10.0.0.0/24", "10.1.0.0/24"}), interface("b", {})}, start);
    report.see({interface("a", {"10.1.0.0/24"})}, start + 1s);
    EXPECT_THAT(*report.told(), ElementsAre(interface("a", {"10.1.0.0/24"})));
    EXPECT_FALSE(report.next_deadline());
}

TEST(InterfaceReport, WhatComesBackIsToldWhenItHasStoodForAWhile) {
    InterfaceReport report;
    report.see({interface("a", {"10.0.0.0/24"})}, start);
    report.see({}, start + 1s);
    report.see({interface("a", {"10.0.0.0/24"})}, start + 2s);
    EXPECT_THAT(*report.told(), IsEmpty());
    EXPECT_EQ(report.next_deadline(), start + 4s);
    report.on_time(start + 3s);
    EXPECT_THAT(*report.told(), IsEmpty());
    report.on_time(start + 4s);
    EXPECT_THAT(*report.told(), ElementsAre(interface("a", {"10.0.0.0/24"})));
    EXPECT_FALSE(report.next_deadline());
}

TEST(InterfaceReport, ALinkThatGoesUpAndDownIsNotToldAgain) {
    InterfaceReport report;
    report.see({interface("a", {})}, start);
    for (int i = 0; i < 10; ++i) {
        report.see({}, start + i * 1s);
        report.see({interface("a", {})}, start + i * 1s + 500ms);
        report.on_time(start + i * 1s + 900ms);
        EXPECT_THAT(*report.told(), IsEmpty());
    }
}

TEST(InterfaceReport, AnotherMacIsToldAtOnce) {
    InterfaceReport report;
    report.see({interface("a", {}, 1)}, start);
    report.see({interface("a", {}, 2)}, start + 1s);
    EXPECT_THAT(*report.told(), ElementsAre(interface("a", {}, 2)));
    EXPECT_FALSE(report.next_deadline());
}

}  // namespace
}  // namespace trivet::daemon
