#include "core/lease/machine.hpp"

#include <algorithm>

namespace trivet::lease {

namespace {

// A claim that nobody answers for so long waits for a majority to come back, which needs no hurry.
constexpr Duration fast_max = std::chrono::seconds{1};

// One that is lost would cost what it was to save: the time in which others miss the node. A
// voter takes it as often as it comes.
constexpr unsigned release_repeats = 2;  // a renewal apart

}  // namespace

Machine::Machine(NodeId self, Boot boot, Instant started, Effects& effects)
    : self_(self), boot_(boot), effects_(effects), voter_(started), holder_(self, boot, started) {
    renew_.wants.reserve(2 * nodes_max);
    ack_.confirmed.reserve(nodes_max);
    ack_.heard.reserve(nodes_max);
    fenced_.reserve(nodes_max);
}

void Machine::on_view(std::shared_ptr<const View> view, Instant now) {
    if (view_ && view->index < view_->index) return;
    voter_.on_view(*view, now);  // V7
    holder_.on_view(*view, now);
    // H5: first what is lost is closed in the kernel; the RENEW with the new generation comes
    // after. Whoever follows the events sees a new group open before addresses move into it, and
    // the old one close after they have left it.
    open_groups(now);
    effects_.adopt(*view);
    // A thousand new VIPs that are owned like others are no reason for a thousand RENEWs.
    const bool is_news = !view_ || !view_->means_the_same(*view);
    view_ = std::move(view);
    close_groups(now);
    if (is_news) next_renew_ = now;
}

void Machine::on_renew(NodeId from, Boot boot, const Renew& renew, Instant received) {
    if (!view_) return;  // V1: floors start from the applied plan
    switch (voter_.on_renew(from, boot, renew, received, ack_, refuse_)) {
        case Voter::Answer::none:
            return;
        case Voter::Answer::ack:
            return effects_.send(from, ack_);
        case Voter::Answer::refuse:
            return effects_.send(from, refuse_);
    }
}

void Machine::on_ack(NodeId from, const Ack& ack, Instant received) {
    holder_.on_ack(from, ack, received);
    publish(received);
}

void Machine::on_refuse(NodeId from, const Refuse& refuse, Instant received) {
    holder_.on_refuse(from, refuse, received);
    publish(received);
}

void Machine::on_release(NodeId from, Boot boot, const Release& release, Instant received) {
    voter_.on_release(from, boot, release.epoch, received);
    next_renew_ = received;  // whoever comes next claims at once
}

void Machine::on_timer(Instant now) {
    publish(now);
    if (next_renew_ && now >= *next_renew_) renew(now);
}

void Machine::renew(Instant now) {
    const Profile& profile = profile_of(view_ ? view_->profile : ProfileId::standard);
    next_renew_ = now + profile.renew;
    if (holder_.make_renew(voter_, now, renew_)) {
        if (is_fast(now)) next_renew_ = now + profile.renew_claiming;
        bool is_voter = false;
        for (const NodeId voter : view_->voters) {
            if (voter == self_)
                is_voter = true;
            else
                effects_.send(voter, renew_);
        }
        if (is_voter) {  // V6: its own RENEWs take the same path
            const auto answer = voter_.on_renew(self_, boot_, renew_, now, ack_, refuse_);
            if (answer == Voter::Answer::ack) holder_.on_ack(self_, ack_, now);
            if (answer == Voter::Answer::refuse) holder_.on_refuse(self_, refuse_, now);
        }
        publish(now);
    }
    if (releases_left_ != 0) {
        --releases_left_;
        tell_release();
    }
    fenced_.clear();
    holder_.append_fenced(now, fenced_);
    for (const Heard& fenced : fenced_)
        effects_.on_fenced(fenced.node, fenced.epoch, now - voter_.heard_at(fenced.node));
    if (const auto seen = holder_.wants_admission()) effects_.on_admission_wanted(*seen);
}

bool Machine::is_fast(Instant now) const {
    return holder_.is_claiming() && now - holder_.claiming_since() < fast_max;
}

void Machine::release(Instant now) {
    const Epoch epoch = holder_.release();  // H6: close, remember, then send
    effects_.close_all(true);
    publish(now);
    send_release(epoch, now);
}

void Machine::send_release(Epoch epoch, Instant now) {
    voter_.on_release(self_, boot_, epoch, now);
    released_ = epoch;
    releases_left_ = release_repeats;
    tell_release();
}

void Machine::tell_release() {
    if (!view_) return;
    for (const View::Node& node : view_->nodes)
        if (node.id != self_) effects_.send(node.id, Release{released_});
    for (const NodeId voter : view_->voters)
        if (voter != self_ && view_->find(voter) == nullptr)
            effects_.send(voter, Release{released_});
}

/// Brings what the kernel and the others were told in step with the holder's deadlines.
void Machine::publish(Instant now) {
    open_groups(now);
    close_groups(now);
}

/// The deadlines of the holder's groups; those that open are told of.
void Machine::open_groups(Instant now) {
    const bool is_retired = holder_.is_retired();
    if (is_retired && !was_retired_ && holder_.has_release_due()) effects_.close_all(false);  // H7
    was_retired_ = is_retired;
    previous_.swap(published_);
    published_.clear();
    next_close_.reset();
    auto old = previous_.begin();
    for (const Holder::GroupDeadline& deadline : holder_.deadlines()) {
        while (old != previous_.end() && old->group < deadline.group) ++old;
        const bool is_known = old != previous_.end() && old->group == deadline.group;
        if (!is_known || old->until != deadline.until)
            effects_.set_deadline(deadline.group, deadline.until);
        const bool is_open = deadline.until > now;
        if (is_open && !(is_known && old->is_open))
            effects_.on_open(deadline.group, holder_.claiming_since());
        if (is_open && (!next_close_ || deadline.until < *next_close_))
            next_close_ = deadline.until;
        published_.push_back({deadline.group, deadline.until, is_open});
    }
}

/// Those that closed, and those that are gone from the view: adopt() has moved their addresses.
void Machine::close_groups(Instant now) {
    auto present = published_.begin();
    for (const Published& old : previous_) {
        while (present != published_.end() && present->group < old.group) ++present;
        const bool is_known = present != published_.end() && present->group == old.group;
        if (!is_known) effects_.set_deadline(old.group, Instant{});
        if (old.is_open && !(is_known && present->is_open)) effects_.on_close(old.group);
    }
    if (const auto due = holder_.take_release_due()) send_release(*due, now);  // H7
}

std::optional<Instant> Machine::next_deadline() const {
    if (!next_renew_) return next_close_;
    return next_close_ ? std::min(*next_renew_, *next_close_) : *next_renew_;
}

}  // namespace trivet::lease
