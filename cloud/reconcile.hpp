#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "cloud/known_vip.hpp"
#include "cloud/service_endpoints.hpp"
#include "cloud/service_event.hpp"
#include "cloud/service_vip.hpp"
#include "core/time.hpp"

/// What to do next for one Service, computed from both sides as they are (level-triggered).
///
/// reconcile() gives one step at a time. Each can be repeated without harm, and what is known of
/// earlier ones (ServiceMemory) only spares people a second telling: a shim that is killed between
/// any two steps, or in the middle of one, comes to the same end when it starts again.
namespace trivet::cloud {

struct Nothing {};
/// A merge patch of the Service, or of its subresource /status. 404: it is gone; 409: look again.
struct PatchService {
    nlohmann::json body;
    bool status = false;
};
/// POST to create, or PUT to replace what has this revision.
struct PutVip {
    Vip vip;
    std::optional<std::uint64_t> revision;
};
/// 404 is success.
struct DeleteVip {
    ObjectKey key;
};
/// 409 is success: it stands there already.
struct EmitEvent {
    ServiceEvent event;
};
using Step = std::variant<Nothing, PatchService, PutVip, DeleteVip, EmitEvent>;

/// What Trivet said to a put. It counts while the same is wanted of the same VIP.
struct Refusal {
    Vip vip;
    std::optional<std::uint64_t> revision;
    std::string message;
};

/// What a shim remembers of a Service. Losing it costs nothing but a repeated Event.
struct ServiceMemory {
    std::optional<Refusal> refusal;  // to be forgotten before the Service is looked at anew
    std::map<ServiceEvent::Reason, std::string> told;  // the name of the last Event of each
    std::string owner;                                 // as people know it
    std::optional<Instant> owner_told;
};

struct ReconcileInput {
    const Service* service = nullptr;  // null: gone, which is the garbage collector's business
    Slices slices = {};
    const NodeMap& nodes;
    const KnownVip* vip = nullptr;  // at the Service's key; null: none
    const CloudOptions& options;
    Instant now;
};

struct Decision {
    Step step;
    ServiceMemory memory;  // to be kept once the step is done
    bool retry = false;    // nothing to do now, but what was refused may be granted later
    std::optional<Instant> look_again = {};
};

inline constexpr std::chrono::minutes owner_event_interval{1};

/// Only when all caches and the list of VIPs are complete: nodes that were not heard of yet would
/// take VIPs away from them.
Decision reconcile(const ReconcileInput& input, const ServiceMemory& memory);

/// Whether an answer to a put is a word on what was wanted, to be told to people, or trouble on the
/// way that time mends.
bool is_refusal(ErrorCode code);

std::string to_string(const Step& step);  // for logs and tests, on one line

}  // namespace trivet::cloud
