#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cluster_state.hpp"

namespace trivet::test {

/// The allocation rules once more, as plain as can be: it looks at every address and every pair of
/// VIPs. It takes pools and VIP specs from a ClusterState, remembers by itself who held what and
/// when it was given back, and says what is wrong. Only for small address ranges.
class AllocationModel {
public:
    /// What one command was, as far as the model must know.
    struct Step {
        bool batch = false;  // several actions, or one that moves the time as well
        bool refused = false;
        std::optional<ObjectKey> vip;      // the VIP that was put or deleted
        std::optional<std::string> force;  // the pool that was put or deleted by force
        std::vector<std::string> changed;  // Applied::changed
    };

    /// Compares `state` after a step with what the model knows from before; "" when all is right.
    std::string check(const ClusterState& state, const Step& step);

private:
    struct Record {
        WallTime at{};
        std::uint64_t order = 0;
        std::string vip;
    };
    struct Seen {
        Vip spec;
        std::uint64_t created = 0;
        std::vector<IpAddress> assigned;
        bool waiting = false;
    };
    using Vips = std::map<ObjectKey, Seen>;

    const Pool* pool_of(IpAddress address) const;
    bool serves(const Pool& pool, const Vip& vip) const;
    std::vector<const Pool*> candidates(const Vip& vip) const;
    bool is_free_for(IpAddress address, const Vip& vip) const;
    bool is_shareable(IpAddress address, const Vip& vip) const;
    bool may_choose(const Pool& pool, IpAddress address, const Vip& vip) const;
    bool may_have_by_name(IpAddress address, const Vip& vip) const;
    bool can_choose(const Vip& vip, IpFamily family) const;
    bool could_be_served(const Seen& seen) const;

    void learn(const ClusterState& state);
    std::string check_holders() const;
    std::string check_spec(const ObjectKey& key, const Seen& seen) const;
    std::string check_changes(const Vips& before, const Step& step) const;
    std::string check_order(const Vips& before) const;
    std::string check_choice(const AllocationModel& before, const ObjectKey& key) const;
    std::string check_use(const ClusterState& state) const;
    std::string check_records(const ClusterState& state, const Step& step,
                              const AllocationModel& before);

    std::map<std::string, Pool> pools_;
    std::map<std::string, std::vector<IpAddress>> addresses_;  // of each pool, sorted
    std::map<std::string, Labels> namespaces_;
    Vips vips_;
    std::map<IpAddress, std::vector<const Seen*>> held_;
    std::map<IpAddress, Record> records_;
    WallTime time_{};
};

}  // namespace trivet::test
