#include "announce/bgp/bgp_rib_out.hpp"

#include <algorithm>
#include <utility>

#include "core/assert.hpp"

namespace trivet::announce::bgp {

namespace {

// RFC 7313 section 3.2, message subtypes of ROUTE-REFRESH
constexpr std::uint8_t begin_of_route_refresh = 1;
constexpr std::uint8_t end_of_route_refresh = 2;

UpdateSettings settings_of(const Negotiated& negotiated, std::optional<BgpRole> our_role) {
    // RFC 9234 section 5, egress: towards a Customer, a Peer or an RS-Client. Section 4: roles are
    // of external sessions alone.
    const bool only_to_customer =
        negotiated.is_external && (our_role == BgpRole::provider || our_role == BgpRole::peer ||
                                   our_role == BgpRole::route_server);
    return {.local_as = negotiated.local_as,
            .is_external = negotiated.is_external,
            .four_octet_as = negotiated.codec.four_octet_as,
            .only_to_customer = only_to_customer,
            .message_size_max =
                negotiated.codec.extended_messages ? extended_message_size_max : message_size_max};
}

void append_route_refresh(std::vector<std::byte>& out, AfiSafi family, std::uint8_t subtype) {
    const auto message = encode(RouteRefreshMessage{.family = family, .subtype = subtype});
    out.insert(out.end(), message.begin(), message.end());
}

}  // namespace

RibOut::RibOut()
    : families_{Family{.family = ipv4_unicast, .addresses = IpFamily::ipv4},
                Family{.family = ipv6_unicast, .addresses = IpFamily::ipv6}} {}

const RibOut::Family* RibOut::find(AfiSafi family) const {
    const auto found = std::ranges::find(families_, family, &Family::family);
    return found == families_.end() ? nullptr : &*found;
}

const RibOut::Family& RibOut::of(const Prefix& prefix) const {
    return families_[prefix.family() == IpFamily::ipv4 ? 0 : 1];
}

void RibOut::set_routes(std::shared_ptr<const BgpRoutes> routes) {
    TRIVET_ASSERT(routes != nullptr);
    if (routes == routes_) return;
    routes_ = std::move(routes);
    routes_changed_ = true;
}

void RibOut::on_up(const Negotiated& negotiated, const NextHops& next_hops,
                   std::optional<BgpRole> our_role) {
    on_down();
    session_ = Session{.settings = settings_of(negotiated, our_role), .codec = negotiated.codec};
    for (Family& family : families_)
        family.end_of_rib_due = negotiated.codec.families.contains(family.family);
    set_next_hops(next_hops);
}

void RibOut::set_next_hops(const NextHops& next_hops) {
    if (!session_) return;
    for (Family& family : families_) {
        if (!session_->codec.families.contains(family.family)) continue;
        RouteForm form = route_form(family.family, next_hops, session_->codec);
        if (family.encoder && family.encoder->form() == form) continue;
        family.encoder.emplace(session_->settings, std::move(form));
        family.rib.tell_again();
        routes_changed_ = true;
    }
}

void RibOut::on_down() {
    session_.reset();
    for (Family& family : families_) {
        family.encoder.reset();
        family.rib.forget();
        family.end_of_rib_due = family.refresh_wanted = family.is_refreshing = false;
    }
    routes_changed_ = routes_ != nullptr;
}

void RibOut::refresh(AfiSafi family) {
    // RFC 2918 section 4: what was not agreed on is ignored.
    for (Family& negotiated : families_)
        if (negotiated.family == family && negotiated.encoder) negotiated.refresh_wanted = true;
}

std::vector<std::byte> RibOut::take_updates(std::size_t bytes_max) {
    std::vector<std::byte> out;
    if (!session_ || !routes_) return out;
    adopt_routes();
    while (out.empty() || out.size() + session_->settings.message_size_max <= bytes_max)
        if (!append_next(out)) break;
    counters_.bytes_sent += out.size();
    return out;
}

bool RibOut::has_work() const {
    if (!session_ || !routes_) return false;
    return routes_changed_ || std::ranges::any_of(families_, [](const Family& family) {
               return family.rib.has_work() || family.end_of_rib_due || family.refresh_wanted ||
                      family.is_refreshing;
           });
}

void RibOut::adopt_routes() {
    if (!std::exchange(routes_changed_, false)) return;
    for (Family& family : families_)
        if (family.encoder)
            family.rib.set_target(
                sendable_routes(RouteSlice(routes_, family.addresses), family.encoder));
}

/// Appends at most one message. False: there is nothing more to say.
bool RibOut::append_next(std::vector<std::byte>& out) {
    for (Family& family : families_) family.rib.plan(session_->settings);
    // Of all families before anything is announced: what is withdrawn attracts traffic in vain.
    for (Family& family : families_)
        if (family.rib.next() == FamilyRib::Step::withdraw) {
            append_withdrawal(family, out);
            return true;
        }
    for (Family& family : families_) {
        if (begin_refresh(family, out)) return true;
        switch (family.rib.next()) {
            case FamilyRib::Step::announce:
                append_announcement(family, out);
                return true;
            case FamilyRib::Step::withdraw:
            case FamilyRib::Step::withdraw_late:
                append_withdrawal(family, out);
                return true;
            case FamilyRib::Step::none:
                if (end_exchange(family, out)) return true;
        }
    }
    return false;
}

void RibOut::append_withdrawal(Family& family, std::vector<std::byte>& out) {
    const std::size_t count = family.encoder->withdraw(out, family.rib.pending());
    family.rib.sent(count);
    counters_.withdrawn += count;
    ++counters_.updates_sent;
}

void RibOut::append_announcement(Family& family, std::vector<std::byte>& out) {
    const auto attributes = family.encoder->path_attributes(family.rib.pending_attributes());
    const std::size_t count = family.encoder->announce(out, attributes, family.rib.pending());
    family.rib.sent(count);
    counters_.announced += count;
    ++counters_.updates_sent;
}

bool RibOut::begin_refresh(Family& family, std::vector<std::byte>& out) const {
    if (!family.refresh_wanted || family.is_refreshing || family.end_of_rib_due) return false;
    family.refresh_wanted = false;
    family.is_refreshing = true;
    family.rib.tell_again();
    if (session_->codec.enhanced_route_refresh)
        append_route_refresh(out, family.family, begin_of_route_refresh);
    return true;
}

/// The peer knows all routes of the family.
bool RibOut::end_exchange(Family& family, std::vector<std::byte>& out) {
    if (std::exchange(family.end_of_rib_due, false)) {
        append_end_of_rib(out, family.family);
        ++counters_.updates_sent;
        return true;
    }
    if (!std::exchange(family.is_refreshing, false)) return false;
    if (session_->codec.enhanced_route_refresh)
        append_route_refresh(out, family.family, end_of_route_refresh);
    return true;
}

std::size_t RibOut::advertised(AfiSafi family) const {
    const Family* const found = find(family);
    return found == nullptr ? 0 : found->rib.told_count();
}

const BgpAttributes* RibOut::told(const Prefix& prefix) const {
    return of(prefix).rib.find(prefix);
}

std::vector<ToldRoute> RibOut::told_routes(const std::optional<Prefix>& after,
                                           std::size_t count_max) const {
    std::vector<ToldRoute> result;
    for (const Family& family : families_) family.rib.append_told(result, after, count_max);
    return result;
}

HeldBack RibOut::held_back(AfiSafi family) const {
    const Family* const found = find(family);
    if (!session_ || !routes_ || found == nullptr) return {};
    return bgp::held_back(RouteSlice(routes_, found->addresses), found->encoder);
}

HeldBackCause RibOut::held_back_cause(const Prefix& prefix) const {
    if (!session_ || !routes_) return HeldBackCause::none;
    const Family& family = of(prefix);
    const RouteSlice all(routes_, family.addresses);
    const auto at = all.find(prefix);
    if (!at) return HeldBackCause::none;
    return bgp::held_back_cause(all.attributes_of(all.routes()[*at]), family.encoder);
}

}  // namespace trivet::announce::bgp
