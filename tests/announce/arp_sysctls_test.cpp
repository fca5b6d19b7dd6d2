#include "announce/arp_sysctls.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet::announce {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A /proc/sys of plain files.
class ArpSysctlsTest : public testing::Test {
protected:
    ArpSysctlsTest() {
        for (const std::string interface : {"all", "default", "eth0"})
            for (const std::string setting : {"arp_ignore", "arp_announce"})
                set(interface, setting, "0");
        write(root_ / "sys/kernel/random/boot_id", "first-boot\n");
    }
    ~ArpSysctlsTest() override { std::filesystem::remove_all(root_); }

    static void write(const std::filesystem::path& path, const std::string& text) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    void set(const std::string& interface, const std::string& setting, const std::string& value) {
        write(root_ / "sys/net/ipv4/conf" / interface / setting, value + "\n");
    }
    std::string all(const std::string& setting) const {
        std::ifstream file(root_ / "sys/net/ipv4/conf/all" / setting);
        std::string value;
        file >> value;
        return value;
    }
    std::filesystem::path memory_file() const { return root_ / "arp-sysctls.json"; }
    bool remembers() const { return std::filesystem::exists(memory_file()); }
    ArpSysctls start() {
        return ArpSysctls({.proc_sys = root_ / "sys", .memory_file = memory_file()},
                          [this](const std::string& level, const std::string& message) {
                              (level == "info" ? infos_ : warnings_).push_back(message);
                          });
    }

    std::vector<std::string> infos_, warnings_;

private:
    static std::filesystem::path make_root() {
        std::string name = std::filesystem::temp_directory_path() / "trivet-sysctls-XXXXXX";
        return mkdtemp(name.data());
    }
    std::filesystem::path root_ = make_root();
};

TEST_F(ArpSysctlsTest, ChangesWithAWarningAndRestores) {
    ArpSysctls sysctls = start();
    ASSERT_TRUE(sysctls.ensure());
    EXPECT_EQ(all("arp_ignore"), "1");
    EXPECT_EQ(all("arp_announce"), "2");
    EXPECT_THAT(warnings_, SizeIs(2));
    EXPECT_TRUE(remembers());
    ASSERT_TRUE(sysctls.ensure());
    EXPECT_THAT(warnings_, SizeIs(2)) << "said once";
    sysctls.restore();
    EXPECT_EQ(all("arp_ignore"), "0");
    EXPECT_EQ(all("arp_announce"), "0");
    EXPECT_FALSE(remembers());
}

TEST_F(ArpSysctlsTest, LeavesStricterValuesAlone) {
    set("all", "arp_ignore", "8");
    set("all", "arp_announce", "2");
    ArpSysctls sysctls = start();
    ASSERT_TRUE(sysctls.ensure());
    EXPECT_EQ(all("arp_ignore"), "8");
    sysctls.restore();
    EXPECT_EQ(all("arp_ignore"), "8");
    EXPECT_THAT(warnings_, IsEmpty());
    EXPECT_FALSE(remembers());
}

TEST_F(ArpSysctlsTest, RestoresAfterACrash) {
    ASSERT_TRUE(start().ensure());
    start().restore();
    EXPECT_EQ(all("arp_ignore"), "0");
    EXPECT_FALSE(remembers());
}

TEST_F(ArpSysctlsTest, ACrashDoesNotMakeOurValueTheFormerOne) {
    ASSERT_TRUE(start().ensure());
    ArpSysctls again = start();
    ASSERT_TRUE(again.ensure());
    again.restore();
    EXPECT_EQ(all("arp_ignore"), "0");
}

TEST_F(ArpSysctlsTest, WhatSomebodyElseChangedMeanwhileStays) {
    ArpSysctls sysctls = start();
    ASSERT_TRUE(sysctls.ensure());
    warnings_.clear();
    set("all", "arp_ignore", "3");
    ASSERT_TRUE(sysctls.ensure()) << "stricter, so good enough";
    sysctls.restore();
    EXPECT_EQ(all("arp_ignore"), "3");
    EXPECT_EQ(all("arp_announce"), "0");
    ASSERT_THAT(warnings_, SizeIs(1));
    EXPECT_THAT(warnings_[0], HasSubstr("left net.ipv4.conf.all.arp_ignore alone"));
}

TEST_F(ArpSysctlsTest, IsSetAgainWhenSomebodyUndoesIt) {
    ArpSysctls sysctls = start();
    ASSERT_TRUE(sysctls.ensure());
    set("all", "arp_ignore", "0");
    ASSERT_TRUE(sysctls.ensure());
    EXPECT_EQ(all("arp_ignore"), "1");
    sysctls.restore();
    EXPECT_EQ(all("arp_ignore"), "0");
}

TEST_F(ArpSysctlsTest, NothingIsRestoredAfterAReboot) {
    ASSERT_TRUE(start().ensure());
    set("all", "arp_ignore", "1");  // from sysctl.d
    write(memory_file().parent_path() / "sys/kernel/random/boot_id", "second-boot\n");
    start().restore();
    EXPECT_EQ(all("arp_ignore"), "1");
}

TEST_F(ArpSysctlsTest, UndefinedValueOfAnInterfaceIsAnError) {
    set("eth0", "arp_ignore", "5");  // the larger one counts, and 5 means nothing to the kernel
    const auto ensured = start().ensure();
    ASSERT_FALSE(ensured);
    EXPECT_THAT(ensured.error().message, HasSubstr("net.ipv4.conf.eth0.arp_ignore is 5"));
}

TEST_F(ArpSysctlsTest, MissingProcIsAnError) {
    std::filesystem::remove_all(memory_file().parent_path() / "sys/net");
    EXPECT_FALSE(start().ensure());
}

TEST_F(ArpSysctlsTest, DamagedMemoryIsReportedAndNotTrusted) {
    write(memory_file(), "{\"format\": 1, \"boot_id\": ");
    set("all", "arp_ignore", "1");
    start().restore();
    EXPECT_EQ(all("arp_ignore"), "1");
    ASSERT_THAT(warnings_, SizeIs(1));
    EXPECT_THAT(warnings_[0], HasSubstr("is damaged"));
}

TEST(ArpSysctlMemory, ComesBackAsItWas) {
    const ArpSysctlMemory memory{.boot_id = "abc",
                                 .changes = {{ArpSysctl::arp_ignore, {.before = 0, .ours = 1}},
                                             {ArpSysctl::arp_announce, {.before = 1, .ours = 2}}}};
    EXPECT_EQ(ArpSysctlMemory::decode(memory.encode()).value(), memory);
}

TEST(ArpSysctlMemory, RefusesWhatItDidNotWrite) {
    for (const std::string text :
         {"", "[]", "{}", "{\"format\": 2, \"boot_id\": \"\", \"changes\": {}}",
          "{\"format\": 1, \"boot_id\": 7, \"changes\": {}}",
          "{\"format\": 1, \"boot_id\": \"\", \"changes\": {\"arp_ignore\": {\"before\": \"x\"}}}"})
        EXPECT_FALSE(ArpSysctlMemory::decode(text)) << text;
    EXPECT_FALSE(ArpSysctlMemory::decode(std::string(100'000, '[')));
}

TEST(ArpSysctlMemory, OnlyDefinedValuesKeepTheKernelQuiet) {
    for (const int value : {1, 2, 3, 8}) EXPECT_TRUE(keeps_quiet(ArpSysctl::arp_ignore, value));
    for (const int value : {-1, 0, 4, 7, 9})
        EXPECT_FALSE(keeps_quiet(ArpSysctl::arp_ignore, value));
    EXPECT_TRUE(keeps_quiet(ArpSysctl::arp_announce, 2));
    for (const int value : {0, 1, 3}) EXPECT_FALSE(keeps_quiet(ArpSysctl::arp_announce, value));
}

}  // namespace
}  // namespace trivet::announce
