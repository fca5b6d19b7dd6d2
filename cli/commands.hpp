#pragma once
#include "cli/command_tree.hpp"

/// Each hangs its commands into the tree.
namespace trivet::cli {

void add_cluster_commands(CommandTree& tree);   // init, status, events, version
void add_join_command(CommandTree& tree);       // join
void add_member_commands(CommandTree& tree);    // cluster status, members, invite, ...
void add_token_commands(CommandTree& tree);     // token create, list, show, delete
void add_doctor_command(CommandTree& tree);     // doctor
void add_snapshot_commands(CommandTree& tree);  // snapshot save, restore, inspect
void add_object_commands(CommandTree& tree);    // vip, pool, l2-advertisement, node, ...
void add_file_commands(CommandTree& tree);      // apply, diff, delete, export
void add_import_commands(CommandTree& tree);    // import metallb

}  // namespace trivet::cli
