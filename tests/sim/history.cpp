#include "tests/sim/history.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "tests/sim/checker.hpp"

namespace trivet::sim {

std::size_t History::begin(Call call) {
    calls_.push_back(std::move(call));
    return calls_.size() - 1;
}

void History::end(std::size_t call, Instant at, TokenList seen) {
    calls_[call].ended = at;
    calls_[call].seen = std::move(seen);
    ++answered_;
}

namespace {

/// A call with its place in the final order: that of its token for a write, that of the last token
/// it saw for a read.
struct Placed {
    std::size_t place;
    bool is_write;
    Instant began, ended;
};

void check_order(std::vector<Placed> calls, std::uint32_t key) {
    std::vector<Placed> by_end = calls;
    std::ranges::sort(calls, {}, &Placed::began);
    std::ranges::sort(by_end, {}, &Placed::ended);
    std::size_t finished = 0, least = 0;  // the place that everything later must have reached
    for (const Placed& call : calls) {
        for (; finished < by_end.size() && by_end[finished].ended < call.began; ++finished)
            least = std::max(least, by_end[finished].place);
        if (call.place < least + (call.is_write ? 1 : 0))
            throw Violation{
                fmt::format("not linearizable: a {} of list {} took place {}, after one "
                            "that had ended before it began had seen {}",
                            call.is_write ? "write" : "read", key, call.place, least)};
    }
}

}  // namespace

void History::check(const std::map<std::uint32_t, TokenList>& lists) const {
    std::map<std::uint32_t, std::size_t> places;  // of all tokens
    for (const auto& [key, list] : lists)
        for (std::size_t i = 0; i < list.size(); ++i)
            if (!places.emplace(list[i], i + 1).second)
                throw Violation{fmt::format("token {} took effect twice", list[i])};
    std::map<std::uint32_t, std::vector<Placed>> by_key;
    for (const Call& call : calls_) {
        if (!call.ended) continue;
        if (call.is_write) {
            const auto place = places.find(call.token);
            if (place == places.end())
                throw Violation{fmt::format("token {} was acknowledged and is lost", call.token)};
            by_key[call.key].push_back({place->second, true, call.began, *call.ended});
            continue;
        }
        const auto list = lists.find(call.key);
        const TokenList& final_list = list == lists.end() ? TokenList{} : list->second;
        if (call.seen.size() > final_list.size() ||
            !std::equal(call.seen.begin(), call.seen.end(), final_list.begin()))
            throw Violation{fmt::format("a read of list {} saw what never was", call.key)};
        by_key[call.key].push_back({call.seen.size(), false, call.began, *call.ended});
    }
    for (auto& [key, calls] : by_key) check_order(std::move(calls), key);
}

}  // namespace trivet::sim
