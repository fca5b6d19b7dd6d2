#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/model/objects.hpp"
#include "core/time.hpp"

namespace trivet::cloud {

/// Finds VIPs of this cluster whose Service is gone without having given them back: it was deleted
/// while its finalizer was taken away by force, or with its whole namespace's bookkeeping.
///
/// A VIP is released when its Service has been missing without a break for the grace period, and in
/// a whole list that was read after it was first missed. Many at once are a fault until somebody
/// says otherwise: an API server that was restored empty, a kubeconfig of another cluster.
/// Without a clock: one strand owns it.
class GarbageCollector {
public:
    struct Options {
        std::chrono::seconds grace = std::chrono::minutes(5);
        bool allow_mass_release = false;  // --allow-mass-release
    };
    static constexpr std::size_t mass_release_min = 10;
    static constexpr std::size_t mass_release_percent = 20;

    struct Sight {
        const std::set<ObjectKey>& vips;      // those that this shim's cluster has made
        const std::set<ObjectKey>& services;  // where the VIPs of the Services that exist would be
        std::uint64_t lists = 0;              // whole lists of Services read so far; 0: none yet
    };
    struct Plan {
        std::vector<ObjectKey> release;
        bool wants_list = false;  // a whole list of Services would settle it
        std::string held_back;    // why nothing is released, to be told; empty: no reason
    };

    explicit GarbageCollector(Options options) : options_(options) {}

    /// Call it after each change of either side, and at next_deadline().
    [[nodiscard]] Plan look(const Sight& sight, Instant now);
    std::optional<Instant> next_deadline() const { return deadline_; }
    std::size_t missing() const { return missing_.size(); }

private:
    struct Missing {
        Instant since;
        std::uint64_t lists;  // read when it was first missed
    };

    void notice(const Sight& sight, Instant now);
    bool is_mass(std::size_t count, std::size_t known) const;

    Options options_;
    std::map<ObjectKey, Missing> missing_;
    std::optional<Instant> deadline_;
};

}  // namespace trivet::cloud
