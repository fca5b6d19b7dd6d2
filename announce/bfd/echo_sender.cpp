#include "announce/bfd/echo_sender.hpp"

#include <algorithm>
#include <string_view>

#include "announce/bfd/jitter.hpp"
#include "core/assert.hpp"

namespace trivet::announce::bfd {

namespace {

// Of trials, when one was in vain: a peer that says it returns echoes and does not is not to be
// flooded with them.
constexpr Duration slow_pace = std::chrono::seconds{1};

/// On trial one is sent in each form by turns, so that the one that comes back tells which it had.
EchoForm form_on_trial(std::uint64_t sequence) {
    return sequence % 2 == 1 ? EchoForm::to_peer : EchoForm::to_ourselves;
}

}  // namespace

std::string_view to_string(EchoPhase phase) {
    switch (phase) {
        case EchoPhase::off:
            return "off";
        case EchoPhase::trial:
            return "trial";
        case EchoPhase::active:
            return "active";
    }
    return "";
}

void EchoSender::set_interval(std::optional<Duration> interval, std::uint8_t detect_multiplier,
                              Instant now) {
    if (interval == interval_ && detect_multiplier == detect_multiplier_) return;
    const Duration pace_before = interval_ ? pace() : Duration{};
    interval_ = interval;
    detect_multiplier_ = detect_multiplier;
    if (!interval_) {
        phase_ = EchoPhase::off;
        is_slow_ = false;
        returned_ = sent_;
        sent_at_.reset();
        send_at_.reset();
        judged_at_.reset();
        return;
    }
    if (phase_ == EchoPhase::off) {
        phase_ = EchoPhase::trial;
        send_at_ = now;
    } else if (pace() != pace_before) {
        // "MUST NOT be less than the value advertised": at once, also for the next one.
        send_at_ = sent_at_ ? *sent_at_ + pace() : now;
    }
}

std::optional<Duration> EchoSender::interval() const {
    if (!interval_) return std::nullopt;
    return pace();
}

Duration EchoSender::pace() const {
    return phase_ == EchoPhase::trial && is_slow_ ? std::max(*interval_, slow_pace) : *interval_;
}

EchoSender::Next EchoSender::send(Instant now, std::minstd_rand& random) {
    TRIVET_ASSERT(is_due(now));
    ++sent_;
    sent_at_ = now;
    send_at_ = now + jittered(pace(), detect_multiplier_, random);
    // Counted, not timed: a thread that was held up has sent none whose absence could be judged.
    if (sent_ - returned_ >= detect_multiplier_ && !judged_at_) judged_at_ = now + *interval_;
    return {.sequence = sent_, .form = phase_ == EchoPhase::active ? form_ : form_on_trial(sent_)};
}

std::optional<EchoSender::Verdict> EchoSender::on_returned(std::uint64_t sequence) {
    if (phase_ == EchoPhase::off || sequence <= returned_ || sequence > sent_) return std::nullopt;
    returned_ = sequence;
    if (sent_ - returned_ < detect_multiplier_) judged_at_.reset();
    if (phase_ == EchoPhase::active) return Verdict::none;
    phase_ = EchoPhase::active;
    form_ = form_on_trial(sequence);
    is_slow_ = false;
    send_at_ = *sent_at_ + pace();
    return Verdict::began;
}

EchoSender::Verdict EchoSender::on_timer(Instant now) {
    if (!judged_at_ || now < *judged_at_) return Verdict::none;
    judged_at_.reset();
    returned_ = sent_;
    if (phase_ == EchoPhase::active) return Verdict::failed;
    is_slow_ = true;
    if (sent_at_) send_at_ = *sent_at_ + pace();
    return Verdict::unanswered;
}

std::optional<Instant> EchoSender::next_deadline() const {
    if (!judged_at_) return send_at_;
    return send_at_ ? std::min(*send_at_, *judged_at_) : judged_at_;
}

}  // namespace trivet::announce::bfd
