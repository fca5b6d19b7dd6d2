#include "announce/bind_delivery.hpp"

#include <vector>

namespace trivet::announce {

Result<BindDelivery> BindDelivery::open(ArpSysctls::Paths paths, Log log) {
    auto bound = BoundAddresses::open(log);
    if (!bound) return fail(bound.error());
    return BindDelivery(std::move(*bound), ArpSysctls(std::move(paths), log), log);
}

void BindDelivery::want(IpAddress address) {
    lingering_.erase(address);
    to_remove_.erase(address);
    if (wanted_.insert(address).second) to_add_.insert(address);
}

void BindDelivery::give_up(IpAddress address, Ending ending, Instant now) {
    const bool was_wanted = wanted_.erase(address) != 0;
    to_add_.erase(address);
    problems_.erase(address);
    if (was_wanted && ending == Ending::lingering) {
        lingering_[address] = now + linger;
        lingering_ends_.emplace_back(now + linger, address);
    } else if (was_wanted || (ending == Ending::at_once && lingering_.erase(address) != 0)) {
        to_remove_.insert(address);
    }
}

std::string BindDelivery::problem(IpAddress address) const {
    const auto found = problems_.find(address);
    return found == problems_.end() ? "" : found->second;
}

std::set<IpAddress> BindDelivery::work() {
    if (!to_add_.empty()) return add_some();
    remove_some();
    return {};
}

std::set<IpAddress> BindDelivery::add_some() {
    make_quiet();
    std::vector<IpAddress> taken, safe;
    while (!to_add_.empty() && taken.size() < per_turn)
        taken.push_back(to_add_.extract(to_add_.begin()).value());
    for (const IpAddress address : taken) {
        // Without the settings the kernel would answer for it on every interface.
        if (!address.is_v4() || sysctl_problem_.empty())
            safe.push_back(address);
        else
            bound_.drop(address);
    }
    const BoundAddresses::Failures failures = bound_.add(safe);
    std::set<IpAddress> changed;
    for (const IpAddress address : taken) {
        const auto failure = failures.find(address);
        std::string problem = failure == failures.end() ? "" : failure->second.message;
        if (address.is_v4() && !sysctl_problem_.empty()) problem = sysctl_problem_;
        if (problem != this->problem(address)) changed.insert(address);
        if (problem.empty())
            problems_.erase(address);
        else
            problems_[address] = std::move(problem);
    }
    return changed;
}

void BindDelivery::remove_some() {
    for (std::size_t i = 0; i < per_turn && !to_remove_.empty(); ++i)
        bound_.drop(to_remove_.extract(to_remove_.begin()).value());
    if (!is_settled_) return;
    const bool restores = !needs_quiet() && sysctls_.has_changes();
    if (!bound_.has_dropped() && !restores) return;
    // The settings last: while an address is on lo, the kernel must not answer for it.
    if (reconcile() && restores) sysctls_.restore();
}

void BindDelivery::on_timer(Instant now) {
    while (!lingering_ends_.empty() && lingering_ends_.front().first <= now) {
        const auto [end, address] = lingering_ends_.front();
        lingering_ends_.pop_front();
        const auto found = lingering_.find(address);
        if (found == lingering_.end() || found->second != end) continue;  // wanted again meanwhile
        lingering_.erase(found);
        to_remove_.insert(address);
    }
}

std::optional<Instant> BindDelivery::next_deadline() const {
    if (lingering_ends_.empty()) return std::nullopt;
    return lingering_ends_.front().first;
}

void BindDelivery::check() {
    if (!is_settled_) return;
    for (const auto& [address, problem] : problems_) to_add_.insert(address);
    if (needs_quiet()) {
        const std::string before = sysctl_problem_;
        make_quiet();
        if (before != sysctl_problem_) to_add_.insert(wanted_.begin(), wanted_.end());
    }
    if (reconcile() && !needs_quiet()) sysctls_.restore();
}

void BindDelivery::withdraw() {
    wanted_.clear();
    lingering_.clear();
    lingering_ends_.clear();
    to_add_.clear();
    to_remove_.clear();
    problems_.clear();
    bound_.drop_all();
    if (reconcile()) sysctls_.restore();
}

bool BindDelivery::needs_quiet() const {
    // IPv4 sorts before IPv6. What waits to be removed is there still.
    return (!wanted_.empty() && wanted_.begin()->is_v4()) ||
           (!lingering_.empty() && lingering_.begin()->first.is_v4()) ||
           (!to_remove_.empty() && to_remove_.begin()->is_v4());
}

void BindDelivery::make_quiet() {
    if (!needs_quiet()) return;
    auto quiet = sysctls_.ensure();
    sysctl_problem_ = quiet ? "" : quiet.error().message;
}

bool BindDelivery::reconcile() {
    auto failures = bound_.reconcile();
    if (!failures) {
        log_("error", failures.error().message);
        return false;
    }
    for (const auto& [address, error] : *failures) log_("error", error.message);
    return failures->empty();
}

}  // namespace trivet::announce
