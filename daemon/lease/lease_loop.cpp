#include "daemon/lease/lease_loop.hpp"

#include <array>
#include <cerrno>

#include <poll.h>

#include "core/assert.hpp"
#include "daemon/lease/boot_clock.hpp"

namespace trivet::daemon {

namespace {

// A thread that was woken later than this after it was due was held up, and so may be what others
// have sent to it.
constexpr Duration late_guard = std::chrono::milliseconds{3};
// Timers shall be served also while strangers send without end.
constexpr std::size_t packets_per_turn = 64;
// After a stall all that waits is looked at: as many as the socket's buffer holds.
constexpr std::size_t packets_after_stall = 4096;
// Of looking again when the thread is held up even while it drains.
constexpr int drains_max = 3;

}  // namespace

// ---- the loop -----------------------------------------------------------------------------------

LeaseLoop::LeaseLoop(Options options, Links links)
    : options_(options),
      links_(std::move(links)),
      guard_(options.self, options.boot),
      keeper_(links_.gate),
      effects_({.socket = links_.socket,
                .guard = guard_,
                .keeper = keeper_,
                .board = links_.board,
                .pipes = links_.pipes}),
      machine_(options.self, options.boot, read_boot_clock(), effects_) {
    effects_.bind(machine_.holder());
}

Result<void> LeaseLoop::close_gate() {
    if (!keeper_.close_at_start())
        return fail(ErrorCode::unavailable,
                    "the gate for VIP traffic does not close; 'lbctl doctor' says which one it is");
    return {};
}

void LeaseLoop::run() {
    while (!links_.orders.is_stopping.load(std::memory_order_acquire)) {
        wait();
        turn();
    }
    // A right that is held without a majority would last for ever.
    effects_.begin(read_boot_clock());
    if (!machine_.holder().is_retired()) effects_.close_all(false);
    finish();
}

void LeaseLoop::wait() {
    due_ = machine_.next_deadline();
    std::optional<Instant> next = due_;
    if (const auto linger = keeper_.next_deadline(); linger && (!next || *linger < *next))
        next = linger;
    timer_.arm(next);
    std::array<pollfd, 3> ready{pollfd{links_.socket.descriptor(), POLLIN, 0},
                                pollfd{timer_.descriptor(), POLLIN, 0},
                                pollfd{links_.orders.signal.descriptor(), POLLIN, 0}};
    const int count = ::poll(ready.data(), ready.size(), -1);
    TRIVET_ASSERT(count >= 0 || errno == EINTR);
    if (ready[1].revents != 0) timer_.clear();
    if (ready[2].revents != 0) links_.orders.signal.clear();
}

void LeaseLoop::turn() {
    const Instant woken = read_boot_clock();
    const auto late_at = [this](Instant now) {
        return due_ && now > *due_ ? now - *due_ : Duration{};
    };
    const bool is_late = late_at(woken) > late_guard;
    // Before anybody is suspected, everything that has arrived is heard. The same again when the
    // thread was held up while it listened.
    Instant before = woken;
    Instant now = drain(is_late ? packets_after_stall : packets_per_turn);
    for (int i = 1; i < drains_max && now - before > late_guard; ++i) {
        before = now;
        now = drain(packets_after_stall);
    }
    take_orders();
    now = read_boot_clock();
    if (late_at(now) > late_guard) note_stall(late_at(now), now);
    const std::optional<Instant> deadline = machine_.next_deadline();
    if (deadline && now >= *deadline) {
        effects_.begin(now);
        machine_.on_timer(now);
        finish();
    }
    if (const auto linger = keeper_.next_deadline(); linger && now >= *linger) {
        effects_.begin(now);
        keeper_.on_timer(now);
        finish();
    }
}

void LeaseLoop::note_stall(Duration late, Instant now) {
    links_.board.count(LeaseCounter::timer_late);
    if (late <= suspect() / 2) return;
    effects_.begin(now);
    machine_.on_stall(now);
    links_.board.note_stall(late);
    effects_.tell(ThreadStalled{late});
    finish();
}

Duration LeaseLoop::suspect() const {
    const auto profile =
        machine_.view() == nullptr ? lease::ProfileId::standard : machine_.view()->profile;
    return lease::profile_of(profile).suspect;
}

/// After each of the machine's calls.
void LeaseLoop::finish() {
    effects_.finish();
    if (!keeper_.is_broken()) return;
    if (!std::exchange(was_broken_, true)) effects_.tell(GateBroken{});
    // Whoever can serve shall: also when this node was admitted again meanwhile.
    if (!machine_.holder().is_retired()) machine_.release(read_boot_clock());
    effects_.finish();
}

// ---- packets ------------------------------------------------------------------------------------

/// The time after the last packet, or after there was none.
Instant LeaseLoop::drain(std::size_t packets_max) {
    for (std::size_t i = 0; i < packets_max && receive_one(); ++i) {
    }
    return read_boot_clock();
}

bool LeaseLoop::receive_one() {
    const auto [outcome, bytes] = links_.socket.receive(packet_);
    if (outcome == LeaseSocket::Outcome::nothing) return false;
    const Instant received = read_boot_clock();  // V6: after it was received
    if (outcome == LeaseSocket::Outcome::failed) {
        links_.board.count(LeaseCounter::receive_errors);
        return false;
    }
    links_.board.count(LeaseCounter::packets_received);
    const auto packet = std::span<const std::byte>(packet_).first(std::min(bytes, packet_.size()));
    LeaseHeader header;
    const LeaseVerdict verdict = guard_.open(packet, header);
    if (verdict != LeaseVerdict::accepted) {
        const auto first = static_cast<std::size_t>(LeaseCounter::dropped_malformed);
        const auto place = static_cast<std::size_t>(verdict) - 1;
        links_.board.count(static_cast<LeaseCounter>(first + place));
    } else if (!read_body(packet, header.kind, messages_)) {
        links_.board.count(LeaseCounter::dropped_malformed);
    } else {
        dispatch(header, received);
    }
    return true;
}

void LeaseLoop::dispatch(const LeaseHeader& header, Instant received) {
    links_.board.note_packet(header.from, received, header.kind == LeaseKind::ack);
    effects_.begin(received);
    switch (header.kind) {
        case LeaseKind::renew:
            links_.board.count(LeaseCounter::renews_received);
            machine_.on_renew(header.from, header.boot, messages_.renew, received);
            break;
        case LeaseKind::ack:
            links_.board.count(LeaseCounter::acks_received);
            machine_.on_ack(header.from, messages_.ack, received);
            break;
        case LeaseKind::refuse:
            links_.board.count(LeaseCounter::refuses_received);
            machine_.on_refuse(header.from, messages_.refuse, received);
            break;
        case LeaseKind::release:
            links_.board.count(LeaseCounter::releases_received);
            machine_.on_release(header.from, header.boot, messages_.release, received);
            break;
    }
    finish();
}

// ---- orders -------------------------------------------------------------------------------------

void LeaseLoop::take_orders() {
    bool has_taken = false;
    while (auto order = links_.orders.orders.pop()) {
        take(std::move(*order));
        has_taken = true;
    }
    if (!has_taken) return;
    links_.orders.returns.publish();
    links_.pipes.front()->wake();  // more may wait than there was room for
}

void LeaseLoop::take(LeaseOrder order) {
    if (auto* plan = std::get_if<std::unique_ptr<LeasePlan>>(&order)) {
        take_plan(std::move(*plan));
    } else if (auto* peers = std::get_if<std::unique_ptr<LeasePeers>>(&order)) {
        effects_.swap_peers(**peers);
        TRIVET_ASSERT(links_.orders.returns.push(std::move(*peers)));
    } else if (auto* key = std::get_if<KeyOrder>(&order)) {
        guard_.set_key(key->peer, key->use, key->key);
    } else if (std::holds_alternative<ReleaseOrder>(order)) {
        release();
    }
}

void LeaseLoop::take_plan(std::unique_ptr<LeasePlan> plan) {
    const Instant now = read_boot_clock();
    effects_.begin_plan(*plan, now);
    machine_.on_view(plan->view, now);
    links_.board.set_plan(plan->view->index);
    finish();
    std::swap(view_, plan->view);  // the machine has let go of the one before
    keeper_.take_spent(plan->spent);
    TRIVET_ASSERT(links_.orders.returns.push(std::move(plan)));
}

void LeaseLoop::release() {
    const Instant now = read_boot_clock();
    effects_.begin(now);
    machine_.release(now);
    finish();
    links_.board.note_release();
}

}  // namespace trivet::daemon
