#include "api/watcher.hpp"

#include <algorithm>
#include <utility>

#include "api/object_view.hpp"
#include "api/turn.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

// In one turn. An object takes some 30 us to write, the rest well below one.
constexpr std::size_t written_per_turn = 16;
constexpr std::size_t gathered_per_turn = 256;
constexpr std::size_t changed_max = 256;

json bookmark(std::uint64_t revision) { return {{"type", "bookmark"}, {"revision", revision}}; }

std::string text_of(const json& line) {
    return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

bool WatchFilter::wants(const ObjectKey& key) const {
    if (!kinds.contains(key.kind)) return false;
    return key.kind != Kind::vip || (matches_namespace(name_space, key.name_space) &&
                                     caller.may_see_namespace(key.name_space));
}

Watcher::Watcher(Control& control, WatchFilter filter, Start start, std::shared_ptr<void> admitted)
    : control_(control),
      feed_(control.changes()),
      filter_(std::move(filter)),
      admitted_(std::move(admitted)),
      place_(start.place),
      done_(start.revision),
      timer_(control.executor()),
      bookmark_due_(Clock::now()) {}

asio::awaitable<std::string> Watcher::next(std::shared_ptr<Watcher> self) {
    for (;;) {
        if (self->is_over()) co_return std::string();
        self->gather();
        std::string lines = self->write_some();
        const bool has_told_all = self->changed_.empty() && !self->is_behind();
        if (has_told_all && Clock::now() >= self->bookmark_due_) {
            lines += text_of(bookmark(self->done_));
            self->bookmark_due_ = Clock::now() + self->feed_->limits().bookmark_interval;
        }
        if (!lines.empty()) co_return lines;
        if (!has_told_all) {
            co_await turn(self->control_);
        } else {
            self->timer_.expires_at(self->bookmark_due_);
            co_await ChangeFeed::wait(self->feed_, self->timer_);
        }
    }
}

void Watcher::cancel() {
    is_cancelled_ = true;
    timer_.cancel();
}

/// It was cancelled, has fallen behind the feed, or its token is gone.
bool Watcher::is_over() const {
    if (is_cancelled_ || feed_->has_lost(place_)) return true;
    const Caller& caller = filter_.caller;
    if (caller.token.empty()) return false;
    const auto* token = control_.state().tokens().find(caller.token);
    return token == nullptr || token->revision != caller.token_revision;
}

// ---- from the feed ------------------------------------------------------------------------------

void Watcher::gather() {
    for (std::size_t steps = 0;
         is_behind() && steps < gathered_per_turn && changed_.size() < changed_max; ++steps) {
        const ChangeFeed::Subject& subject = feed_->at(place_).subject;
        if (const auto* node = std::get_if<NodeId>(&subject)) {
            if (!gather_node(*node, steps)) break;
        } else {
            add_subject(subject);
        }
        ++place_;
    }
    if (changed_.empty()) note_done();
}

/// False: there are more lists to be looked at.
bool Watcher::gather_node(NodeId node, std::size_t& steps) {
    if (!filter_.kinds.contains(Kind::vip)) return true;
    const auto& entries = control_.state().lease_plan().entries();
    auto at = cursor_ ? entries.upper_bound(*cursor_) : entries.begin();
    for (; at != entries.end(); ++at, ++steps) {
        if (steps >= gathered_per_turn || changed_.size() >= changed_max) return false;
        const auto& list = at->second.list;
        if (std::ranges::any_of(list, [&](const auto& item) { return item.node == node; }))
            add_subject(at->first);
        cursor_ = at->first;
    }
    cursor_.reset();
    return true;
}

void Watcher::add_subject(const ChangeFeed::Subject& subject) {
    const ClusterState& state = control_.state();
    if (const auto* address = std::get_if<IpAddress>(&subject)) {
        for (const VipRecord* holder : state.holders(*address))
            add_object({Kind::vip, holder->vip.name_space, holder->vip.name});
        add_pool_of(*address);
        return;
    }
    const auto* key = std::get_if<ObjectKey>(&subject);
    if (key == nullptr) return;
    add_object(*key);
    if (key->kind != Kind::vip || !filter_.kinds.contains(Kind::pool)) return;
    if (const VipRecord* vip = state.find_vip(key->name_space, key->name))
        for (const IpAddress address : vip->assigned) add_pool_of(address);
}

void Watcher::add_object(ObjectKey key) {
    if (filter_.wants(key)) changed_.insert(std::move(key));
}

/// Its use may be another.
void Watcher::add_pool_of(IpAddress address) {
    if (!filter_.kinds.contains(Kind::pool)) return;
    if (const Pool* pool = control_.state().pool_of(address))
        add_object({Kind::pool, "", pool->name});
}

// ---- to the client ------------------------------------------------------------------------------

/// All that was gathered has been written.
void Watcher::note_done() {
    const std::uint64_t reached =
        is_behind() ? feed_->at(place_).revision - 1 : control_.state().last_applied().value();
    done_ = std::max(done_, reached);
}

std::string Watcher::write_some() {
    std::string lines;
    for (std::size_t i = 0; i < written_per_turn && !changed_.empty(); ++i) {
        const ObjectKey key = std::move(changed_.extract(changed_.begin()).value());
        // With the last one everything up to a later revision has been told.
        if (changed_.empty()) note_done();
        lines += line_of(key);
    }
    return lines;
}

std::string Watcher::line_of(const ObjectKey& key) const {
    json line{{"kind", to_string(key.kind)}, {"revision", done_}};
    if (auto object = object_json(control_, key)) {
        line["type"] = "put";
        line["object"] = std::move(*object);
    } else {
        line["type"] = "delete";
        line["object"] = {{"name", key.name}};
        if (key.kind == Kind::vip) line["object"]["namespace"] = key.name_space;
    }
    return text_of(line);
}

}  // namespace trivet::api
