#include "store/schema.hpp"

#include <array>

#include <gtest/gtest.h>

#include "tests/store/storage_fixture.hpp"

namespace trivet::store {

namespace {

class SchemaTest : public testing::Test {
protected:
    TempDirectory directory;
    std::filesystem::path path = directory.path() / "lbd.db";
    Result<Database> database = Database::open(path, "");

    std::uint64_t version() { return database->integer("PRAGMA user_version").value(); }
};

Result<void> make_a(Database& database) { return database.execute("CREATE TABLE a(x)"); }
Result<void> make_b(Database& database) { return database.execute("CREATE TABLE b(x)"); }
Result<void> make_c_and_fail(Database& database) {
    if (auto made = database.execute("CREATE TABLE c(x)"); !made) return made;
    return fail(ErrorCode::internal, "as planned");
}

TEST_F(SchemaTest, StepsAreTakenInOrderAndOnce) {
    ASSERT_TRUE(database);
    const std::array first{Migration{1, make_a}};
    ASSERT_TRUE(migrate(*database, first));
    EXPECT_EQ(version(), 1u);
    const std::array both{Migration{1, make_a}, Migration{2, make_b}};
    ASSERT_TRUE(migrate(*database, both));
    EXPECT_EQ(version(), 2u);
    ASSERT_TRUE(migrate(*database, both));
    EXPECT_TRUE(database->execute("SELECT x FROM b"));
    EXPECT_TRUE(check_identity(*database, path, 2));
    EXPECT_FALSE(check_identity(*database, path, 1));
}

TEST_F(SchemaTest, AStepThatFailsLeavesTheVersionBefore) {
    ASSERT_TRUE(database);
    const std::array steps{Migration{1, make_a}, Migration{2, make_c_and_fail}};
    EXPECT_FALSE(migrate(*database, steps));
    EXPECT_EQ(version(), 1u);
    EXPECT_TRUE(database->execute("SELECT x FROM a"));
    EXPECT_FALSE(database->execute("SELECT x FROM c"));
}

TEST_F(SchemaTest, TheLastStepOfTheProgramIsItsVersion) {
    const auto steps = migrations();
    for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i].version, i + 1);
}

}  // namespace

}  // namespace trivet::store
