#pragma once
#include <array>
#include <optional>
#include <vector>

#include "daemon/lease/lease_gate.hpp"
#include "daemon/lease/lease_linger.hpp"

namespace trivet::daemon {

/// Brings the kernel's gate in step with the rights of this node: deadlines in batches, addresses
/// from group to group with what is lost closed first (H5), and the linger. Without I/O or clock;
/// allocates nothing after construction. Not thread-safe: the lease thread owns it.
class GateKeeper {
public:
    explicit GateKeeper(LeaseGate& gate);

    /// H1, once, before anything else. False: the gate does not close.
    [[nodiscard]] bool close_at_start();

    // What the machine of the leases says; set_deadline() is in force after the next flush().
    void set_deadline(lease::Group group, Instant until, Instant now);
    /// Before a view is taken over: what is open now is what adopt() compares with.
    void remember_open();
    /// `spare` has an entry for each move with a group before.
    void adopt(std::span<const GateMove> moves, LeaseLinger::Entries& spare, Instant lease_deadline,
               Instant now);
    void close_all(bool keep_accepting, Instant now);

    /// Brings everything into force: before a packet that promises it is sent, and at the end of
    /// each call of the machine.
    void flush(Instant now);
    void extend_linger(Instant lease_deadline, Instant now);
    /// Call no later than next_deadline().
    void on_timer(Instant now);
    std::optional<Instant> next_deadline() const { return linger_.next_deadline(); }

    bool is_open(lease::Group group, Instant now) const {
        return wanted_[group].announce_until > now;
    }
    /// The gate refused to close something, which closes by itself at this time: until then nothing
    /// may be sent that tells others that it is closed.
    Instant unsure_until() const { return unsure_until_; }
    /// The gate refused to move addresses: all groups are closed, for good.
    bool is_broken() const { return is_broken_; }
    std::uint64_t refusals() const { return refusals_; }

    void take_spent(LeaseLinger::Spent& spent) { linger_.take_spent(spent); }

private:
    static constexpr std::size_t batch_max = 256;
    /// Moves and erasures that go to the gate together.
    struct Batch {
        std::array<LeaseGate::VipGroup, batch_max> vips;
        std::array<IpAddress, batch_max> erased;
        std::size_t vips_size = 0, erased_size = 0;
    };

    void want(GateGroup group, GateDeadlines deadlines);
    void move_vip(IpAddress address, GateGroup group, bool is_erased);
    void flush_batch();
    void write_deadlines(Instant now);
    void note_refused_deadlines(Instant now);
    bool must_linger(const GateMove& move, Instant now) const;
    Instant accepted_until(const GateMove& move) const;
    void set_slot_deadline(std::size_t slot);
    void release_linger(Instant now);
    void become_broken();

    LeaseGate& gate_;
    LeaseLinger linger_;
    // By group: what the machine says, what it said before the present view, what the gate has at
    // most (it may have less when it refused).
    std::vector<GateDeadlines> wanted_, remembered_, written_;
    std::vector<bool> is_draining_;  // H6: closed, and accepts what still arrives
    std::vector<bool> is_dirty_;
    std::vector<GateGroup> dirty_;
    std::vector<GateGroupDeadlines> scratch_;
    Batch batch_;
    bool has_opened_ = false;  // a group, since the last flush
    Instant unsure_until_{};
    std::uint64_t refusals_ = 0;
    bool is_broken_ = false;
};

}  // namespace trivet::daemon
