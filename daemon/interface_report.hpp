#pragma once
#include <optional>
#include <vector>

#include "core/objects.hpp"
#include "core/time.hpp"

namespace trivet::daemon {

/// Which of this machine's interfaces the cluster is told of. What is lost is told at once, so that
/// its VIPs move; what comes back is told when it has stood for a while, so that a link that goes
/// up and down does not move them each time. Pure; a value type.
class InterfaceReport {
public:
    static constexpr Duration settle_after = std::chrono::seconds{2};

    /// The interfaces that can be used now. The first ones are believed at once.
    void see(std::vector<NodeInterface> interfaces, Instant now);
    void on_time(Instant now);
    /// When on_time() has something to do.
    std::optional<Instant> next_deadline() const { return settles_at_; }
    /// nullopt: none were seen yet.
    const std::optional<std::vector<NodeInterface>>& told() const { return told_; }

private:
    std::vector<NodeInterface> seen_;
    std::optional<std::vector<NodeInterface>> told_;
    std::optional<Instant> settles_at_;
};

}  // namespace trivet::daemon
