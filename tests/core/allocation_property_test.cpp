// Random commands against AllocationModel, and against a twin that was restored from rows.
#include <cstdlib>
#include <fmt/format.h>
#include <random>

#include <gtest/gtest.h>

#include "tests/core/allocation_model.hpp"
#include "tests/core/state_fixture.hpp"

namespace trivet {
namespace {

constexpr std::uint64_t operations_short = 20'000;
constexpr std::uint64_t operations_between_restores = 200;

auto as_pair(const StateRow& row) { return std::pair(row.key, row.value); }

/// Makes commands out of a seed: small pools, few names, so that everything meets everything.
class Commands {
public:
    explicit Commands(std::uint64_t seed) : random_(seed) {}

    Command next(test::AllocationModel::Step& step) {
        step.batch = chance(5);
        const bool moves = chance(10);
        if (moves) now_ += std::chrono::milliseconds(number(0, 30'000));
        Command command{now_, {}};
        // Time by itself, so that the model sees its effects apart; in batches with anything.
        if (moves && !step.batch) {
            command.actions.push_back(AdvanceTime{});
            return command;
        }
        const int count = step.batch ? number(0, 4) : 1;
        for (int i = 0; i < count; ++i) command.actions.push_back(action(step));
        return command;
    }

private:
    int number(int first, int last) { return std::uniform_int_distribution(first, last)(random_); }
    bool chance(int percent) { return number(1, 100) <= percent; }
    template <class T>
    T one_of(std::initializer_list<T> list) {
        return list.begin()[number(0, static_cast<int>(list.size()) - 1)];
    }

    Action action(test::AllocationModel::Step& step) {
        const int dice = number(1, 100);
        if (dice <= 42) return put_vip(step);
        if (dice <= 72) {
            const ObjectKey key{Kind::vip, one_of<const char*>({"a", "b"}), vip_name()};
            step.vip = key;
            return DeleteObject{key, false};
        }
        if (dice <= 86) return put_pool(step);
        if (dice <= 90) {
            const std::string name = pool_name();
            const bool force = chance(40);
            if (force) step.force = name;
            return DeleteObject{{Kind::pool, "", name}, force};
        }
        if (dice <= 95) {
            const std::string name = one_of<const char*>({"a", "b"});
            if (chance(40)) return DeleteObject{{Kind::name_space, "", name}, false};
            return put({Namespace{name, labels()}}, false);
        }
        return DrainNode{"n1", true};
    }

    static PutObject put(Object object, bool force) {
        PutObject action;
        action.object = std::move(object);
        action.force = force;
        return action;
    }

    std::string vip_name() { return "v" + std::to_string(number(0, 19)); }
    std::string pool_name() { return "p" + std::to_string(number(0, 4)); }
    Labels labels() {
        Labels labels;
        if (chance(50)) labels["app"] = one_of<const char*>({"web", "dns"});
        return labels;
    }
    /// Around a boundary of .255 and .0; IPv6 for some.
    IpAddress address_at(int offset, bool v6) {
        if (!v6) return IpAddress::v4(0x0a0000f0u + static_cast<std::uint32_t>(offset));
        IpAddress::V6Bytes bytes{0xfd};
        bytes[15] = static_cast<std::uint8_t>(offset);
        return IpAddress::v6(bytes);
    }

    Action put_pool(test::AllocationModel::Step& step) {
        Pool pool;
        pool.name = pool_name();
        const int home = (pool.name[1] - '0') * 8;
        const int ranges = number(1, 2);
        for (int i = 0; i < ranges; ++i) {
            const int first = chance(90) ? home + i * 4 + number(0, 2) : number(0, 39);
            const bool v6 = chance(40);
            pool.addresses.push_back({address_at(first, v6), address_at(first + number(0, 2), v6)});
        }
        pool.auto_assign = chance(85);
        pool.avoid_buggy_ips = chance(30);
        pool.priority = static_cast<std::uint32_t>(one_of({0, 0, 1, 2, 3}));
        if (chance(20)) pool.namespaces = {one_of<const char*>({"a", "b"})};
        if (chance(15)) pool.namespace_selectors = {{{{"app", "web"}}, {}}};
        if (chance(15)) pool.vip_selectors = {{{{"app", "dns"}}, {}}, {{{"app", "web"}}, {}}};
        pool.reuse_cooldown = std::chrono::seconds(one_of({0, 0, 5, 60}));
        const bool force = chance(30);
        if (force) step.force = pool.name;
        return put({std::move(pool)}, force);
    }

    Action put_vip(test::AllocationModel::Step& step) {
        Vip vip;
        vip.name_space = one_of<const char*>({"a", "b"});
        vip.name = vip_name();
        vip.labels = labels();
        if (chance(15)) vip.pool = pool_name();
        if (chance(15))
            for (int i = number(1, 2); i > 0; --i)
                vip.addresses.push_back(address_at(number(0, 39), chance(40)));
        if (chance(25)) vip.ip_families.push_back(one_of({IpFamily::ipv4, IpFamily::ipv6}));
        if (!vip.ip_families.empty() && chance(30))
            vip.ip_families.push_back(vip.ip_families[0] == IpFamily::ipv4 ? IpFamily::ipv6
                                                                           : IpFamily::ipv4);
        if (chance(40))
            vip.ip_family_policy = one_of({IpFamilyPolicy::single, IpFamilyPolicy::prefer_dual,
                                           IpFamilyPolicy::require_dual});
        if (chance(30)) vip.sharing_key = one_of<const char*>({"k", "l"});
        for (int i = number(0, 2); i > 0; --i)
            vip.ports.push_back({static_cast<std::uint16_t>(80 + number(0, 5)),
                                 one_of({Protocol::tcp, Protocol::udp})});
        if (chance(20)) vip.traffic_policy = TrafficPolicy::local;
        if (chance(20)) vip.eligible_nodes = {one_of<const char*>({"n1", "n2"})};
        step.vip = ObjectKey{Kind::vip, vip.name_space, vip.name};
        return put({std::move(vip)}, false);
    }

    std::mt19937_64 random_;
    WallTime now_{std::chrono::seconds(1000)};
};

std::string text_of(const Applied& applied) {
    std::string text = applied.result ? "ok" : "no: " + applied.result.error().message;
    for (const std::string& row : applied.changed) text += " " + row;
    for (const Event& event : applied.events) text += "\n" + event.type + " " + event.message;
    return text;
}

TEST(AllocationProperty, NoAddressIsGivenTwiceNoneIsLostNothingChangesByItself) {
    const char* operations_given = std::getenv("TRIVET_PROPERTY_OPERATIONS");
    const char* seed_given = std::getenv("TRIVET_PROPERTY_SEED");
    const std::uint64_t operations = operations_given != nullptr
                                         ? std::strtoull(operations_given, nullptr, 10)
                                         : operations_short;
    const std::uint64_t seed =
        seed_given != nullptr ? std::strtoull(seed_given, nullptr, 10) : 20'240'501;
    Commands commands(seed);
    test::AllocationModel model;
    ClusterState state;
    ClusterState twin;
    std::map<std::string, std::string> rows;
    std::map<std::string, std::uint64_t> counts;

    for (std::uint64_t i = 1; i <= operations; ++i) {
        test::AllocationModel::Step step;
        const Command command = commands.next(step);
        const Applied applied = state.apply(LogIndex(i), command);
        step.refused = !applied.result;
        step.changed = applied.changed;
        const auto place = [&] {
            return fmt::format("seed {}, operation {}: {}", seed, i, encode(command));
        };
        ASSERT_EQ(text_of(applied), text_of(twin.apply(LogIndex(i), command)))
            << "the restored state behaves differently; " << place();
        ASSERT_EQ(model.check(state, step), "") << place();

        for (const std::string& key : applied.changed) {
            const auto value = state.row(key);
            ASSERT_EQ(value, twin.row(key)) << key;
            if (value)
                rows[key] = *value;
            else
                rows.erase(key);
        }
        ++counts[applied.result ? "accepted" : "refused"];
        for (const Event& event : applied.events) ++counts[event.type];
        if (i % operations_between_restores != 0) continue;
        std::vector<StateRow> saved;
        for (const auto& [key, value] : rows) {
            ASSERT_EQ(state.row(key), value) << "the change of row " << key << " was not told";
            saved.push_back({key, value});
        }
        const std::vector<StateRow> all = state.rows();
        ASSERT_TRUE(std::ranges::equal(all, saved, {}, as_pair, as_pair));
        auto restored = ClusterState::restore(saved, LogIndex(i));
        ASSERT_TRUE(restored) << restored.error().message;
        ASSERT_EQ(test::picture(*restored, saved), test::picture(state, saved));
        twin = std::move(*restored);
    }
    std::string summary;
    for (const auto& [what, count] : counts) summary += fmt::format(" {}={}", what, count);
    std::printf("%s operations, seed %s:%s\n", std::to_string(operations).c_str(),
                std::to_string(seed).c_str(), summary.c_str());
}

}  // namespace
}  // namespace trivet
