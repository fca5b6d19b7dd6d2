#pragma once
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/command_tree.hpp"

namespace trivet::cli {

/// `--wait[=SECONDS]`: empty when it is not given.
struct WaitFlag {
    std::vector<double> seconds;
};
void add_wait_flag(CLI::App& app, WaitFlag& flag);

/// Prints a VIP that was just created; with --wait once it is announced.
/// Errors: timeout, it is not announced in time; conflict, a stranger uses its address.
Outcome<> after_vip_create(Session& session, const nlohmann::json& vip, const WaitFlag& wait);

void add_vip_explain(CommandTree& tree, CLI::App& parent);
void add_vip_move(CommandTree& tree, CLI::App& parent);
void add_node_drain(CommandTree& tree, CLI::App& parent);

}  // namespace trivet::cli
