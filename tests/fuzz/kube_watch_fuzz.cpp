// What an API server sends: the input as one watch in chunks, as the page of a list, as each kind
// of object, and as a Service that is reconciled. The first byte sizes the chunks, and says whether
// a reflector gets it as a list or as a watch. No crash; chunks never change what is read; what is
// made of a Service is a VIP that Trivet can take.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "cloud/kube_lease.hpp"
#include "cloud/kube_list.hpp"
#include "cloud/kube_node.hpp"
#include "cloud/kube_slice.hpp"
#include "cloud/reconcile.hpp"
#include "cloud/reflector.hpp"
#include "cloud/service_patch.hpp"
#include "core/assert.hpp"

namespace {

using namespace trivet;
using namespace trivet::cloud;

std::vector<WatchEvent> read_stream(std::string_view text, std::size_t chunk) {
    std::vector<WatchEvent> events;
    WatchStream stream;
    for (std::size_t at = 0; at < text.size(); at += chunk) {
        stream.feed(text.substr(at, chunk));
        for (;;) {
            auto event = stream.next();
            if (!event) return events;
            if (!*event) break;
            events.push_back(std::move(**event));
        }
    }
    return events;
}

const CloudOptions options{.cluster = "c1"};

NodeMap map_of(const KubeNode& node) {
    const KubeNode* kube[]{&node};
    const TrivetNode trivet[]{{"n1", {*IpAddress::parse("192.0.2.1")}}};
    return {kube, trivet};
}

/// One with an address of each family.
const NodeMap& one_node() {
    static const NodeMap map = [] {
        KubeNode node;
        node.meta.name = "k1";
        node.addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")};
        return map_of(node);
    }();
    return map;
}

/// Whatever nodes and slices say, it costs a Service that is well neither its VIP nor its address.
void check_backends(Slices slices, const NodeMap& nodes) {
    Service service;
    service.meta.name_space = "default";
    service.meta.name = "web";
    service.meta.uid = "u1";
    service.ports.emplace_back();
    service.ports.back().port = 80;
    service.ports.back().node_port = 30080;
    for (const auto policy : {TrafficPolicy::cluster, TrafficPolicy::local}) {
        service.external_traffic_policy = policy;
        TRIVET_ASSERT(vip_of(service, slices, nodes, options, nullptr).has_value());
    }
}

void check_reconcile(const Service& service) {
    const NodeMap& nodes = one_node();
    const Instant now{std::chrono::seconds(1)};
    const auto vip = vip_of(service, {}, nodes, options, nullptr);
    if (vip) {
        const auto again = object_from_json(Kind::vip, to_json(Object(*vip)));
        TRIVET_ASSERT(again && std::get<Vip>(*again) == *vip);
        const auto key = service_key_of("c1", {Kind::vip, vip->name_space, vip->name});
        TRIVET_ASSERT(key && key->name == service.meta.name);
    }
    ServiceMemory memory;
    KnownVip known;
    known.vip = vip.value_or(Vip{});
    known.addresses = {*IpAddress::parse("192.0.2.1")};
    for (const KnownVip* present :
         {static_cast<const KnownVip*>(nullptr), static_cast<const KnownVip*>(&known)}) {
        const Decision decision = reconcile(
            {.service = &service, .nodes = nodes, .vip = present, .options = options, .now = now},
            memory);
        TRIVET_ASSERT(!to_string(decision.step).empty());
        if (const auto* emit = std::get_if<EmitEvent>(&decision.step))
            TRIVET_ASSERT(!event_body(service, emit->event, "", "").dump().empty());
    }
    const auto patch = status_patch(service, known.addresses);
    TRIVET_ASSERT(patch["status"]["loadBalancer"]["ingress"].size() == 1);
}

void check_object(const nlohmann::json& object) {
    if (const auto service = read_service(object)) check_reconcile(*service);
    if (const auto slice = read_endpoint_slice(object)) {
        const EndpointSlice* list[]{&*slice};
        check_backends(list, one_node());
    }
    if (const auto lease = read_kube_lease(object)) {
        const auto again = read_kube_lease(to_json(*lease));
        TRIVET_ASSERT(again && again->holder_identity == lease->holder_identity &&
                      again->renew_time == lease->renew_time);
    }
    if (const auto node = read_kube_node(object)) check_backends({}, map_of(*node));
    static_cast<void>(endpoint_slice_path(object));
    static_cast<void>(read_status(object).to_string());
}

/// A reflector whose list is the input, or whose watch is.
void check_reflector(std::string_view text, std::size_t chunk, bool watch) {
    ObjectCache<Service> cache(read_service);
    Reflector reflector({.path = "/api/v1/services", .random_seed = 1}, cache);
    Instant now{};
    static_cast<void>(reflector.start(now));
    static_cast<void>(reflector.on_response({200}, now));
    if (watch) {
        static_cast<void>(
            reflector.on_bytes(R"({"metadata":{"resourceVersion":"1"},"items":[]})", now));
        static_cast<void>(reflector.on_closed(now));
        static_cast<void>(reflector.on_response({200}, now));
    }
    for (std::size_t at = 0; at < text.size(); at += chunk) {
        const auto actions = reflector.on_bytes(text.substr(at, chunk), now);
        TRIVET_ASSERT(std::ranges::is_sorted(actions.changed));
        if (actions.drop) break;
    }
    static_cast<void>(reflector.on_closed(now));
    TRIVET_ASSERT(reflector.next_deadline() && *reflector.next_deadline() > now);
    for (int i = 0; i < 3; ++i) {  // it always asks for something in the end
        now = *reflector.next_deadline();
        static_cast<void>(reflector.on_timer(now));
        TRIVET_ASSERT(reflector.next_deadline() && *reflector.next_deadline() > now);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t chunk = data[0] / 2u + 1u;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto events = read_stream(text, chunk);
    const auto whole = read_stream(text, text.size() + 1);
    TRIVET_ASSERT(events.size() == whole.size());
    for (std::size_t i = 0; i < events.size(); ++i) {
        TRIVET_ASSERT(events[i].type == whole[i].type && events[i].object == whole[i].object);
        check_object(events[i].object);
    }
    if (const auto page = read_list_page(text))
        for (const auto& item : page->items) check_object(item);
    if (const auto object = parse_json(text)) check_object(*object);
    check_reflector(text, chunk, data[0] % 2 != 0);
    return 0;
}
