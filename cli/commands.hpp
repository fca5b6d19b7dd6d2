#pragma once
#include "cli/command_tree.hpp"

/// Each hangs its commands into the tree.
namespace trivet::cli {

void add_cluster_commands(CommandTree& tree);  // init, status, events, node, version
void add_object_commands(CommandTree& tree);   // vip, pool, l2-advertisement, ...
void add_file_commands(CommandTree& tree);     // apply, diff, delete, export
void add_import_commands(CommandTree& tree);   // import metallb

}  // namespace trivet::cli
