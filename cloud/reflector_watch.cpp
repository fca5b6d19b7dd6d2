// What a reflector makes of the events of a watch.
#include <algorithm>

#include "cloud/reflector.hpp"

namespace trivet::cloud {

namespace {

void sort_keys(std::vector<std::string>& keys) {
    std::ranges::sort(keys);
    const auto repeated = std::ranges::unique(keys);
    keys.erase(repeated.begin(), repeated.end());
}

}  // namespace

ReflectorActions Reflector::on_events(Instant now) {
    ReflectorActions actions;
    const auto leave = [&actions](ReflectorActions then) {
        sort_keys(actions.changed);
        then.changed = std::move(actions.changed);
        then.drop = true;
        return then;
    };
    for (;;) {
        auto event = stream_.next();
        // What cannot be understood may have been a change: only a list makes up for it.
        if (!event)
            return leave(wait_then(Next::new_list, "a watch: " + event.error().message, now));
        if (!*event) break;
        if ((*event)->type == WatchEvent::Type::error) {
            const KubeStatus status = read_status((*event)->object);
            if (status.is_expired() || status.is_future_version() || status.code == 429)
                return leave(on_refusal(status, now));
            return leave(wait_then(Next::new_list, status.to_string(), now, status.retry_after));
        }
        if (auto taken = take(**event, actions); !taken)
            return leave(wait_then(Next::new_list, "a watch: " + taken.error().message, now));
        heard_ = true;
        on_progress();
    }
    sort_keys(actions.changed);
    return actions;
}

Result<void> Reflector::take(const WatchEvent& event, ReflectorActions& actions) {
    auto version = read_resource_version(event.object);
    if (!version) return fail(version.error());
    Result<std::optional<std::string>> key = std::nullopt;
    switch (event.type) {
        case WatchEvent::Type::added:
        case WatchEvent::Type::modified:
            key = sink_.put(event.object);
            break;
        case WatchEvent::Type::deleted:
            key = sink_.erase(event.object);
            break;
        case WatchEvent::Type::bookmark:  // also the one that ends the events of sendInitialEvents
        case WatchEvent::Type::error:
            break;
    }
    if (!key) return fail(key.error());
    resource_version_ = std::move(*version);
    if (*key) actions.changed.push_back(std::move(**key));
    return {};
}

}  // namespace trivet::cloud
