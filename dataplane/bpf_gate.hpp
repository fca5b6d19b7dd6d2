#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "dataplane/earlier_gates.hpp"
#include "dataplane/gate.hpp"
#include "dataplane/tc_filters.hpp"

struct GateProgram;  // the skeleton that bpftool makes of gate.bpf.c

namespace trivet::dataplane {

/// The gate as a BPF program at tc ingress and egress. Thread rule: see Gate.
class BpfGate final : public Gate {
public:
    /// Loads the program and proves on the loopback interface that it can be attached.
    /// `earlier` is moved from only on success. Errors: not_allowed, unavailable: BPF is refused.
    static Result<std::unique_ptr<Gate>> open(EarlierGates& earlier, const Callbacks& callbacks);
    BpfGate(const BpfGate&) = delete;
    BpfGate& operator=(const BpfGate&) = delete;
    ~BpfGate() override;

    Result<void> attach(std::uint32_t ifindex) override;
    Result<void> detach(std::uint32_t ifindex) override;
    Result<void> replace_earlier() override;
    Result<void> set_vips(std::span<const VipGroup> vips) override;
    Result<void> erase_vips(std::span<const IpAddress> addresses) override;
    bool set_deadlines(std::span<const GroupDeadlines> groups) noexcept override;
    GateStatus describe() const override;
    GateCounters counters() const override;
    Result<void> remove() override;

private:
    struct DestroyProgram {
        void operator()(GateProgram* program) const;
    };
    using Program = std::unique_ptr<GateProgram, DestroyProgram>;
    struct Unmap {
        void operator()(trivet_gate_deadlines* deadlines) const;
    };

    BpfGate(Program program, TcFilters tc, std::uint32_t slot);
    Result<void> load_and_map();
    Result<void> prove();
    Result<void> add_filters(std::uint32_t ifindex);
    Result<void> remove_filters(std::uint32_t ifindex);
    int program_fd(trivet_gate_direction direction) const;

    Program program_;
    TcFilters tc_;
    std::uint32_t slot_;
    std::unique_ptr<trivet_gate_deadlines, Unmap> deadlines_;  // the kernel's array, mapped
    std::array<std::uint32_t, TRIVET_GATE_DIRECTIONS> program_ids_{};

    mutable std::mutex mutex_;  // what describe() reads while the lease thread attaches
    std::map<std::uint32_t, std::string> attached_;  // names
    std::optional<EarlierGates> earlier_;
};

}  // namespace trivet::dataplane
