#include "cloud/kube_lease.hpp"

#include "cloud/json_reader.hpp"

namespace trivet::cloud {

using nlohmann::json;

namespace {

constexpr std::uint32_t int32_max = 0x7fff'ffff;  // their type in the API

}  // namespace

Result<KubeLease> read_kube_lease(const json& object) {
    auto meta = read_meta(object);
    if (!meta) return fail(meta.error());
    KubeLease lease;
    lease.meta = std::move(*meta);
    JsonReader whole(object);
    whole.object("spec", [&lease](JsonReader& spec) {
        spec.text("holderIdentity", lease.holder_identity);
        spec.integer("leaseDurationSeconds", lease.lease_duration_s, std::uint32_t{0}, int32_max);
        spec.text("acquireTime", lease.acquire_time);
        spec.text("renewTime", lease.renew_time);
        spec.integer("leaseTransitions", lease.lease_transitions, std::uint32_t{0}, int32_max);
    });
    if (auto finished = whole.finish(); !finished) return fail(finished.error());
    return lease;
}

json to_json(const KubeLease& lease) {
    json meta{{"name", lease.meta.name}, {"namespace", lease.meta.name_space}};
    if (!lease.meta.resource_version.empty()) meta["resourceVersion"] = lease.meta.resource_version;
    json spec{{"holderIdentity", lease.holder_identity},
              {"leaseDurationSeconds", lease.lease_duration_s},
              {"leaseTransitions", lease.lease_transitions}};
    if (!lease.acquire_time.empty()) spec["acquireTime"] = lease.acquire_time;
    if (!lease.renew_time.empty()) spec["renewTime"] = lease.renew_time;
    return {{"apiVersion", "coordination.k8s.io/v1"},
            {"kind", "Lease"},
            {"metadata", std::move(meta)},
            {"spec", std::move(spec)}};
}

}  // namespace trivet::cloud
