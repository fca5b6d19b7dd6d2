#include "cli/run.hpp"

#include <ostream>

#include "cli/commands.hpp"

namespace trivet::cli {

ExitCode run(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
    const auto end_with = [&](const Failure& failure) {
        // An empty message: the command has already told what failed.
        if (!failure.message.empty()) surroundings.err << "error: " << failure.message << "\n";
        if (!failure.hint.empty()) surroundings.err << "  " << failure.hint << "\n";
        return failure.code;
    };
    CommandTree tree;
    add_cluster_commands(tree);
    add_join_command(tree);
    add_doctor_command(tree);
    add_member_commands(tree);
    add_token_commands(tree);
    add_snapshot_commands(tree);
    add_object_commands(tree);
    add_file_commands(tree);
    add_import_commands(tree);
    if (arguments.empty()) {
        surroundings.err << tree.root().help();
        return ExitCode::usage;
    }
    std::string help;
    auto chosen = tree.parse(arguments, help);
    if (!chosen) return end_with(chosen.error());
    if (!help.empty()) {
        surroundings.out << help;
        return ExitCode::ok;
    }
    auto session = Session::make(tree.options(), surroundings);
    if (!session) return end_with(session.error());
    if (auto outcome = (*chosen)(*session); !outcome) return end_with(outcome.error());
    return ExitCode::ok;
}

}  // namespace trivet::cli
