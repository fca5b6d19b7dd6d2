#include "core/lease/voter.hpp"

#include <algorithm>

namespace trivet::lease {

namespace {

// A node whose disk hangs does not apply plans any more; then others shall serve its VIPs.
constexpr Duration lag_max = std::chrono::seconds{1};

}  // namespace

Voter::Voter(Instant started) : started_(started) { nodes_.reserve(nodes_max); }

void Voter::on_view(const View& view, Instant now) {
    if (view.configuration != configuration_) {
        // V3: the grace is for a change that this voter saw; before its start there was none.
        configuration_before_ = has_view_ ? view.configuration_before : LogIndex{};
        configuration_ = view.configuration;
        configured_ = now;
    }
    has_view_ = true;
    for (const View::Node& planned : view.nodes) {
        Node* node = enter(planned.id);
        if (node == nullptr) continue;
        // V7: at once, also while a promise is alive, which goes on until its end.
        node->floor = std::max(node->floor, Key{planned.epoch, planned.generation});
        if (planned.fence != Epoch{})
            node->floor = std::max(node->floor, Key{Epoch(planned.fence.value() + 1), LogIndex{}});
    }
}

bool Voter::accepts(LogIndex configuration, Instant now) const {
    if (configuration >= configuration_) return true;  // V3: a newer one than its own passes
    return configuration == configuration_before_ && now < configured_ + promise_max;
}

Voter::Answer Voter::on_renew(NodeId from, Boot boot, const Renew& renew, Instant received,
                              Ack& ack, Refuse& refuse) {
    Node* node = enter(from);
    if (node == nullptr) return Answer::none;
    if (boot < node->boot) return Answer::none;  // V2
    node->boot = boot;
    if (!accepts(renew.configuration, received)) return Answer::none;  // V3
    // V1: it learns, and counts as promised what it hears, but answers nobody.
    const bool is_silent = received < started_ + promise_max;
    if (renew.key < node->floor) {  // V4
        note_lag(*node, renew.key, received);
        if (is_silent) return Answer::none;
        refuse = {.sequence = renew.sequence, .boot = boot, .floor = node->floor};
        return Answer::refuse;
    }
    node->floor = renew.key;  // V4
    for (const Want& want : renew.wants) learn(want, received);
    node = find(from);  // learn() may have met new nodes
    const Profile& profile = profile_of(renew.profile);
    node->promise_key = renew.key;  // V6
    // V6. A promise of a longer profile goes on: it was given, and its holder counts on it.
    node->promise_until = std::max(node->promise_until, received + profile.promise);
    node->heard_at = received;
    node->heard_epoch = renew.key.epoch;
    node->lags_since = {};
    if (is_silent) return Answer::none;

    ack.sequence = renew.sequence;
    ack.boot = boot;
    ack.confirmed.clear();
    for (const Want& want : renew.wants) {
        const auto same = std::ranges::find(ack.confirmed, want.node, &Confirmed::node);
        if (same != ack.confirmed.end()) continue;
        if (const Node* wanted = find(want.node))
            ack.confirmed.push_back({want.node, confirmed(*wanted, received)});
    }
    ack.heard.clear();
    for (const Node& other : nodes_)
        if (other.heard_epoch != Epoch{} && received - other.heard_at < profile.suspect)
            ack.heard.push_back({other.id, other.heard_epoch});
    return Answer::ack;
}

/// Refused for its generation alone, it is alive, and applies the newest plan more slowly than this
/// node: it is heard. Otherwise it would be fenced for a plan change, and its admission is the next
/// and largest one (ADR 0008).
void Voter::note_lag(Node& node, Key key, Instant now) {
    if (key.epoch != node.floor.epoch) return;
    if (node.lags_since == Instant{}) node.lags_since = now;
    if (now - node.lags_since >= lag_max) return;
    node.heard_at = now;
    node.heard_epoch = key.epoch;
}

void Voter::learn(const Want& want, Instant now) {
    Node* node = enter(want.node);
    if (node == nullptr) return;
    // V5: whoever still renews cannot be fenced; a generation it will reach by itself.
    const bool is_blocked = node->is_promised(now) && node->promise_key < want.key;
    if (want.is_fence && is_blocked) return;
    node->floor = std::max(node->floor, want.key);
}

Key Voter::confirmed(const Node& node, Instant now) const {
    return node.is_promised(now) ? std::min(node.floor, node.promise_key) : node.floor;  // V6
}

void Voter::on_release(NodeId from, Boot boot, Epoch epoch, Instant now) {
    Node* node = enter(from);
    if (node == nullptr || boot < node->boot) return;  // V8, V2
    node->boot = boot;
    if (node->promise_key.epoch > epoch) return;            // V8
    if (node->is_promised(now)) node->promise_until = now;  // V8: it is over
    node->floor = std::max(node->floor, Key{Epoch(epoch.value() + 1), LogIndex{}});  // V8
    node->released = std::max(node->released, epoch);
}

Epoch Voter::heard(NodeId id, Instant since) const {
    const Node* node = find(id);
    if (node == nullptr || node->heard_epoch == Epoch{} || node->heard_at < since) return Epoch{};
    return node->heard_epoch;
}

Instant Voter::heard_at(NodeId id) const {
    const Node* node = find(id);
    return node == nullptr ? Instant{} : node->heard_at;
}

Epoch Voter::released(NodeId id) const {
    const Node* node = find(id);
    return node == nullptr ? Epoch{} : node->released;
}

Voter::Node* Voter::find(NodeId id) {
    const auto found = std::ranges::lower_bound(nodes_, id, {}, &Node::id);
    return found != nodes_.end() && found->id == id ? &*found : nullptr;
}

const Voter::Node* Voter::find(NodeId id) const {
    const auto found = std::ranges::lower_bound(nodes_, id, {}, &Node::id);
    return found != nodes_.end() && found->id == id ? &*found : nullptr;
}

Voter::Node* Voter::enter(NodeId id) {
    const auto found = std::ranges::lower_bound(nodes_, id, {}, &Node::id);
    if (found != nodes_.end() && found->id == id) return &*found;
    if (nodes_.size() == nodes_max) return nullptr;
    Node node;
    node.id = id;
    return &*nodes_.insert(found, node);
}

}  // namespace trivet::lease
