#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

/// Stories of a session as text files, compared line by line with what was played.
namespace trivet::test {

inline std::vector<std::string> read_transcript(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// TRIVET_REWRITE_TRANSCRIPTS writes the file anew, to be reviewed as a diff.
inline void expect_transcript(const std::filesystem::path& path,
                              const std::vector<std::string>& expected,
                              const std::vector<std::string>& played) {
    if (std::getenv("TRIVET_REWRITE_TRANSCRIPTS") != nullptr) {
        std::ofstream out(path);
        for (const std::string& line : played) out << line << '\n';
    }
    for (std::size_t i = 0; i < std::max(expected.size(), played.size()); ++i) {
        const std::string missing = "(end of the transcript)";
        ASSERT_EQ(i < expected.size() ? expected[i] : missing,
                  i < played.size() ? played[i] : missing)
            << path.string() << ":" << i + 1;
    }
}

}  // namespace trivet::test
