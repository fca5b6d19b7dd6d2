#include "tests/support/check_history.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>

#include "tests/support/history_json.hpp"
#include "tests/support/linearizability.hpp"

namespace trivet::test {
namespace {

constexpr int exit_bad_input = 2;

constexpr std::string_view usage =
    "usage: check_history [--states-max N] FILE\n"
    "FILE holds one operation a line, as JSON; tests/support/history_json.hpp tells the fields.\n"
    "Exit code: 0 linearizable, 1 violated, 2 bad input, 3 undecided.\n";

struct Options {
    std::string file;
    SearchLimits limits = {};
};

std::optional<Options> options_of(const std::vector<std::string>& arguments) {
    if (arguments.size() == 1 && !arguments[0].starts_with("--")) return Options{arguments[0]};
    if (arguments.size() != 3 || arguments[0] != "--states-max") return std::nullopt;
    Options options{arguments[2]};
    const char* const end = arguments[1].data() + arguments[1].size();
    const auto read = std::from_chars(arguments[1].data(), end, options.limits.states_max);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return options;
}

int exit_code(Outcome outcome) {
    switch (outcome) {
        case Outcome::linearizable:
            return 0;
        case Outcome::violated:
            return 1;
        case Outcome::undecided:
            return 3;
    }
    return exit_bad_input;
}

}  // namespace

int check_history(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const std::optional<Options> options = options_of(arguments);
    if (!options) {
        err << usage;
        return exit_bad_input;
    }
    std::ifstream file(options->file, std::ios::binary);
    if (!file || std::filesystem::is_directory(options->file)) {
        err << options->file << ": cannot be read\n";
        return exit_bad_input;
    }
    const std::string lines((std::istreambuf_iterator<char>(file)), {});
    const auto history = parse_history(lines);
    if (!history) {
        err << options->file << ": " << history.error().message << "\n";
        return exit_bad_input;
    }
    const Verdict verdict = check_linearizable(*history, options->limits);
    out << verdict.explanation;
    return exit_code(verdict.outcome);
}

}  // namespace trivet::test
