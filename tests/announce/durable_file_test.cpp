#include "announce/durable_file.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace trivet::announce {
namespace {

class DurableFileTest : public testing::Test {
protected:
    test::TemporaryDirectory made_;
    const std::filesystem::path& directory_ = made_.path();
};

TEST_F(DurableFileTest, ReplacesAWholeFileAndItsMode) {
    const auto path = directory_ / "file";
    ASSERT_TRUE(write_durably(path, "first and longer", 0600));
    ASSERT_TRUE(write_durably(path, "second", 0640));
    EXPECT_EQ(*read_file(path, 100), "second");
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST_F(DurableFileTest, IgnoresWhatACrashLeft) {
    const auto path = directory_ / "file";
    ASSERT_TRUE(write_durably(path.string() + ".new", "half of", 0666));
    ASSERT_TRUE(write_durably(path, "whole", 0600));
    EXPECT_EQ(*read_file(path, 100), "whole");
}

TEST_F(DurableFileTest, RefusesAFileAboveTheLimit) {
    const auto path = directory_ / "file";
    ASSERT_TRUE(write_durably(path, "12345", 0600));
    EXPECT_EQ(*read_file(path, 5), "12345");
    EXPECT_EQ(read_file(path, 4).error().code, ErrorCode::too_large);
}

TEST_F(DurableFileTest, NamesWhatIsMissing) {
    const auto missing = directory_ / "no/such/file";
    EXPECT_EQ(read_file(missing, 5).error().code, ErrorCode::not_found);
    EXPECT_EQ(write_durably(missing, "x", 0600).error().code, ErrorCode::not_found);
}

TEST_F(DurableFileTest, RemovingTwiceIsSuccess) {
    const auto path = directory_ / "file";
    ASSERT_TRUE(write_durably(path, "x", 0600));
    EXPECT_TRUE(remove_durably(path));
    EXPECT_TRUE(remove_durably(path));
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace trivet::announce
