#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/session.hpp"

namespace trivet::cli {

/// One object of a POST /v1/apply, and where it stands in the user's files.
struct ApplyItem {
    nlohmann::json fields;                                        // with kind
    std::function<std::string(std::string_view field)> place_of;  // "lan.yaml:3:1"
};

struct ApplyOptions {
    bool force = false;
    bool dry_run = false;
    bool create_only = false;
};

/// Sends all items as one command: all take effect or none. A refusal of one item is told with its
/// place in the file.
Outcome<nlohmann::json> apply_items(Session& session, const std::vector<ApplyItem>& items,
                                    const ApplyOptions& options);

/// "pool/lan created", a line for each item.
void print_apply_answer(const Session& session, const nlohmann::json& answer, bool dry_run);

}  // namespace trivet::cli
