// doctor.
#include <ostream>

#include "cli/commands.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using Method = Session::Method;

/// Ends with 1 when something is wrong that keeps the node from its work.
Outcome<> doctor(Session& session) {
    auto answer = session.call(Method::get, "/v1/doctor");
    if (!answer) return tl::unexpected(answer.error());
    const auto checks = at_path(*answer, "checks");
    if (!print_data(session, *answer)) {
        Table table({"CHECK", "OUTCOME", "WHAT IS"});
        for (const auto& check : checks)
            table.add({{brief(at_path(check, "name"))},
                       {brief(at_path(check, "outcome"))},
                       {brief(at_path(check, "message"))}});
        session.io().out << table.to_string(session.colour());
    }
    if (at_path(*answer, "well") == true) return {};
    return fail_with({ExitCode::failure, "this node is not well", "see the checks that failed"});
}

}  // namespace

void add_doctor_command(CommandTree& tree) {
    tree.command(tree.root(), "doctor", "Tell what this node finds when it looks at itself",
                 doctor);
}

}  // namespace trivet::cli
