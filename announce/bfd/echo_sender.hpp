#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include "core/time.hpp"

namespace trivet::announce::bfd {

enum class EchoPhase : std::uint8_t {
    off,    // not wanted, or not possible at present
    trial,  // sent; none has come back yet, so their absence says nothing
    active,
};
std::string_view to_string(EchoPhase phase);

/// How an echo packet comes back (RFC 5881 section 4, and what BFD daemons make of it).
enum class EchoForm : std::uint8_t {
    to_peer,       // addressed to the peer, whose BFD returns it
    to_ourselves,  // addressed to ourselves, so that the peer's forwarding returns it
};

/// The schedule and the judgement of one session's own echo packets (RFC 5880 sections 6.8.5 and
/// 6.8.9). Its session owns it and asks it at every event.
class EchoSender {
public:
    enum class Verdict : std::uint8_t { none, began, failed, unanswered };

    /// nullopt: cease. Otherwise as often as this, the greater of what both sides can bear.
    void set_interval(std::optional<Duration> interval, std::uint8_t detect_multiplier,
                      Instant now);
    EchoPhase phase() const { return phase_; }
    std::optional<Duration> interval() const;

    struct Next {
        std::uint64_t sequence = 0;
        EchoForm form = EchoForm::to_peer;
    };
    /// Precondition: is_due().
    Next send(Instant now, std::minstd_rand& random);
    bool is_due(Instant now) const { return send_at_ && now >= *send_at_; }
    /// One came back, with a right tag. nullopt: it is an old one, or one never sent.
    std::optional<Verdict> on_returned(std::uint64_t sequence);
    /// `failed` when as many as the multiplier are missing and the last one's time is over.
    Verdict on_timer(Instant now);
    std::optional<Instant> next_deadline() const;

private:
    Duration pace() const;

    EchoPhase phase_ = EchoPhase::off;
    EchoForm form_ = EchoForm::to_peer;  // the one that came back, when active
    std::optional<Duration> interval_;
    std::uint8_t detect_multiplier_ = 1;
    bool is_slow_ = false;  // the last trial was in vain
    std::uint64_t sent_ = 0;
    std::uint64_t returned_ = 0;  // the newest, or the last one given up
    std::optional<Instant> sent_at_;
    std::optional<Instant> send_at_;
    std::optional<Instant> judged_at_;
};

}  // namespace trivet::announce::bfd
