#include <cstdlib>
#include <iostream>
#include <thread>

#include <unistd.h>

#include "cli/run.hpp"

// NOLINTNEXTLINE(bugprone-exception-escape): what nobody expects ends the process
int main(int argc, char** argv) {
    using namespace trivet::cli;
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const Surroundings surroundings{
        .in = std::cin,
        .out = std::cout,
        .err = std::cerr,
        .environment = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr) return std::nullopt;
            return value;
        },
        .pause =
            [](std::chrono::milliseconds duration) {
                std::this_thread::sleep_for(duration);
                return true;
            },
        .colour = isatty(STDOUT_FILENO) == 1,
    };
    const auto code = run(arguments, surroundings);
    // What was not written must not pass for success: `lbctl export > /full/disk`.
    if (!std::cout.flush()) {
        std::cerr << "error: standard output cannot be written\n";
        return static_cast<int>(ExitCode::failure);
    }
    return static_cast<int>(code);
}
