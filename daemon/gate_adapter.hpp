#pragma once
#include <memory>
#include <mutex>

#include "daemon/lease/lease_gate.hpp"
#include "dataplane/gate.hpp"

namespace trivet::daemon {

/// The kernel's gate, shared by those who use it: the lease thread opens and closes, the
/// announcer's thread attaches interfaces, the io thread looks. With BPF these meet in the kernel
/// alone; the nftables gate has one connection to the kernel, so its calls take turns.
class SharedGate {
public:
    explicit SharedGate(std::unique_ptr<dataplane::Gate> gate);

    Result<void> attach(std::uint32_t ifindex);
    Result<void> replace_earlier();
    dataplane::GateStatus describe() const;
    dataplane::GateCounters counters() const;
    /// What a LeaseService is given: closed, and of all groups.
    static std::unique_ptr<LeaseGate> for_leases(std::shared_ptr<SharedGate> gate);

private:
    friend class LeasesOfGate;
    std::unique_lock<std::mutex> turn() const;

    std::unique_ptr<dataplane::Gate> gate_;
    bool takes_turns_;
    mutable std::mutex mutex_;
    mutable std::mutex attach_mutex_;
};

}  // namespace trivet::daemon
