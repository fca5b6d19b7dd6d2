// What nodes find wrong with addresses.
#include <fmt/format.h>

#include "core/cluster_state.hpp"
#include "core/vip_rules.hpp"

namespace trivet {

namespace {

// Of the troubles of one command so many are events of their own: with a thousand VIPs on a link
// that fails nobody reads more, and they would push all others out.
constexpr std::uint64_t events_max = 20;

std::string sentence(const ReportTrouble& report, const Trouble& trouble, bool is_over) {
    const std::string address = report.address.to_string();
    if (trouble.kind == TroubleKind::conflict) {
        const std::string stranger =
            trouble.mac ? "the stranger at " + trouble.mac->to_string() : "a stranger";
        return is_over ? fmt::format("{} is not used by {} any more, says node '{}'", address,
                                     stranger, report.node)
                       : fmt::format("{} is used by {} too, says node '{}': {}", address, stranger,
                                     report.node, trouble.message);
    }
    return is_over ? fmt::format("node '{}' can announce {} again", report.node, address)
                   : fmt::format("node '{}' cannot announce {}: {}", report.node, address,
                                 trouble.message);
}

std::string event_type(TroubleKind kind, bool is_over) {
    if (kind == TroubleKind::conflict) return is_over ? "vip_conflict_ended" : "vip_conflict";
    return is_over ? "vip_announced_again" : "vip_not_announced";
}

}  // namespace

Result<void> ClusterState::act(const ReportTrouble& report, Change& change) {
    if (!nodes_.contains(report.node)) return fail(not_found({Kind::node, "", report.node}));
    if (report.trouble && report.trouble->message.size() > Trouble::message_bytes_max)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a message has at most {} bytes", Trouble::message_bytes_max),
                    "message");
    const std::vector<const VipRecord*> holders = this->holders(report.address);
    if (holders.empty()) return {};  // deleted meanwhile
    std::optional<Trouble> trouble = report.trouble;
    if (trouble) trouble->since = time_;
    const auto before = troubles_.report(report.address, report.node, trouble, change.rows);
    const auto tell = [&](const Trouble& of, bool is_over) {
        if (change.place >= events_max) return;
        for (const VipRecord* holder : holders)
            change.event(event_type(of.kind, is_over), key_of(holder->vip).to_string(),
                         sentence(report, of, is_over));
    };
    const bool is_other =
        !before || !trouble || before->kind != trouble->kind || before->mac != trouble->mac;
    if (!is_other) return {};
    if (before && (!trouble || before->kind != trouble->kind)) tell(*before, true);
    if (trouble) tell(*trouble, false);
    return {};
}

}  // namespace trivet
