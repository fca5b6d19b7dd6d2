#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "announce/bgp/bgp_rib_difference.hpp"
#include "announce/bgp/bgp_route_slice.hpp"
#include "announce/bgp/bgp_update_encode.hpp"

namespace trivet::announce::bgp {

/// A route as the peer knows it. Refers to what it came from, which may be gone after the next call
/// that changes anything.
struct ToldRoute {
    Prefix prefix;
    const BgpAttributes* attributes = nullptr;
};

/// The routes of one family towards one peer: what it was told, what it shall know, and how far it
/// is from the one to the other. At rest both are one table, which the plan owns, too; under way a
/// route costs four bytes more. Not thread-safe: its RibOut owns it.
class FamilyRib {
public:
    enum class Step : std::uint8_t { none, withdraw, announce, withdraw_late };

    /// What the peer shall know from now on; what it was told so far stays known.
    void set_target(RouteSlice target);
    /// Every route that the peer was told, and shall still know, is to be announced again.
    void tell_again();
    /// The session is over, and with it what the peer was told.
    void forget();

    /// Computes the difference, if there was a change since; before the three that follow.
    void plan(const UpdateSettings& settings);
    Step next() const { return step_; }
    /// The routes of the next step that may share a message.
    RouteList pending() const;
    /// Of routes to be announced, all that the peer sees is the same.
    const BgpAttributes& pending_attributes() const;
    /// So many from the front of pending() are in a message.
    void sent(std::size_t count);

    bool has_work() const { return !is_planned_ || step_ != Step::none; }
    std::size_t told_count() const { return told_count_; }
    /// Null: the peer does not know this prefix from us.
    const BgpAttributes* find(const Prefix& prefix) const;
    /// Appends routes in the order of their prefixes, from after one on, until `to` has so many.
    void append_told(std::vector<ToldRoute>& to, const std::optional<Prefix>& after,
                     std::size_t count_max) const;

private:
    struct Known {  // by the peer
        const BgpRoute& route;
        bool is_of_target = false;
        bool is_stale = false;
    };
    /// Calls visitor(Known) -> bool, whether to go on, in the order of the prefixes.
    template <class Visitor>
    void visit(const std::optional<Prefix>& after, Visitor visitor) const;
    static Step following(Step step);
    void begin_step(Step step);
    const std::vector<std::uint32_t>& step_list() const;
    std::size_t step_end() const;  // of the group, where routes are announced
    void finish();
    void settle();
    void drop_plan();

    RouteSlice told_;          // when the difference was computed
    std::vector<bool> stale_;  // of told_; empty: none is to be told again
    RouteSlice target_;
    std::size_t told_count_ = 0;

    bool is_planned_ = true;  // the rest is the plan
    RibDifference difference_;
    Step step_ = Step::none;
    bool has_begun_ = false;
    std::size_t place_ = 0;        // in the list of this step
    std::size_t group_ = 0;        // of announcements
    std::vector<bool> withdrawn_;  // of told_: which the peer has been told by now
    std::vector<bool> announced_;  // of target_
};

}  // namespace trivet::announce::bgp
