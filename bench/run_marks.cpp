#include "bench/run_marks.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace trivet::bench {

void RunMarks::read() {
    std::array<char, 512> buffer;
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) {
        ended_ = true;
        return;
    }
    pending_.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; (end = pending_.find('\n')) != std::string::npos;) {
        take(pending_.substr(0, end));
        pending_.erase(0, end + 1);
    }
}

void RunMarks::take(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::int64_t time =
        space == std::string::npos ? 0 : std::strtoll(line.c_str() + space, nullptr, 10);
    if (word == "end") {
        ended_ = true;
    } else if (word == "fault" && time > 0) {
        fault_ = time;
    } else if (word == "heal" && time > 0) {
        heal_ = time;
    } else {
        std::fprintf(stderr, "'%s' is neither 'fault NS', 'heal NS' nor 'end'\n", line.c_str());
        std::exit(2);
    }
}

}  // namespace trivet::bench
