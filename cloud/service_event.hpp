#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cloud/kube_service.hpp"

namespace trivet::cloud {

/// What people see in `kubectl describe service`.
struct ServiceEvent {
    enum class Reason : std::uint8_t {
        allocated,
        allocation_failed,
        released,
        conflict,
        owner_changed
    };

    Reason reason = Reason::allocated;
    std::string message;
    /// Of the Event object. The same thing told again, by a shim that was killed meanwhile, has the
    /// same name: the API server answers 409, and one Event stands there.
    std::string name;
};

/// `occasion` tells apart what is told in the same words: a revision, a moment.
ServiceEvent make_event(const Service& service, ServiceEvent::Reason reason, std::string message,
                        std::string_view occasion);

std::string_view to_string(ServiceEvent::Reason reason);  // "AllocationFailed"

/// The body of a POST to /api/v1/namespaces/{namespace}/events. `time` is RFC 3339, `reporter` the
/// name of this shim.
nlohmann::json event_body(const Service& service, const ServiceEvent& event, std::string_view time,
                          std::string_view reporter);

}  // namespace trivet::cloud
