#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/control.hpp"
#include "core/bgp_policy.hpp"
#include "core/l2_plan.hpp"

/// How a VIP fares: the committed state and what this node's announcer reports, put together.
/// Plain values; made on Control's strand.
namespace trivet::api {

enum class Phase : std::uint8_t { pending, assigned, announced, conflict };
std::string_view to_string(Phase phase);

struct AddressView {
    IpAddress address;
    std::string pool;
    Placement placement;
    std::optional<AddressRuntime> runtime;    // when this node is a candidate for it
    std::optional<ReportedTrouble> reported;  // what a node finds wrong with it
    std::uint64_t epoch = 0;                  // of its owner
    bool is_here = false;                     // this node is its owner
    Phase phase = Phase::assigned;
    std::string reason;  // why it is not announced
};

struct VipView {
    Phase phase = Phase::pending;  // the worst of its addresses: conflict, assigned, announced
    std::string reason;            // why it is not announced, or lacks an address
    std::vector<AddressView> addresses;
};

/// Looks at VIPs. Made once for many of them; lives while the state does not change, which is until
/// the next co_await.
class VipViewer {
public:
    explicit VipViewer(const Control& control) : control_(control), placer_(control.state()) {}

    VipView look_at(const VipRecord& record);
    const Control& control() const { return control_; }
    /// HOST:PORT at which the other nodes reach it; empty: it is no member.
    std::string member_address(const std::string& node);

private:
    AddressView look_at(IpAddress address);
    void judge_bgp(AddressView& view);

    const Control& control_;
    Placer placer_;
    // When they were needed:
    std::optional<BgpReach> reach_;
    std::optional<std::map<std::string, std::string>> member_addresses_;
};

using PhaseCounts = std::map<Phase, std::uint64_t>;  // every phase is in it
/// How many VIPs are in which phase; looked at a part at a time, as list_json() does.
boost::asio::awaitable<PhaseCounts> count_phases(Control& control);

/// The REST object: spec, revision and status.
nlohmann::json vip_json(VipViewer& viewer, const VipRecord& record);
/// The answer to "why": sentences for a person, fields for a program.
/// `events`: what happened to it, newest last.
nlohmann::json vip_explanation(const Control& control, const VipRecord& record,
                               const std::vector<Event>& events);

}  // namespace trivet::api
