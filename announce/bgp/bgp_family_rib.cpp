#include "announce/bgp/bgp_family_rib.hpp"

#include <algorithm>
#include <compare>
#include <limits>
#include <memory>
#include <utility>

#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

/// Copies the attribute sets that are used from one table into another, each once.
class SetCopies {
public:
    SetCopies(const RouteSlice& from, BgpRoutes& to)
        : from_(from), to_(to), place_(from.sets().size(), nowhere) {}

    std::uint32_t place_of(const BgpRoute& route) {
        std::uint32_t& place = place_.at(route.attributes);
        if (place == nowhere) {
            place = static_cast<std::uint32_t>(to_.attributes.size());
            to_.attributes.push_back(from_.attributes_of(route));
        }
        return place;
    }

private:
    const RouteSlice& from_;
    BgpRoutes& to_;
    std::vector<std::uint32_t> place_;
};

std::size_t first_after(std::span<const BgpRoute> routes, const Prefix& prefix) {
    const auto found = std::ranges::upper_bound(routes, prefix, {}, &BgpRoute::prefix);
    return static_cast<std::size_t>(found - routes.begin());
}

}  // namespace

void FamilyRib::set_target(RouteSlice target) {
    settle();
    target_ = std::move(target);
    is_planned_ = false;
}

void FamilyRib::tell_again() {
    settle();
    stale_.assign(told_.size(), true);
    is_planned_ = false;
}

void FamilyRib::forget() { *this = FamilyRib(); }

void FamilyRib::plan(const UpdateSettings& settings) {
    if (is_planned_) return;
    is_planned_ = true;
    difference_ = rib_difference(told_, stale_, target_, settings);
    if (difference_.empty()) return finish();
    withdrawn_.assign(told_.size(), false);
    announced_.assign(target_.size(), false);
    begin_step(Step::withdraw);
}

FamilyRib::Step FamilyRib::following(Step step) {
    if (step == Step::withdraw) return Step::announce;
    return step == Step::announce ? Step::withdraw_late : Step::none;
}

/// Goes on with the first step from this one on that has routes.
void FamilyRib::begin_step(Step step) {
    place_ = 0;
    group_ = 0;
    for (step_ = step; step_ != Step::none; step_ = following(step_))
        if (!step_list().empty()) return;
    finish();
}

const std::vector<std::uint32_t>& FamilyRib::step_list() const {
    TRIVET_ASSERT(step_ != Step::none);
    if (step_ == Step::withdraw) return difference_.withdrawals;
    if (step_ == Step::announce) return difference_.announcements;
    return difference_.late_withdrawals;
}

std::size_t FamilyRib::step_end() const {
    return step_ == Step::announce ? difference_.group_ends.at(group_) : step_list().size();
}

RouteList FamilyRib::pending() const {
    return {.routes = step_ == Step::announce ? target_.routes() : told_.routes(),
            .indices = std::span(step_list()).subspan(place_, step_end() - place_)};
}

const BgpAttributes& FamilyRib::pending_attributes() const {
    TRIVET_ASSERT(step_ == Step::announce);
    return target_.attributes_of(target_.routes()[difference_.announcements[place_]]);
}

void FamilyRib::sent(std::size_t count) {
    TRIVET_ASSERT(place_ + count <= step_end());
    for (const std::uint32_t index : pending().indices.first(count)) {
        if (step_ == Step::announce) {
            announced_[index] = true;
            if (difference_.is_new[index]) ++told_count_;
        } else {
            withdrawn_[index] = true;
            --told_count_;
        }
    }
    has_begun_ = true;
    place_ += count;
    if (place_ == step_list().size())
        begin_step(following(step_));
    else if (place_ == step_end())
        ++group_;
}

/// The peer knows all that it shall.
void FamilyRib::finish() {
    told_ = target_;
    told_count_ = told_.size();
    stale_ = {};
    drop_plan();
}

/// Ends the plan where it is: what the peer was told until now is what the next one starts from.
void FamilyRib::settle() {
    if (has_begun_) {
        const auto table = std::make_shared<BgpRoutes>();
        table->routes.reserve(told_count_);
        std::vector<bool> stale;
        SetCopies of_told(told_, *table);
        SetCopies of_target(target_, *table);
        visit({}, [&](const Known& known) {
            SetCopies& copies = known.is_of_target ? of_target : of_told;
            table->routes.push_back(
                {.prefix = known.route.prefix, .attributes = copies.place_of(known.route)});
            if (!stale_.empty()) stale.push_back(known.is_stale);
            return true;
        });
        TRIVET_ASSERT(table->routes.size() == told_count_);
        told_ = RouteSlice(table);
        stale_ = std::move(stale);
    }
    drop_plan();
}

void FamilyRib::drop_plan() {
    difference_ = {};
    step_ = Step::none;
    has_begun_ = false;
    withdrawn_ = {};
    announced_ = {};
}

template <class Visitor>
void FamilyRib::visit(const std::optional<Prefix>& after, Visitor visitor) const {
    const auto told = told_.routes();
    // Without a plan nothing of the target has been announced.
    const auto target = announced_.empty() ? std::span<const BgpRoute>() : target_.routes();
    std::size_t old = after ? first_after(told, *after) : 0;
    std::size_t next = after ? first_after(target, *after) : 0;
    for (;;) {
        while (old < told.size() && !withdrawn_.empty() && withdrawn_[old]) ++old;
        while (next < target.size() && !announced_[next]) ++next;
        if (old == told.size() && next == target.size()) return;
        const auto order = next == target.size() ? std::strong_ordering::less
                           : old == told.size()  ? std::strong_ordering::greater
                                                 : told[old].prefix <=> target[next].prefix;
        const bool is_of_target = order >= 0;  // what was announced later replaces what was told
        const bool is_stale = !is_of_target && !stale_.empty() && stale_[old];
        if (!visitor(Known{is_of_target ? target[next] : told[old], is_of_target, is_stale}))
            return;
        if (order <= 0) ++old;
        if (order >= 0) ++next;
    }
}

const BgpAttributes* FamilyRib::find(const Prefix& prefix) const {
    if (!announced_.empty())
        if (const auto at = target_.find(prefix); at && announced_[*at])
            return &target_.attributes_of(target_.routes()[*at]);
    const auto at = told_.find(prefix);
    if (!at || (!withdrawn_.empty() && withdrawn_[*at])) return nullptr;
    return &told_.attributes_of(told_.routes()[*at]);
}

void FamilyRib::append_told(std::vector<ToldRoute>& to, const std::optional<Prefix>& after,
                            std::size_t count_max) const {
    if (to.size() >= count_max) return;
    visit(after, [&](const Known& known) {
        const RouteSlice& slice = known.is_of_target ? target_ : told_;
        to.push_back(
            {.prefix = known.route.prefix, .attributes = &slice.attributes_of(known.route)});
        return to.size() < count_max;
    });
}

}  // namespace trivet::announce::bgp
