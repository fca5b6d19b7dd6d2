#include "daemon/gate_adapter.hpp"

#include <array>

#include "core/assert.hpp"

namespace trivet::daemon {

static_assert(gate_groups_max <= dataplane::groups_max);

/// The lease thread's end.
class LeasesOfGate final : public LeaseGate {
public:
    explicit LeasesOfGate(std::shared_ptr<SharedGate> gate) : gate_(std::move(gate)) {}

    bool set_deadlines(std::span<const GateGroupDeadlines> groups) noexcept override {
        const auto turn = gate_->turn();
        std::array<dataplane::GroupDeadlines, 64> portion;
        bool all = true;
        while (!groups.empty()) {
            const auto some = groups.first(std::min(groups.size(), portion.size()));
            for (std::size_t i = 0; i < some.size(); ++i)
                portion[i] = {.group = some[i].group,
                              .deadlines = {.announce_until = some[i].deadlines.announce_until,
                                            .accept_until = some[i].deadlines.accept_until}};
            all &= gate_->gate_->set_deadlines(std::span(portion).first(some.size()));
            groups = groups.subspan(some.size());
        }
        return all;
    }
    bool set_vips(std::span<const VipGroup> vips) noexcept override {
        const auto turn = gate_->turn();
        return gate_->gate_->set_vips(vips).has_value();
    }
    bool erase_vips(std::span<const IpAddress> addresses) noexcept override {
        const auto turn = gate_->turn();
        return gate_->gate_->erase_vips(addresses).has_value();
    }

private:
    std::shared_ptr<SharedGate> gate_;
};

SharedGate::SharedGate(std::unique_ptr<dataplane::Gate> gate)
    : gate_(std::move(gate)),
      takes_turns_(gate_->describe().kind == dataplane::GateKind::nftables) {}

std::unique_lock<std::mutex> SharedGate::turn() const {
    return takes_turns_ ? std::unique_lock(mutex_) : std::unique_lock<std::mutex>();
}

Result<void> SharedGate::attach(std::uint32_t ifindex) {
    const std::scoped_lock one(attach_mutex_);
    const auto turn = this->turn();
    return gate_->attach(ifindex);
}

Result<void> SharedGate::replace_earlier() {
    const std::scoped_lock one(attach_mutex_);
    const auto turn = this->turn();
    return gate_->replace_earlier();
}

dataplane::GateStatus SharedGate::describe() const {
    const auto turn = this->turn();
    return gate_->describe();
}

dataplane::GateCounters SharedGate::counters() const {
    const auto turn = this->turn();
    return gate_->counters();
}

std::unique_ptr<LeaseGate> SharedGate::for_leases(std::shared_ptr<SharedGate> gate) {
    return std::make_unique<LeasesOfGate>(std::move(gate));
}

}  // namespace trivet::daemon
