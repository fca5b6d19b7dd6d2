#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/session.hpp"

namespace trivet::cli {

/// lbctl's commands as CLI11 parses them. Each add_… function of the other files hangs its commands
/// in here; parsing chooses one, and run() runs it. One run of lbctl owns it.
class CommandTree {
public:
    using Run = std::function<Outcome<>(Session&)>;

    CommandTree();

    /// "lbctl pool": a word that only stands before others.
    CLI::App& group(const std::string& word, const std::string& about);
    /// "lbctl pool create", or "lbctl init" directly under root(); has the global flags.
    CLI::App& command(CLI::App& parent, const std::string& word, const std::string& about, Run run);
    /// The same for a command that takes longer: `timeout_s` when --timeout is not given.
    CLI::App& long_command(CLI::App& parent, const std::string& word, const std::string& about,
                           double timeout_s, Run run);
    CLI::App& root() { return root_; }

    /// The chosen command. Errors: usage, with a suggestion; `help` is set instead when help was
    /// asked for, and the command is empty then.
    Outcome<Run> parse(const std::vector<std::string>& arguments, std::string& help);
    const GlobalOptions& options() const { return options_; }

private:
    void add_global_flags(CLI::App& app);
    Failure explain(const CLI::ParseError& error);

    CLI::App root_;
    GlobalOptions options_;
    std::optional<double> timeout_flag_s_;
    Run chosen_;
};

}  // namespace trivet::cli
