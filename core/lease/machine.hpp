#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/lease/holder.hpp"
#include "core/lease/voter.hpp"

namespace trivet::lease {

/// What a Machine does to the world, in the order of the calls. Called on the lease thread from
/// within the machine's own calls: no allocation, lock or log in an implementation.
class Effects {
public:
    virtual ~Effects() = default;
    /// The group may announce and accept until `until`; one in the past closes it.
    virtual void set_deadline(Group group, Instant until) noexcept = 0;
    /// H5: every address moves to its group of `view` now. New groups that are open were told of
    /// by on_open() before; old ones that cease to be are told of by on_close() after. Deadlines
    /// of the new groups are set already; what is not open there stops announcing before this
    /// returns, and goes on accepting for a linger no longer than the node's lease.
    virtual void adopt(const View& view) noexcept = 0;
    /// H7 and the end: every group is closed, accepting too. `keep_accepting`: H6, the leases
    /// run out by themselves.
    virtual void close_all(bool keep_accepting) noexcept = 0;
    virtual void send(NodeId to, const Renew& renew) noexcept = 0;
    virtual void send(NodeId to, const Ack& ack) noexcept = 0;
    virtual void send(NodeId to, const Refuse& refuse) noexcept = 0;
    virtual void send(NodeId to, const Release& release) noexcept = 0;
    /// A group became open, or ceased to be.
    virtual void on_open(Group group, Instant claimed) noexcept = 0;
    virtual void on_close(Group group) noexcept = 0;
    /// To be told to Raft without waiting; repeated until the plan knows it.
    virtual void on_fenced(NodeId node, Epoch epoch, Duration silent) noexcept = 0;
    /// H7: repeated until the plan's epoch is greater.
    virtual void on_admission_wanted(Epoch seen) noexcept = 0;
};

/// One node's part in the leases: its voter, its holder, and the order in which they act. No I/O,
/// no clock. The lease thread owns it. Before it is made, the kernel's gate must be closed (H1).
///
/// The owner calls on_timer() no later than next_deadline(), with a clock read just before; after a
/// stall it first gives the machine every message that has arrived.
class Machine {
public:
    Machine(NodeId self, Boot boot, Instant started, Effects& effects);

    /// A newer applied plan. `view` stays valid until the next one was taken over.
    void on_view(std::shared_ptr<const View> view, Instant now);
    void on_renew(NodeId from, Boot boot, const Renew& renew, Instant received);
    void on_ack(NodeId from, const Ack& ack, Instant received);
    void on_refuse(NodeId from, const Refuse& refuse, Instant received);
    void on_release(NodeId from, Boot boot, const Release& release, Instant received);
    void on_timer(Instant now);
    void on_stall(Instant now) { holder_.on_stall(now); }
    /// H6: gives everything away; the node stops, or goes out of service.
    void release(Instant now);

    std::optional<Instant> next_deadline() const;
    const View* view() const { return view_.get(); }
    const Voter& voter() const { return voter_; }
    const Holder& holder() const { return holder_; }

private:
    struct Published {
        Group group = 0;
        Instant until{};
        bool is_open = false;
    };

    void renew(Instant now);
    void send_release(Epoch epoch, Instant now);
    void tell_release();
    void publish(Instant now);
    void open_groups(Instant now);
    void close_groups(Instant now);
    bool is_fast(Instant now) const;

    NodeId self_;
    Boot boot_;
    Effects& effects_;
    Voter voter_;
    Holder holder_;
    std::shared_ptr<const View> view_;
    std::optional<Instant> next_renew_;
    Renew renew_;
    Ack ack_;
    Refuse refuse_;
    std::vector<Published> published_, previous_;  // by group
    std::optional<Instant> next_close_;
    std::vector<Heard> fenced_;
    bool was_retired_ = false;
    Epoch released_;  // H6, H7: told to the others, and to be told so often again
    unsigned releases_left_ = 0;
};

}  // namespace trivet::lease
