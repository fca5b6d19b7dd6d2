// GET /v1/watch: changes as they come.
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/handlers.hpp"
#include "api/problem.hpp"
#include "api/watcher.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

namespace asio = boost::asio;

namespace {

constexpr std::string_view lines_of_json = "application/x-ndjson";

/// A Watcher as the server sees it, from its own executor. The watcher lives and ends on Control's.
class WatchStream final : public BodyStream {
public:
    WatchStream(asio::any_io_executor strand, std::shared_ptr<Watcher> watcher)
        : strand_(std::move(strand)), watcher_(std::move(watcher)) {}
    ~WatchStream() override {
        asio::post(strand_, [watcher = std::move(watcher_)]() mutable { watcher.reset(); });
    }
    WatchStream(const WatchStream&) = delete;
    WatchStream& operator=(const WatchStream&) = delete;

    asio::awaitable<std::string> next() override {
        auto work = Watcher::next(watcher_);
        co_return co_await asio::co_spawn(strand_, std::move(work), asio::use_awaitable);
    }
    void cancel() override {
        asio::post(strand_, [watcher = watcher_] { watcher->cancel(); });
    }

private:
    asio::any_io_executor strand_;
    std::shared_ptr<Watcher> watcher_;
};

std::optional<std::string> parameter(const RouteCall& call, const char* name) {
    const auto given = call.request.query.find(name);
    if (given == call.request.query.end()) return std::nullopt;
    return given->second;
}

Result<std::set<Kind>> kinds_of(const RouteCall& call) {
    const auto given = parameter(call, "kinds");
    if (!given) return std::set<Kind>{Kind::vip, Kind::pool, Kind::node};
    std::set<Kind> kinds;
    for (std::string_view rest = *given; !rest.empty();) {
        const auto word = rest.substr(0, rest.find(','));
        const auto kind = kind_from_string(word);
        if (!kind)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("there is no kind '{}'; 'kinds' is a list such as vip,pool,node", word),
                "kinds");
        kinds.insert(*kind);
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    if (!kinds.empty()) return kinds;
    return fail(ErrorCode::invalid_argument, "'kinds' is a list such as vip,pool,node", "kinds");
}

Result<WatchFilter> filter_of(const RouteCall& call) {
    auto kinds = kinds_of(call);
    if (!kinds) return fail(kinds.error());
    WatchFilter filter{.kinds = std::move(*kinds), .caller = call.caller};
    const auto name_space = parameter(call, "namespace");
    if (!name_space) return filter;
    if (auto checked = check_namespace_pattern(*name_space); !checked)
        return fail(ErrorCode::invalid_argument, checked.error().message, "namespace");
    filter.name_space = *name_space;
    return filter;
}

/// Nullopt: from now on.
Result<std::optional<std::uint64_t>> since_of(const RouteCall& call) {
    const auto given = parameter(call, "since");
    if (!given) return std::nullopt;
    std::uint64_t since = 0;
    const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), since);
    if (error != std::errc{} || end != given->data() + given->size())
        return fail(ErrorCode::invalid_argument, "'since' must be a revision, a whole number",
                    "since");
    return since;
}

Answer gone(std::string detail) {
    auto response = problem(Problem{410, "gone", std::move(detail), "since"});
    return {.status = response.status,
            .headers = std::move(response.headers),
            .text = std::move(response.body),
            .content_type = std::move(response.content_type)};
}

}  // namespace

/// Of what this node has applied, without asking the others: lines come in the order of the log,
/// and none goes back behind what the client has seen, also on another node.
Waiting watch_changes(Control& control, RouteCall& call) {
    auto filter = filter_of(call);
    if (!filter) co_return fail(filter.error());
    const auto since = since_of(call);
    if (!since) co_return fail(since.error());
    const auto applied = [&control] { return control.state().last_applied().value(); };
    if (*since && **since > applied()) {  // another node told it, and this one is a little behind
        const auto ready = co_await control.read_barrier();
        if (!ready) co_return fail(ready.error());
        if (**since > applied())
            co_return gone(
                fmt::format("this cluster has not come to revision {}: it was told by "
                            "another; list again, and watch from that list's revision",
                            **since));
    }
    const auto feed = control.changes();
    const Watcher::Start now{.revision = applied(), .place = feed->end()};
    Watcher::Start start = now;
    if (*since) {
        const auto place = feed->place_after(**since);
        if (!place)
            co_return gone(
                fmt::format("this node knows the changes after revision {} alone; list "
                            "again, and watch from that list's revision",
                            feed->oldest_revision()));
        start = {.revision = **since, .place = *place};
    }
    auto admitted = feed->admit_watcher();
    if (!admitted)
        co_return fail(
            ErrorCode::unavailable,
            fmt::format("this node has {} watchers, and takes no more: ask another node, "
                        "or end some",
                        feed->watchers()));
    auto watcher =
        std::make_shared<Watcher>(control, std::move(*filter), start, std::move(admitted));
    Answer answer{.content_type = std::string(lines_of_json)};
    answer.stream = std::make_shared<WatchStream>(control.executor(), std::move(watcher));
    co_return answer;
}

}  // namespace trivet::api
