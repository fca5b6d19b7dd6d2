#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cloud/reconcile.hpp"
#include "core/cluster_state.hpp"
#include "tests/cloud/kube_values.hpp"

namespace trivet::cloud::test {

/// Both sides of a shim in memory: an API server with Services that behaves as a real one where the
/// shim can tell (versions, merge patches, finalizers, what it adds to a status), Trivet's own
/// state machine, and a shim between them that can be killed after any step.
class CloudWorld {
public:
    explicit CloudWorld(CloudOptions options = {.cluster = "c1"}) : options_(std::move(options)) {}

    // ---- what people do ----
    void pool(const std::string& name, const std::string& fields);
    Result<void> try_pool(const std::string& name, const std::string& fields, bool force = false);
    void create(const std::string& name, const std::string& patch = "{}");
    void change(const std::string& name, const std::string& patch);
    void erase(const std::string& name);
    Result<void> put_vip(const std::string& text);
    void erase_vip(const std::string& name_space, const std::string& name);
    void set_nodes(NodeMap nodes) { nodes_ = std::move(nodes); }
    void set_slices(std::vector<EndpointSlice> slices) { slices_ = std::move(slices); }
    void set_owner(std::string owner) { owner_ = std::move(owner); }
    void set_conflict(std::string reason) { conflict_ = std::move(reason); }
    void pass(Duration time) { now_ += time; }

    // ---- the shim ----
    /// Steps of one Service until there is nothing to do; the number of them. `killed_after` steps
    /// the shim dies: it forgets all. A step too many is a failure of the test.
    int run(const std::string& name, std::optional<int> killed_after = {});
    /// All Services, by name.
    int run_all(std::optional<int> killed_after = {});
    std::optional<Instant> look_again() const { return look_again_; }
    bool wants_retry() const { return retry_; }

    // ---- what there is ----
    bool exists(const std::string& name) const { return services_.contains(name); }
    const nlohmann::json& object(const std::string& name) const { return services_.at(name); }
    std::string shown(const std::string& name) const;  // the status' addresses
    std::string held(const std::string& name_space, const std::string& name) const;
    const Vip* vip(const std::string& name) const;  // of c1.shop
    const std::vector<std::string>& events() const { return events_; }
    std::string last_event() const { return events_.empty() ? "" : events_.back(); }
    /// All that counts, without versions.
    std::string picture() const;
    const ClusterState& trivet() const { return trivet_; }
    const std::vector<std::string>& steps() const { return steps_; }

private:
    std::optional<KnownVip> known_vip(const std::string& name) const;
    bool perform(const std::string& name, const Step& step, ServiceMemory& memory);
    void patch_service(const std::string& name, const PatchService& patch);
    void settle(const std::string& name);
    Result<void> apply(Action action);

    CloudOptions options_;
    std::map<std::string, nlohmann::json> services_;  // of namespace shop
    std::uint64_t version_ = 1;
    std::set<std::string> event_names_;
    std::vector<std::string> events_;
    std::vector<EndpointSlice> slices_;
    NodeMap nodes_;

    ClusterState trivet_;
    std::uint64_t index_ = 0;
    std::string owner_ = "n1";
    std::string conflict_;

    Instant now_{std::chrono::seconds(1000)};
    std::map<std::string, ServiceMemory> memory_;
    std::optional<Instant> look_again_;
    bool retry_ = false;
    std::vector<std::string> steps_;
};

}  // namespace trivet::cloud::test
