#include <fmt/format.h>

#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// What this node finds when it looks at itself, for `lbctl doctor`.
namespace trivet::daemon {

namespace {

using api::Check;
using enum api::CheckOutcome;

Check check_gate(const dataplane::GateStatus& gate) {
    std::string on, missing;
    for (const auto& interface : gate.interfaces) {
        std::string& list = interface.in_place ? on : missing;
        list += (list.empty() ? "" : ", ") + interface.name;
    }
    std::string text = fmt::format("{} on {}", to_string(gate.kind), on.empty() ? "none" : on);
    if (!missing.empty())
        return {"gate", failed,
                text + "; somebody took it away from " + missing + ", it is put back within 10 s"};
    if (gate.kind != dataplane::GateKind::bpf)
        return {"gate", warning,
                text + "; BPF is refused (" + gate.why_not_bpf +
                    "), and this kind is not safe across a suspension of the machine"};
    if (!gate.warning.empty()) return {"gate", warning, text + "; " + gate.warning};
    return {"gate", good, text};
}

Check check_lease(const LeaseStatus& status, Instant now) {
    if (!status.lease_deadline || *status.lease_deadline <= now)
        return {"lease", failed,
                "a majority of the voters does not answer this node: it may announce nothing; see "
                "'lbctl cluster status', and let UDP port 7482 pass between the nodes"};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(*status.lease_deadline - now);
    return {"lease", good,
            fmt::format("held for {} ms more; {} groups of VIPs are open here", left.count(),
                        status.open_groups)};
}

Check check_thread(const LeaseStatus& status) {
    if (status.warnings.empty())
        return {"lease_thread", good, "runs in real time, and its memory is locked"};
    return {"lease_thread", warning, fmt::format("{}", fmt::join(status.warnings, "; "))};
}

}  // namespace

std::vector<api::Check> Node::checks() const {
    std::vector<Check> checks;
    if (gate_) checks.push_back(check_gate(gate_->describe()));
    if (lease_) {
        const LeaseStatus status = lease_->status();
        checks.push_back(check_lease(status, boot_now()));
        checks.push_back(check_thread(status));
        checks.push_back(
            {"stalls", status.longest_stall >= std::chrono::milliseconds{40} ? warning : good,
             fmt::format("the lease thread was late by {} ms at most",
                         std::chrono::duration_cast<std::chrono::milliseconds>(status.longest_stall)
                             .count())});
    } else {
        checks.push_back({"lease", has_identity() ? failed : warning,
                          has_identity() ? "this start is not on the disk yet: make room on it"
                                         : "this node belongs to no cluster: 'lbctl init' or "
                                           "'lbctl join'"});
    }
    for (const std::string& text : cluster_warnings()) checks.push_back({"cluster", warning, text});
    if (read_only_) checks.push_back({"disk", failed, *read_only_});
    return checks;
}

}  // namespace trivet::daemon
