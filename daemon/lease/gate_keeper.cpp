#include "daemon/lease/gate_keeper.hpp"

#include <algorithm>

#include "core/assert.hpp"

namespace trivet::daemon {

GateKeeper::GateKeeper(LeaseGate& gate)
    : gate_(gate),
      wanted_(gate_groups_max),
      remembered_(gate_groups_max),
      written_(gate_groups_max),
      is_draining_(gate_groups_max),
      is_dirty_(gate_groups_max) {
    dirty_.reserve(gate_groups_max);
    scratch_.reserve(gate_groups_max);
}

bool GateKeeper::close_at_start() {
    scratch_.clear();
    for (GateGroup group = 1; group < gate_groups_max; ++group)
        scratch_.push_back({.group = group, .deadlines = {}});
    return gate_.set_deadlines(scratch_);  // H1
}

// ---- deadlines ----------------------------------------------------------------------------------

void GateKeeper::want(GateGroup group, GateDeadlines deadlines) {
    TRIVET_ASSERT(group != 0 && group < gate_groups_max);
    if (is_broken_) deadlines = {};
    wanted_[group] = deadlines;
    if (wanted_[group] == written_[group] || is_dirty_[group]) return;
    is_dirty_[group] = true;
    dirty_.push_back(group);
}

void GateKeeper::set_deadline(lease::Group group, Instant until, Instant now) {
    TRIVET_ASSERT(group != 0 && group <= lease::GroupTable::groups_max);
    if (until > now) {
        has_opened_ = has_opened_ || !is_open(group, now);
        is_draining_[group] = false;
        return want(group, {.announce_until = until, .accept_until = until});
    }
    // What was released goes on accepting until its lease has run out by itself (H6).
    const Instant accept = is_draining_[group] ? wanted_[group].accept_until : Instant{};
    want(group, {.announce_until = {}, .accept_until = accept});
}

void GateKeeper::remember_open() { std::ranges::copy(wanted_, remembered_.begin()); }

void GateKeeper::close_all(bool keep_accepting, Instant now) {
    const Instant longest = now + LeaseLinger::linger_max;
    for (GateGroup group = 1; group < linger_group_first; ++group) {
        const Instant accept =
            keep_accepting ? std::min(wanted_[group].accept_until, longest) : Instant{};
        is_draining_[group] = accept > now;
        want(group, {.announce_until = {}, .accept_until = accept});
    }
    if (!keep_accepting) {
        linger_.close_all();
        for (std::size_t slot = 0; slot < linger_groups_max; ++slot) set_slot_deadline(slot);
    }
    flush(now);
}

void GateKeeper::flush(Instant now) {
    write_deadlines(now);
    if (std::exchange(has_opened_, false)) release_linger(now);
    if (is_broken_) write_deadlines(now);
}

void GateKeeper::write_deadlines(Instant now) {
    if (dirty_.empty()) return;
    scratch_.clear();
    for (const GateGroup group : dirty_)
        scratch_.push_back({.group = group, .deadlines = wanted_[group]});
    if (!gate_.set_deadlines(scratch_)) return note_refused_deadlines(now);
    for (const GateGroup group : dirty_) {
        written_[group] = wanted_[group];
        is_dirty_[group] = false;
    }
    dirty_.clear();
}

/// All of them stay dirty, and are tried again with the next flush.
void GateKeeper::note_refused_deadlines(Instant now) {
    ++refusals_;
    for (const auto& [group, deadlines] : scratch_) {
        GateDeadlines& written = written_[group];
        if (deadlines.announce_until < written.announce_until && written.announce_until > now)
            unsure_until_ = std::max(unsure_until_, written.announce_until);
        written.announce_until = std::max(written.announce_until, deadlines.announce_until);
        written.accept_until = std::max(written.accept_until, deadlines.accept_until);
    }
}

// ---- addresses ----------------------------------------------------------------------------------

void GateKeeper::adopt(std::span<const GateMove> moves, LeaseLinger::Entries& spare,
                       Instant lease_deadline, Instant now) {
    on_timer(now);
    std::optional<Instant> accept;
    for (const GateMove& move : moves)
        if (linger_.find(move.address) == nullptr && must_linger(move, now))
            accept = std::max(accept.value_or(lease_deadline), accepted_until(move));
    std::size_t slot = 0;
    if (accept) {
        slot = linger_.open_slot(now, *accept);
        set_slot_deadline(slot);
    }
    write_deadlines(now);  // groups are as they shall be before addresses come to them
    for (const GateMove& move : moves) {  // H5: what is lost, first
        if (!must_linger(move, now)) continue;
        if (linger_.find(move.address) != nullptr) {
            linger_.retarget(move);
        } else {
            linger_.add(move, slot, spare);
            move_vip(move.address, LeaseLinger::group_of(slot), false);
        }
    }
    flush_batch();
    for (const GateMove& move : moves) {
        if (linger_.find(move.address) != nullptr) {
            if (must_linger(move, now)) continue;
            linger_.remove(move.address);
        }
        move_vip(move.address, move.after, move.is_erased);
    }
    flush_batch();
    flush(now);
}

/// It was accepted until now, and is open no more.
bool GateKeeper::must_linger(const GateMove& move, Instant now) const {
    if (is_broken_ || accepted_until(move) <= now) return false;
    return move.is_erased || move.after == 0 || !is_open(move.after, now);
}

Instant GateKeeper::accepted_until(const GateMove& move) const {
    const LeaseLinger::Entry* lingering = linger_.find(move.address);
    return lingering == nullptr ? remembered_[move.before].accept_until
                                : linger_.accept_until(lingering->slot);
}

void GateKeeper::move_vip(IpAddress address, GateGroup group, bool is_erased) {
    if (is_erased)
        batch_.erased[batch_.erased_size++] = address;
    else
        batch_.vips[batch_.vips_size++] = {address, group};
    if (batch_.erased_size == batch_max || batch_.vips_size == batch_max) flush_batch();
}

void GateKeeper::flush_batch() {
    const auto vips = std::span(batch_.vips).first(std::exchange(batch_.vips_size, 0));
    const auto erased = std::span(batch_.erased).first(std::exchange(batch_.erased_size, 0));
    const bool is_set = vips.empty() || gate_.set_vips(vips);
    const bool is_erased = erased.empty() || gate_.erase_vips(erased);
    if (!is_set || !is_erased) become_broken();
}

/// Addresses are in groups that they do not belong to, so that none may open again.
void GateKeeper::become_broken() {
    ++refusals_;
    is_broken_ = true;
    linger_.close_all();
    for (GateGroup group = 1; group < gate_groups_max; ++group) want(group, {});
}

// ---- linger -------------------------------------------------------------------------------------

void GateKeeper::set_slot_deadline(std::size_t slot) {
    want(LeaseLinger::group_of(slot),
         {.announce_until = {}, .accept_until = linger_.accept_until(slot)});
}

void GateKeeper::extend_linger(Instant lease_deadline, Instant now) {
    if (linger_.is_empty()) return;
    linger_.extend(lease_deadline, now);
    for (std::size_t slot = 0; slot < linger_groups_max; ++slot) set_slot_deadline(slot);
}

/// Addresses whose new group has opened meanwhile do not linger on.
void GateKeeper::release_linger(Instant now) {
    if (linger_.is_empty()) return;
    linger_.finish(
        [&](const LeaseLinger::Entry& entry) {
            return !entry.is_erased && entry.target != 0 && is_open(entry.target, now);
        },
        [&](IpAddress address, const LeaseLinger::Entry& entry) {
            move_vip(address, entry.target, false);
        });
    flush_batch();
}

void GateKeeper::on_timer(Instant now) {
    const std::optional<Instant> next = linger_.next_deadline();
    if (!next || *next > now) return;
    linger_.finish(
        [&](const LeaseLinger::Entry& entry) { return linger_.is_over(entry.slot, now); },
        [&](IpAddress address, const LeaseLinger::Entry& entry) {
            move_vip(address, entry.target, entry.is_erased);
        });
    flush_batch();
    linger_.forget_over(now);
}

}  // namespace trivet::daemon
