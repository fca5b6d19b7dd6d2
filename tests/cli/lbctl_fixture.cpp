#include "tests/cli/lbctl_fixture.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include <unistd.h>

namespace trivet::cli {

Lbctl::~Lbctl() {
    std::error_code ignored;  // in the temporary directory
    for (const auto& file : files_) std::filesystem::remove(file, ignored);
}

std::string Lbctl::write_file(const std::string& name, const std::string& text) {
    std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(test.begin(), test.end(), '/', '_');
    const auto path = fmt::format("{}lbctl_{}_{}_{}", testing::TempDir(), ::getpid(), test, name);
    std::ofstream(path, std::ios::binary) << text;
    files_.push_back(path);
    return path;
}

}  // namespace trivet::cli
