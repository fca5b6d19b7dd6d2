#include "cli/durable_file.hpp"

#include <filesystem>

#include <gmock/gmock.h>

namespace trivet::cli {
namespace {

TEST(DurableFile, NeverReplacesWhatAppearedMeanwhile) {
    const auto path = testing::TempDir() + "durable_file_test";
    std::filesystem::remove(path);
    ASSERT_TRUE(check_is_free(path));
    ASSERT_TRUE(write_durably(path, "first", Overwrite::no));
    const auto refused = write_durably(path, "second", Overwrite::no);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ExitCode::conflict);
    EXPECT_EQ(read_whole(path, 100).value(), "first");
    EXPECT_FALSE(check_is_free(path));
    ASSERT_TRUE(write_durably(path, "third", Overwrite::yes));
    EXPECT_EQ(read_whole(path, 100).value(), "third");
    EXPECT_EQ(read_whole(path, 4).error().code, ExitCode::failure) << "more than it may have";
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace trivet::cli
