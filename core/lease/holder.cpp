#include "core/lease/holder.hpp"

#include <algorithm>
#include <functional>

#include "core/lease/voter.hpp"

namespace trivet::lease {

namespace {

// RENEWs whose answers still count: a right outlives none that was sent longer ago than this many.
constexpr std::size_t sent_max = 256;

bool satisfies(const std::vector<Key>& confirmed, std::size_t node, Key key) {
    return confirmed[node] >= key;
}

}  // namespace

Holder::Holder(NodeId self, Boot boot, Instant started)
    : self_(self), boot_(boot), silent_since_(started) {
    sent_.reserve(sent_max);
}

// ---- views --------------------------------------------------------------------------------------

void Holder::on_view(const View& view, Instant now) {
    const View::Node* own = view.find(self_);
    const Key key = own == nullptr ? Key{Epoch{1}, LogIndex{}} : Key{own->epoch, own->generation};
    // H3: what was answered to another epoch counts no more.
    if (has_view_ && key.epoch != key_.epoch) clear_acks();
    has_view_ = true;
    key_ = key;
    own_fence_ = own == nullptr ? Epoch{} : own->fence;
    profile_ = view.profile;
    is_voter_ = std::ranges::find(view.voters, self_) != view.voters.end();
    enter_configuration(view);
    const std::vector<View::Node> before = std::exchange(view_nodes_, view.nodes);
    remap(before, now);

    std::vector<IndexedRight> rights;
    for (const View::GroupRight& given : view.rights) {
        IndexedRight right{.group = given.group, .hold = given.right.hold, .needs = {}};
        for (const Need& need : given.right.needs)
            right.needs.push_back({place_of(need.node), need.key, need.is_fence});
        const auto same = std::ranges::lower_bound(rights_, right.group, {}, &IndexedRight::group);
        if (right.hold && same != rights_.end() && same->group == right.group)
            right.until = same->until;  // see recompute()
        rights.push_back(std::move(right));
    }
    rights_ = std::move(rights);
    scratch_.reserve(view.voters.size() + 1);
    deadlines_.reserve(rights_.size());
    generation_wants_.assign(view_nodes_.size(), Key{});
    fence_wants_.assign(view_nodes_.size(), Key{});
    if (own_fence_ >= key_.epoch && retired_ < key_.epoch) {  // H7: fenced in the plan
        retired_ = key_.epoch;
        if (released_ < key_.epoch) release_due_ = key_.epoch;
    }
    recompute(now);
}

void Holder::enter_configuration(const View& view) {
    if (!configurations_.empty() && configurations_.front().index == view.configuration) return;
    Configuration configuration{.index = view.configuration, .voters = view.voters, .acks = {}};
    configuration.acks.resize(view.voters.size());
    for (VoterAck& ack : configuration.acks) {
        ack.confirmed.resize(view_nodes_.size());
        ack.heard.resize(view_nodes_.size());
    }
    configurations_.insert(configurations_.begin(), std::move(configuration));
    if (configurations_.size() > configurations_max) configurations_.pop_back();  // H4
}

/// What was confirmed, and since when a node is known, goes to the new places of the nodes.
void Holder::remap(const std::vector<View::Node>& before, Instant now) {
    std::vector<Instant> known_since(view_nodes_.size(), now);
    for (std::size_t i = 0; i < before.size(); ++i) {
        const std::size_t place = place_of(before[i].id);
        if (place < view_nodes_.size() && view_nodes_[place].epoch == before[i].epoch)
            known_since[place] = known_since_[i];
    }
    known_since_ = std::move(known_since);
    for (Configuration& configuration : configurations_)
        for (VoterAck& ack : configuration.acks) {
            std::vector<Key> confirmed(view_nodes_.size());
            std::vector<Epoch> heard(view_nodes_.size());
            for (std::size_t i = 0; i < before.size() && i < ack.confirmed.size(); ++i) {
                const std::size_t place = place_of(before[i].id);
                if (place == view_nodes_.size()) continue;
                confirmed[place] = ack.confirmed[i];
                heard[place] = ack.heard[i];
            }
            ack.confirmed = std::move(confirmed);
            ack.heard = std::move(heard);
        }
}

void Holder::clear_acks() {
    sent_.clear();
    sent_next_ = 0;
    for (Configuration& configuration : configurations_)
        for (VoterAck& ack : configuration.acks) {
            ack.is_present = false;
            ack.refused_by = {};
        }
    for (IndexedRight& right : rights_) right.until = {};
}

std::size_t Holder::place_of(NodeId node) const {
    const auto found = std::ranges::lower_bound(view_nodes_, node, {}, &View::Node::id);
    if (found == view_nodes_.end() || found->id != node) return view_nodes_.size();
    return static_cast<std::size_t>(found - view_nodes_.begin());
}

// ---- what is wanted -----------------------------------------------------------------------------

bool Holder::make_renew(const Voter& voter, Instant sent, Renew& renew) {
    if (!has_view_ || is_retired() || configurations_.front().voters.empty()) return false;
    recompute(sent);
    gather_wants(voter, sent);
    sequence_ = Sequence(sequence_.value() + 1);
    const Sent record{.sequence = sequence_,
                      .at = sent,
                      .configuration = configurations_.front().index,
                      .profile = profile_};
    if (sent_.size() < sent_max)
        sent_.push_back(record);
    else
        sent_[sent_next_++ % sent_max] = record;
    renew.sequence = sequence_;
    renew.key = key_;
    renew.configuration = configurations_.front().index;
    renew.profile = profile_;
    renew.wants.clear();
    for (std::size_t i = 0; i < view_nodes_.size(); ++i) {
        const NodeId id = view_nodes_[i].id;
        if (generation_wants_[i] != Key{})
            renew.wants.push_back({.node = id, .key = generation_wants_[i]});
        if (fence_wants_[i] != Key{})
            renew.wants.push_back({.node = id, .key = fence_wants_[i], .is_fence = true});
    }
    return true;
}

void Holder::gather_wants(const Voter& voter, Instant now) {
    std::ranges::fill(generation_wants_, Key{});
    std::ranges::fill(fence_wants_, Key{});
    bool is_claiming = false;
    for (const IndexedRight& right : rights_) {
        const bool is_open = right.until > now;
        // H8: when every node before it is suspected, and as long as it is open.
        bool is_claimed = true;
        for (const IndexedNeed& need : right.needs)
            is_claimed = is_claimed && (!need.is_fence || is_suspected(need.node, voter, now));
        is_claiming = is_claiming || (is_claimed && !is_open);
        for (const IndexedNeed& need : right.needs) {
            Key* wanted = &generation_wants_[need.node];
            if (need.is_fence) {
                if (!is_claimed && !is_open) continue;
                wanted = &fence_wants_[need.node];
            }
            *wanted = std::max(*wanted, need.key);
        }
    }
    if (is_claiming && !is_claiming_) claiming_since_ = now;
    is_claiming_ = is_claiming;
}

bool Holder::is_suspected(std::size_t node, const Voter& voter, Instant now) const {
    const View::Node& planned = view_nodes_[node];
    if (voter.released(planned.id) >= planned.epoch || planned.is_fenced()) return true;
    const Duration suspect = profile_of(profile_).suspect;
    if (now - silent_since_ < suspect) return false;
    // Whoever has only just been admitted, or joined, had no time to be heard.
    if (now - known_since_[node] < suspect) return false;
    if (is_heard_by_majority(node, now)) return false;  // H8
    if (is_voter_) return voter.heard(planned.id, now - suspect) < planned.epoch;
    std::size_t not_heard = 0;
    const Configuration& configuration = configurations_.front();
    for (const VoterAck& ack : configuration.acks)
        if (ack.is_present && now - ack.sent < suspect && ack.heard[node] < planned.epoch)
            ++not_heard;
    return not_heard >= configuration.majority();
}

bool Holder::is_heard_by_majority(std::size_t node, Instant now) const {
    const Configuration& configuration = configurations_.front();
    std::size_t heard = 0;
    for (const VoterAck& ack : configuration.acks)
        if (ack.is_present && now - ack.sent < profile_of(profile_).suspect &&
            ack.heard[node] >= view_nodes_[node].epoch)
            ++heard;
    return heard >= configuration.majority();
}

// ---- what is answered ---------------------------------------------------------------------------

const Holder::Sent* Holder::find_sent(Sequence sequence) const {
    const auto found = std::ranges::find(sent_, sequence, &Sent::sequence);
    return found == sent_.end() ? nullptr : &*found;
}

Holder::VoterAck* Holder::ack_of(NodeId voter, LogIndex configuration) {
    const auto found = std::ranges::find(configurations_, configuration, &Configuration::index);
    if (found == configurations_.end()) return nullptr;
    const auto place = std::ranges::find(found->voters, voter);
    if (place == found->voters.end()) return nullptr;
    return &found->acks[static_cast<std::size_t>(place - found->voters.begin())];
}

void Holder::on_ack(NodeId voter, const Ack& ack, Instant now) {
    if (ack.boot != boot_ || is_retired()) return;
    const Sent* sent = find_sent(ack.sequence);  // only those of the present epoch are there
    if (sent == nullptr) return;
    VoterAck* kept = ack_of(voter, sent->configuration);
    // H3: the newest by sequence, not by arrival, and as a whole: never two moments merged.
    if (kept == nullptr || (kept->is_present && ack.sequence <= kept->sequence)) return;
    kept->is_present = true;
    kept->sequence = ack.sequence;
    kept->sent = sent->at;
    kept->until = sent->at + profile_of(sent->profile).right;  // H4: of the time of sending
    std::ranges::fill(kept->confirmed, Key{});
    std::ranges::fill(kept->heard, Epoch{});
    for (const Confirmed& confirmed : ack.confirmed)
        if (const std::size_t place = place_of(confirmed.node); place < view_nodes_.size())
            kept->confirmed[place] = confirmed.key;
    for (const Heard& heard : ack.heard)
        if (const std::size_t place = place_of(heard.node); place < view_nodes_.size())
            kept->heard[place] = heard.epoch;
    if (ack.sequence > kept->refused_sequence) kept->refused_by = {};
    recompute(now);
}

void Holder::on_refuse(NodeId voter, const Refuse& refuse, Instant now) {
    if (refuse.boot != boot_ || is_retired()) return;
    const Sent* sent = find_sent(refuse.sequence);
    if (sent == nullptr) return;
    VoterAck* kept = ack_of(voter, sent->configuration);
    if (kept == nullptr || refuse.sequence <= kept->refused_sequence ||
        (kept->is_present && refuse.sequence < kept->sequence))
        return;
    kept->refused_sequence = refuse.sequence;
    kept->refused_by = refuse.floor;
    if (refusals() < configurations_.front().majority()) return;  // H7: a minority, serve on
    retired_ = key_.epoch;
    release_due_ = key_.epoch;
    close_all();
    recompute(now);
}

std::size_t Holder::refusals() const {
    std::size_t refusals = 0;
    if (configurations_.empty()) return 0;
    for (const VoterAck& ack : configurations_.front().acks)
        if (ack.refused_by.epoch > key_.epoch) ++refusals;
    return refusals;
}

// ---- rights -------------------------------------------------------------------------------------

Instant Holder::until(const std::vector<IndexedNeed>& needs) const {
    Instant best{};
    for (const Configuration& configuration : configurations_) {  // H4: one of them alone
        scratch_.clear();
        for (const VoterAck& ack : configuration.acks) {
            if (!ack.is_present) continue;
            const bool is_confirmed = std::ranges::all_of(needs, [&](const IndexedNeed& need) {
                return satisfies(ack.confirmed, need.node, need.key);  // H3
            });
            if (is_confirmed) scratch_.push_back(ack.until);
        }
        const std::size_t majority = configuration.majority();
        if (scratch_.size() < majority) continue;
        const auto newest = scratch_.begin() + static_cast<std::ptrdiff_t>(majority - 1);
        std::ranges::nth_element(scratch_, newest, std::greater{});
        best = std::max(best, *newest);
    }
    return best;
}

void Holder::recompute(Instant now) {
    deadlines_.clear();
    const bool may_open = !is_retired();
    for (IndexedRight& right : rights_) {
        Instant limit = may_open ? until(right.needs) : Instant{};
        // `hold`: what was open stays open here without a majority, as long as this thread lives
        // and nobody says that the epoch is over. The user allowed two owners for these.
        if (right.hold && may_open && right.until > now)
            limit = std::max(limit, now + profile_of(profile_).right);
        right.until = limit;
        deadlines_.push_back({.group = right.group, .until = limit});
    }
    static const std::vector<IndexedNeed> none;
    lease_deadline_ = may_open ? until(none) : Instant{};
}

void Holder::close_all() {
    for (IndexedRight& right : rights_) right.until = {};
    lease_deadline_ = {};
}

Epoch Holder::release() {
    released_ = std::max(released_, key_.epoch);  // H6: remembered before it is sent
    for (IndexedRight& right : rights_) right.until = {};
    for (GroupDeadline& deadline : deadlines_) deadline.until = {};
    return key_.epoch;  // the lease itself runs out; until then traffic may be accepted
}

void Holder::on_stall(Instant now) {
    // Two renewals' time: enough for whoever is alive, and no whole new wait for whoever is not.
    const Profile& profile = profile_of(profile_);
    silent_since_ = std::max(silent_since_, now - profile.suspect + 2 * profile.renew);
}

Instant Holder::deadline(Group group) const {
    const auto found = std::ranges::lower_bound(deadlines_, group, {}, &GroupDeadline::group);
    return found != deadlines_.end() && found->group == group ? found->until : Instant{};
}

void Holder::append_fenced(Instant now, std::vector<Heard>& fenced) const {
    for (const IndexedRight& right : rights_) {
        if (right.until <= now) continue;
        for (const IndexedNeed& need : right.needs) {
            if (!need.is_fence) continue;
            const View::Node& node = view_nodes_[need.node];
            const Epoch epoch(need.key.epoch.value() - 1);
            if (node.fence >= epoch) continue;
            if (std::ranges::find(fenced, node.id, &Heard::node) == fenced.end())
                fenced.push_back({node.id, epoch});
        }
    }
}

std::optional<Epoch> Holder::wants_admission() const {
    if (!has_view_ || released_ >= key_.epoch) return std::nullopt;
    if (retired_ >= key_.epoch || refusals() > 0) return key_.epoch;  // H7
    return std::nullopt;
}

bool Holder::is_retired() const {
    return has_view_ && (retired_ >= key_.epoch || released_ >= key_.epoch);
}

std::optional<Epoch> Holder::take_release_due() {
    const Epoch due = std::exchange(release_due_, Epoch{});
    if (due == Epoch{}) return std::nullopt;
    return due;
}

}  // namespace trivet::lease
