#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cloud/backoff.hpp"
#include "cloud/kube_lease.hpp"

namespace trivet::cloud {

/// Which of several shims works, by a Lease of coordination.k8s.io as client-go's leader election
/// uses it, without clocks or sockets: who waits takes over when the Lease has not changed for its
/// own duration on the waiting one's clock; who leads stops well before that when it cannot renew.
/// Two that lead at once would do no harm but double work (docs/adr/0012-kubernetes-shim.md).
/// One strand owns it.
class LeaseElection {
public:
    struct Options {
        std::string name_space = "kube-system";
        std::string name;
        std::string identity;  // of this process alone
        std::chrono::seconds lease_duration{15};
        std::chrono::seconds renew_deadline{10};  // without a renewal it leads no longer
        std::chrono::seconds retry_period{2};     // between renewals, and between looks
        std::uint64_t random_seed = 0;
    };
    struct Request {
        enum class Kind : std::uint8_t { get, create, replace };
        Kind kind = Kind::get;
        KubeLease lease;  // of create and replace
    };

    explicit LeaseElection(Options options);

    /// What to send now; nullopt: nothing before next_deadline(), or while an answer is awaited.
    /// `time` is RFC 3339 with microseconds.
    [[nodiscard]] std::optional<Request> next(Instant now, const std::string& time);
    Instant next_deadline() const { return due_; }
    /// The answer: the Lease as it is now; nullopt: there is none.
    void on_lease(const std::optional<KubeLease>& lease, Instant now);
    /// Somebody else was quicker (409).
    void on_conflict(Instant now);
    /// No answer, or another refusal: whether a change was made is not known.
    void on_failed(Instant now);

    bool leads(Instant now) const;
    /// When it will stop to lead unless it renews; nullopt: it does not lead.
    std::optional<Instant> leads_until() const;
    const std::string& holder() const { return holder_; }  // as last seen; empty: nobody
    /// Gives the Lease back, when it is held: a request to be sent once, whatever comes of it.
    [[nodiscard]] std::optional<Request> resign(Instant now, const std::string& time);

private:
    bool is_free(Instant now) const;
    Duration duration_of(const KubeLease& lease) const;
    Request take(const std::string& time) const;

    Options options_;
    Backoff jitter_;
    Instant due_{};
    std::optional<Request::Kind> awaited_;
    Instant sent_{};
    bool known_ = false;              // whether the server was asked, or has answered a change
    std::optional<KubeLease> lease_;  // as last seen
    Instant seen_{};                  // when it was first seen so
    std::optional<Instant> renewed_;  // when the last renewal that succeeded was sent
    std::string holder_;
};

}  // namespace trivet::cloud
