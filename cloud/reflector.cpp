#include "cloud/reflector.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "api/model/rest_client.hpp"

namespace trivet::cloud {

namespace {

constexpr Backoff::Limits backoff_limits{std::chrono::milliseconds(400), std::chrono::seconds(30)};
constexpr std::size_t refusal_bytes_max = 64 * 1024;
/// A server that lags catches up within a second or two. One that does not know the version after
/// that has lost it, as after a restored backup.
constexpr unsigned future_max = 3;

ReflectorActions dropping(ReflectorActions actions) {
    actions.drop = true;
    return actions;
}

}  // namespace

Reflector::Reflector(Options options, ObjectSink& sink)
    : options_(std::move(options)), sink_(sink), backoff_(backoff_limits, options_.random_seed) {}

// ---- what to ask --------------------------------------------------------------------------------

ReflectorActions Reflector::start(Instant now) {
    return phase_ == Phase::idle ? begin_list(now) : ReflectorActions{};
}

ReflectorActions Reflector::relist(Instant now) {
    switch (phase_) {
        case Phase::idle:
            return begin_list(now);
        case Phase::waiting:
            if (next_ == Next::watch) next_ = Next::new_list;
            return {};
        case Phase::listing:
            return {};
        case Phase::watching:
            return dropping(begin_list(now));
    }
    return {};
}

ReflectorActions Reflector::begin(Next next, Instant now) {
    switch (next) {
        case Next::new_list:
            return begin_list(now);
        case Next::same_page:
            return send_page(now);
        case Next::watch:
            return send_watch(now);
    }
    return {};
}

ReflectorActions Reflector::begin_list(Instant now) {
    sink_.begin_list();
    continue_token_.clear();
    page_limit_ = std::max(options_.page_limit, 1u);
    return send_page(now);
}

ReflectorActions Reflector::send_page(Instant now) {
    phase_ = Phase::listing;
    head_.reset();
    body_.clear();
    deadline_ = now + list_timeout;
    ReflectorActions actions;
    std::string target = fmt::format("{}?limit={}", options_.path, page_limit_);
    if (!continue_token_.empty()) target += "&continue=" + model::percent_encode(continue_token_);
    actions.send = {std::move(target), false};
    return actions;
}

ReflectorActions Reflector::send_watch(Instant now) {
    phase_ = Phase::watching;
    head_.reset();
    body_ = {};  // a page's megabytes
    stream_.reset();
    heard_ = false;
    const auto extra = backoff_.spread(2 * watch_timeout) - watch_timeout;  // 0 to watch_timeout
    const auto timeout = watch_timeout + std::chrono::floor<std::chrono::seconds>(extra);
    watch_deadline_ = now + timeout + watch_grace;
    deadline_ = now + list_timeout;  // until it answers at all
    ReflectorActions actions;
    actions.send = {
        fmt::format("{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                    options_.path, timeout.count(), model::percent_encode(resource_version_)),
        true};
    return actions;
}

ReflectorActions Reflector::wait_then(Next next, std::string why, Instant now,
                                      std::optional<std::chrono::seconds> retry_after) {
    phase_ = Phase::waiting;
    next_ = next;
    head_.reset();
    body_ = {};
    last_error_ = std::move(why);
    Duration delay = backoff_.delay(++failures_);
    // At least what the server asks for, and not all at the same moment.
    if (retry_after) delay = std::max(delay, *retry_after + backoff_.spread(backoff_limits.first));
    deadline_ = now + delay;
    return {};
}

// ---- what is heard ------------------------------------------------------------------------------

ReflectorActions Reflector::on_response(const ResponseHead& head, Instant now) {
    if (phase_ != Phase::listing && phase_ != Phase::watching) return {};
    head_ = head;
    if (phase_ == Phase::watching && head.status == 200) {
        last_error_.clear();
        begun_ = now;
        deadline_ = watch_deadline_;
    }
    return {};
}

ReflectorActions Reflector::on_bytes(std::string_view bytes, Instant now) {
    if (!head_) return {};
    if (head_->status != 200) {  // beyond the limit there is nothing that a Status would say
        body_.append(
            bytes.substr(0, refusal_bytes_max - std::min(body_.size(), refusal_bytes_max)));
        return {};
    }
    if (phase_ == Phase::watching) {
        stream_.feed(bytes);
        return on_events(now);
    }
    if (body_.size() + bytes.size() > page_bytes_max) return halve_page(now);
    body_.append(bytes);
    return {};
}

ReflectorActions Reflector::on_closed(Instant now) {
    if (phase_ != Phase::listing && phase_ != Phase::watching) return {};
    if (!head_) return on_failed("the server closed the connection without an answer", now);
    if (head_->status != 200) {
        KubeStatus status = read_status(head_->status, body_);
        if (head_->retry_after) status.retry_after = head_->retry_after;
        return on_refusal(status, now);
    }
    if (phase_ == Phase::listing) return on_page(now);
    if (!was_good(now)) return wait_then(Next::watch, "the server closes each watch at once", now);
    on_progress();
    return send_watch(now);
}

ReflectorActions Reflector::on_failed(const std::string& why, Instant now) {
    if (phase_ != Phase::listing && phase_ != Phase::watching) return {};
    const bool watching = phase_ == Phase::watching;
    if (watching && was_good(now)) on_progress();
    // A list goes on where it was: when its token has run out meanwhile, the server says so.
    return wait_then(watching ? Next::watch : Next::same_page, why, now);
}

ReflectorActions Reflector::on_timer(Instant now) {
    if (!deadline_ || now < *deadline_) return {};
    switch (phase_) {
        case Phase::idle:
            break;
        case Phase::waiting:
            return begin(next_, now);
        case Phase::listing:
            return dropping(on_failed(
                fmt::format("no whole answer to a list within {} s", list_timeout.count()), now));
        case Phase::watching:
            if (!head_ || head_->status != 200)
                return dropping(on_failed(
                    fmt::format("no answer to a watch within {} s", list_timeout.count()), now));
            return dropping(send_watch(now));  // dead: a live server would have closed it
    }
    return {};
}

bool Reflector::was_good(Instant now) const {
    return head_ && head_->status == 200 && (heard_ || now - begun_ >= good_watch);
}

void Reflector::on_progress() {
    failures_ = 0;
    expired_ = 0;
    future_ = 0;
}

// ---- lists --------------------------------------------------------------------------------------

ReflectorActions Reflector::on_page(Instant now) {
    auto page = read_list_page(body_);
    body_.clear();
    if (!page) return wait_then(Next::new_list, "a list: " + page.error().message, now);
    for (const auto& item : page->items)
        if (auto staged = sink_.stage(item); !staged)
            return wait_then(Next::new_list, "a list: " + staged.error().message, now);
    if (!page->continue_token.empty()) {
        if (page->continue_token == continue_token_)  // else it would go on for ever
            return wait_then(Next::new_list, "a list whose pages do not advance", now);
        continue_token_ = std::move(page->continue_token);
        return send_page(now);
    }
    resource_version_ = std::move(page->resource_version);
    continue_token_.clear();
    CacheChange change = sink_.commit_list();
    ++lists_;
    future_ = 0;
    last_error_.clear();
    ReflectorActions actions = send_watch(now);
    actions.changed = std::move(change.changed);
    actions.vanished = std::move(change.vanished);
    actions.listed = true;
    return actions;
}

/// Pages have a number of objects, our memory has bytes: large objects go in smaller pages.
ReflectorActions Reflector::halve_page(Instant now) {
    if (page_limit_ == 1)
        return dropping(wait_then(
            Next::new_list,
            fmt::format("a list: one object has more than {} bytes", page_bytes_max), now));
    page_limit_ /= 2;
    return dropping(send_page(now));
}

// ---- refusals -----------------------------------------------------------------------------------

ReflectorActions Reflector::on_refusal(const KubeStatus& status, Instant now) {
    if (status.is_expired()) return on_expired(status, now);
    const bool listing = phase_ == Phase::listing;
    if (!listing && status.is_future_version()) {
        const Next next = ++future_ >= future_max ? Next::new_list : Next::watch;
        return wait_then(next, status.to_string(), now, status.retry_after);
    }
    // Too many requests, or a server in trouble: the same again. Anything else that is refused may
    // be the fault of what we hold, so that we begin anew.
    if (status.code == 429 || status.code >= 500)
        return wait_then(listing ? Next::same_page : Next::watch, status.to_string(), now,
                         status.retry_after);
    return wait_then(Next::new_list, status.to_string(), now, status.retry_after);
}

/// The first time at once: it is what a server is meant to say after a compaction. When it says so
/// again without anything between, slowly.
ReflectorActions Reflector::on_expired(const KubeStatus& status, Instant now) {
    if (++expired_ == 1) return begin_list(now);
    return wait_then(Next::new_list, status.to_string(), now, status.retry_after);
}

}  // namespace trivet::cloud
