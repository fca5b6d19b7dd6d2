#include "api/change_feed.hpp"

#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/object_json.hpp"

namespace trivet::api {

namespace asio = boost::asio;

namespace {

constexpr std::string_view released_prefix = "released/";
constexpr std::string_view trouble_prefix = "trouble/";

std::optional<ChangeFeed::Subject> address_of(std::string_view text) {
    const auto address = IpAddress::parse(text.substr(0, text.find('/')));
    if (!address) return std::nullopt;
    return *address;
}

/// "pool/lan", "vip/default/web".
std::optional<ChangeFeed::Subject> object_of(std::string_view row) {
    const auto slash = row.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto kind = kind_from_string(row.substr(0, slash));
    if (!kind) return std::nullopt;
    auto name = row.substr(slash + 1);
    ObjectKey key{*kind, "", ""};
    if (*kind == Kind::vip) {
        const auto between = name.find('/');
        if (between == std::string_view::npos) return std::nullopt;
        key.name_space = name.substr(0, between);
        name.remove_prefix(between + 1);
    }
    key.name = name;
    return key;
}

}  // namespace

ChangeFeed::ChangeFeed() = default;

ChangeFeed::ChangeFeed(Limits limits) : limits_(limits) {}

void ChangeFeed::note(const ClusterState& state, const std::vector<std::string>& rows) {
    bool is_news = false;
    for (const std::string& row : rows) {
        auto subject = subject_of(state, row);
        // Whose token is gone shall see nothing any more.
        is_news = is_news || subject || TokenTable::has_row(row);
        if (subject) add({state.last_applied().value(), false, std::move(*subject)});
    }
    if (is_news) wake();
}

void ChangeFeed::note_local(const ClusterState& state, IpAddress address) {
    add({state.last_applied().value(), true, address});
    wake();
}

void ChangeFeed::restart(const ClusterState& state) {
    first_ = end() + 1;  // so that no watcher finds its place
    changes_.clear();
    floor_ = state.last_applied().value();
    standings_.clear();
    for (const auto& [node, entry] : state.lease_plan().nodes()) note_standing(state, node);
    wake();
}

std::optional<std::uint64_t> ChangeFeed::place_after(std::uint64_t revision) const {
    if (revision < floor_) return std::nullopt;
    auto next = std::partition_point(
        changes_.begin(), changes_.end(),
        [revision](const Change& change) { return change.revision < revision; });
    // What this node saw after that command may have come after the bookmark as well.
    while (next != changes_.end() && next->revision == revision && !next->is_local) ++next;
    return first_ + static_cast<std::uint64_t>(next - changes_.begin());
}

asio::awaitable<void> ChangeFeed::wait(std::shared_ptr<ChangeFeed> feed,
                                       asio::steady_timer& timer) {
    feed->waiting_.insert(&timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    feed->waiting_.erase(&timer);
}

std::shared_ptr<void> ChangeFeed::admit_watcher() {
    if (*watchers_ >= limits_.watchers_max) return nullptr;
    ++*watchers_;
    return {watchers_.get(), [count = watchers_](void*) { --*count; }};
}

std::optional<ChangeFeed::Subject> ChangeFeed::subject_of(const ClusterState& state,
                                                          const std::string& row) {
    const std::string_view key = row;
    if (key.starts_with(released_prefix)) return address_of(key.substr(released_prefix.size()));
    if (key.starts_with(trouble_prefix)) return address_of(key.substr(trouble_prefix.size()));
    if (BgpSessionTable::has_row(key))
        return ObjectKey{Kind::node, "", row.substr(key.find('/') + 1)};
    if (!LeaseTable::has_row(key)) return object_of(key);
    if (const auto address = LeaseTable::address_in(key)) return *address;
    // A node's row also changes with each list that names it: that is told by the address's own.
    const auto node = LeaseTable::node_in(key);
    if (node && note_standing(state, *node)) return *node;
    return std::nullopt;
}

/// Whether what its VIPs show of it is another than before.
bool ChangeFeed::note_standing(const ClusterState& state, NodeId node) {
    const lease::Plan::Node* entry = state.lease_plan().find(node);
    if (entry == nullptr) return standings_.erase(node) != 0;
    const Standing standing{entry->epoch, entry->fence};
    const auto [known, is_new] = standings_.try_emplace(node, standing);
    if (is_new || known->second == standing) return false;
    known->second = standing;
    return true;
}

void ChangeFeed::add(Change change) {
    changes_.push_back(std::move(change));
    if (changes_.size() <= limits_.changes_max) return;
    floor_ = std::max(floor_, changes_.front().revision);
    changes_.pop_front();
    ++first_;
}

void ChangeFeed::wake() {
    for (asio::steady_timer* timer : waiting_) timer->cancel();
}

}  // namespace trivet::api
