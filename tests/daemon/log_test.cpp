#include "daemon/log.hpp"

#include <gtest/gtest.h>

namespace trivet::daemon {
namespace {

TEST(Logfmt, PlainValuesStayPlain) {
    EXPECT_EQ(logfmt(LogLevel::info, "ready", {{"node", "n1"}, {"vip", "default/web"}}),
              "level=info msg=ready node=n1 vip=default/web");
}

TEST(Logfmt, OneEventIsOneLineWhateverItHolds) {
    EXPECT_EQ(logfmt(LogLevel::error, "it failed",
                     {{"reason", "a \"b\"\nlevel=info\x01"}, {"empty", ""}}),
              "level=error msg=\"it failed\" reason=\"a \\\"b\\\"\\nlevel=info\\x01\" empty=\"\"");
}

TEST(Journal, FieldNamesAreUpperCaseAndPrefixed) {
    EXPECT_EQ(journal_field("last_applied"), "TRIVET_LAST_APPLIED");
    EXPECT_EQ(journal_field("a-b 1"), "TRIVET_A_B_1");
}

}  // namespace
}  // namespace trivet::daemon
