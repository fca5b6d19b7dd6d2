#include "cloud/shim/lease_election.hpp"

#include <algorithm>

namespace trivet::cloud {

LeaseElection::LeaseElection(Options options)
    : options_(std::move(options)),
      jitter_({options_.retry_period, options_.retry_period}, options_.random_seed) {}

std::optional<LeaseElection::Request> LeaseElection::next(Instant now, const std::string& time) {
    if (awaited_ || now < due_) return std::nullopt;
    Request request;
    if (known_ && (!lease_ || is_free(now))) request = take(time);
    known_ = false;
    awaited_ = request.kind;
    sent_ = now;
    return request;
}

/// Nobody holds it, we do, or it has not changed for as long as it says.
bool LeaseElection::is_free(Instant now) const {
    const std::string& holder = lease_->holder_identity;
    return holder.empty() || holder == options_.identity || now >= seen_ + duration_of(*lease_);
}

/// Whose holder does not say how long it means to hold it gets what we would take.
Duration LeaseElection::duration_of(const KubeLease& lease) const {
    if (lease.lease_duration_s == 0) return options_.lease_duration;
    return std::chrono::seconds(lease.lease_duration_s);
}

LeaseElection::Request LeaseElection::take(const std::string& time) const {
    Request request{Request::Kind::create, {}};
    KubeLease& lease = request.lease;
    if (lease_) {
        request.kind = Request::Kind::replace;
        lease = *lease_;
    }
    lease.meta.name = options_.name;
    lease.meta.name_space = options_.name_space;
    if (lease.holder_identity != options_.identity) {
        if (lease_) ++lease.lease_transitions;
        lease.acquire_time = time;
    }
    lease.holder_identity = options_.identity;
    lease.lease_duration_s = static_cast<std::uint32_t>(options_.lease_duration.count());
    lease.renew_time = time;
    return request;
}

void LeaseElection::on_lease(const std::optional<KubeLease>& lease, Instant now) {
    if (!awaited_) return;
    const bool was_change = *awaited_ != Request::Kind::get;
    awaited_.reset();
    known_ = true;
    const bool is_news = lease.has_value() != lease_.has_value() ||
                         (lease && lease->meta.resource_version != lease_->meta.resource_version);
    if (is_news) seen_ = now;
    lease_ = lease;
    holder_ = lease ? lease->holder_identity : "";
    const bool is_ours = lease && holder_ == options_.identity;
    if (was_change && is_ours) renewed_ = sent_;
    if (!is_ours) renewed_.reset();
    // What is free is taken at once; so is one that is ours, and that nobody knows when we renewed.
    const bool is_taken_at_once = !was_change && (!lease_ || is_free(now));
    due_ = is_taken_at_once ? now : now + jitter_.delay(1);
    if (!is_taken_at_once && lease_ && !is_ours)
        due_ = std::min(due_, std::max(now, seen_ + duration_of(*lease_)));
    // One that waits asks again before it takes: the Lease may have been renewed meanwhile.
    if (!was_change && !is_taken_at_once) known_ = false;
}

void LeaseElection::on_conflict(Instant now) {
    awaited_.reset();
    known_ = false;
    due_ = now;  // to look, not to write
}

void LeaseElection::on_failed(Instant now) {
    awaited_.reset();
    known_ = false;
    due_ = now + jitter_.delay(1);
}

bool LeaseElection::leads(Instant now) const {
    const auto until = leads_until();
    return until && now < *until;
}

std::optional<Instant> LeaseElection::leads_until() const {
    if (!renewed_) return std::nullopt;
    return *renewed_ + options_.renew_deadline;
}

std::optional<LeaseElection::Request> LeaseElection::resign(Instant now, const std::string& time) {
    if (!leads(now) || !lease_) return std::nullopt;
    Request request = take(time);
    request.lease.holder_identity.clear();
    request.lease.lease_duration_s = 1;  // as client-go: a Lease must have a positive one
    renewed_.reset();
    return request;
}

}  // namespace trivet::cloud
