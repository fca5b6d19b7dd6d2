#pragma once
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/cluster_state.hpp"
#include "tests/core/test_objects.hpp"

namespace trivet::test {

/// A ClusterState that is fed commands, with the rows that a store would have kept of it.
class StateFixture {
public:
    ClusterState state;
    std::map<std::string, std::string> rows;
    std::vector<Event> events;
    std::clock_t processor_time = 0;   // that `state` took
    std::optional<ClusterState> twin;  // gets the same commands, and must do the same

    Applied apply(std::vector<Action> actions, std::optional<RequestId> request = {}) {
        const Command command{now_, std::move(actions), std::move(request)};
        const std::clock_t begun = std::clock();
        Applied applied = state.apply(LogIndex(++index_), command);
        processor_time += std::clock() - begun;
        if (twin) {
            EXPECT_EQ(twin->apply(LogIndex(index_), command).changed, applied.changed);
            for (const std::string& key : applied.changed)
                EXPECT_EQ(twin->row(key), state.row(key)) << key;
        }
        for (const std::string& key : applied.changed) {
            const auto value = state.row(key);
            if (value)
                rows[key] = *value;
            else
                rows.erase(key);
        }
        events.insert(events.end(), applied.events.begin(), applied.events.end());
        return applied;
    }

    /// `fields` is the inside of the JSON object behind the name: R"("addresses": ["..."])".
    Result<void> pool(const std::string& name, const std::string& fields, bool force = false) {
        return put(Kind::pool, name, fields, force);
    }
    Result<void> vip(const std::string& name, const std::string& fields = "") {
        return put(Kind::vip, name, fields, false);
    }
    Result<void> put(Kind kind, const std::string& name, const std::string& fields, bool force) {
        const std::string text =
            "{\"name\": \"" + name + "\"" + (fields.empty() ? "" : ", ") + fields + "}";
        auto object = object_from_json(kind, json_of(text));
        if (!object) return fail(object.error());
        return apply({PutObject{*object, PutMode::create_or_replace, force, {}}}).result;
    }
    Result<void> erase(Kind kind, const std::string& name, bool force = false) {
        return apply({DeleteObject{{kind, kind == Kind::vip ? "default" : "", name}, force}})
            .result;
    }
    void at(std::int64_t seconds) { now_ = WallTime(std::chrono::seconds(seconds)); }
    Applied tick() { return apply({AdvanceTime{}}); }

    const VipRecord& record(const std::string& name,
                            const std::string& name_space = "default") const {
        const VipRecord* found = state.find_vip(name_space, name);
        if (found == nullptr) throw std::runtime_error("no VIP " + name);
        return *found;
    }
    /// "192.0.2.1 2001:db8::1"; "" when it is pending.
    std::string addresses(const std::string& name,
                          const std::string& name_space = "default") const {
        std::string list;
        for (const IpAddress address : record(name, name_space).assigned)
            list += (list.empty() ? "" : " ") + address.to_string();
        return list;
    }
    std::string reason(const std::string& name) const { return record(name).pending_reason; }

    std::vector<StateRow> saved() const {
        std::vector<StateRow> list;
        for (const auto& [key, value] : rows) list.push_back({key, value});
        return list;
    }
    std::uint64_t index() const { return index_; }

private:
    std::uint64_t index_ = 0;
    WallTime now_{std::chrono::seconds(1000)};
};

/// All that can be seen of a state, as text.
inline std::string picture(const ClusterState& state, const std::vector<StateRow>& rows) {
    std::string text;
    for (const StateRow& row : rows)
        text += row.key + "=" + state.row(row.key).value_or("-") + "\n";
    for (const auto& [name, pool] : state.pools()) {
        const PoolUse use = state.pool_use(name);
        text += name + " " + std::to_string(use.total) + "/" + std::to_string(use.assigned) + "/" +
                std::to_string(use.cooling) + "\n";
    }
    const auto deadline = state.next_deadline();
    text += deadline ? std::to_string(deadline->time_since_epoch().count()) : "-";
    return text;
}

}  // namespace trivet::test
