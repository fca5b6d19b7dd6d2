#include "cloud/service_event.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/fnv1a.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::size_t message_bytes_max = 1024;  // the API server takes no more (core/v1 Event)
constexpr std::size_t name_bytes_max = 253;
constexpr std::size_t suffix_bytes = 17;  // a dot and 16 digits

/// At a border of UTF-8 characters.
std::string shortened(std::string text) {
    if (text.size() <= message_bytes_max) return text;
    std::size_t end = message_bytes_max - 3;
    while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    return text + "...";
}

}  // namespace

ServiceEvent make_event(const Service& service, ServiceEvent::Reason reason, std::string message,
                        std::string_view occasion) {
    std::uint64_t hash = fnv1a_basis;
    for (const std::string_view part : {std::string_view(service.meta.uid), to_string(reason),
                                        std::string_view(message), occasion})
        hash = fnv1a(std::string_view("\0", 1), fnv1a(part, hash));
    // A name that could be cut in the middle of a character is none that Kubernetes knows.
    std::string name = check_name("name", service.meta.name) ? service.meta.name : "service";
    name.resize(std::min(name.size(), name_bytes_max - suffix_bytes));
    return {reason, shortened(std::move(message)), fmt::format("{}.{:016x}", name, hash)};
}

std::string_view to_string(ServiceEvent::Reason reason) {
    switch (reason) {
        case ServiceEvent::Reason::allocated:
            return "Allocated";
        case ServiceEvent::Reason::allocation_failed:
            return "AllocationFailed";
        case ServiceEvent::Reason::released:
            return "Released";
        case ServiceEvent::Reason::conflict:
            return "Conflict";
        case ServiceEvent::Reason::owner_changed:
            return "OwnerChanged";
    }
    return "Allocated";
}

json event_body(const Service& service, const ServiceEvent& event, std::string_view time,
                std::string_view reporter) {
    const bool warning = event.reason == ServiceEvent::Reason::allocation_failed ||
                         event.reason == ServiceEvent::Reason::conflict;
    json body = json::object();
    body["apiVersion"] = "v1";
    body["kind"] = "Event";
    body["metadata"] = {{"name", event.name}, {"namespace", service.meta.name_space}};
    body["involvedObject"] = {
        {"apiVersion", "v1"},        {"kind", "Service"},
        {"name", service.meta.name}, {"namespace", service.meta.name_space},
        {"uid", service.meta.uid},   {"resourceVersion", service.meta.resource_version}};
    body["type"] = warning ? "Warning" : "Normal";
    body["reason"] = to_string(event.reason);
    body["message"] = event.message;
    body["firstTimestamp"] = time;
    body["lastTimestamp"] = time;
    body["count"] = 1;
    body["source"]["component"] = reporter;
    return body;
}

}  // namespace trivet::cloud
