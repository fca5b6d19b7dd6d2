#pragma once
#include "cli/command_tree.hpp"

namespace trivet::cli {

/// `bgp-peer routes NAME`: what the node that answers has told the peer.
void add_peer_routes(CommandTree& tree, CLI::App& parent);
/// `bgp-peer reset NAME`: ends the node's sessions with the peer; they come back by themselves.
void add_peer_reset(CommandTree& tree, CLI::App& parent);

}  // namespace trivet::cli
