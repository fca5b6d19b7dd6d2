#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/l2_plan.hpp"
#include "tests/core/state_fixture.hpp"

namespace trivet::test {

/// A StateFixture with nodes that were seen at a start, so that VIPs have owners.
class PlacementFixture : public StateFixture {
public:
    using Names = std::vector<std::string>;

    Applied join(const std::string& name, Labels labels = {}, NodeFacts facts = {}) {
        NodeId& id = ids[name];
        if (id == NodeId{}) id = NodeId(++last_id_);
        Applied applied = apply({RegisterNode{name, std::move(labels), std::move(facts)},
                                 RecordBoot{name, id.value(), 1, 1}});
        EXPECT_TRUE(applied.result) << applied.result.error().message;
        return applied;
    }
    Applied drain(const std::string& name, bool drained = true) {
        return apply({DrainNode{name, drained}});
    }
    Epoch epoch_of(const std::string& name) const {
        const lease::Plan::Node* node = state.lease_plan().find(ids.at(name));
        return node == nullptr ? Epoch{} : node->epoch;
    }
    Applied fence(const std::string& name, const std::string& by = "n1") {
        return apply({RecordFence{ids.at(name), epoch_of(name), ids.at(by), "not heard", 93}});
    }
    Applied admit(const std::string& name) {
        return apply({AdmitNode{ids.at(name), epoch_of(name)}});
    }
    Result<void> move(const std::string& vip, const std::string& node) {
        return apply({MoveVip{{Kind::vip, "default", vip}, node}}).result;
    }
    void vips(std::size_t count, const std::string& fields = "") {
        for (std::size_t i = 0; i < count; ++i) {
            const auto put = vip("v" + std::to_string(++last_vip_), fields);
            ASSERT_TRUE(put) << put.error().message;
        }
    }
    /// The candidates of the first address of a VIP, by name.
    Names list(const std::string& name) const { return list_at(record(name).assigned.at(0)); }
    Names list_at(IpAddress address) const {
        Names names;
        if (const lease::Plan::Entry* entry = state.lease_plan().find(address))
            for (const NodeId id : entry->nodes()) names.push_back(state.node_name(id));
        return names;
    }
    std::string owner(const std::string& name) const {
        return place(state, record(name).assigned.at(0)).owner;
    }
    std::string owner_at(IpAddress address) const {
        const NodeId id = state.lease_plan().owner(address);
        return id == NodeId{} ? "" : state.node_name(id);
    }
    std::map<std::string, std::string> owners() const {
        std::map<std::string, std::string> all;
        for (const auto& [key, record] : state.vips())
            if (!record.pending()) all[key.name] = owner_at(record.assigned.front());
        return all;
    }
    /// How many VIPs each node owns, for all that own any.
    std::map<std::string, std::size_t> owned() const {
        std::map<std::string, std::size_t> counts;
        for (const auto& [vip, owner] : owners())
            if (!owner.empty()) ++counts[owner];
        return counts;
    }
    std::size_t moves_since(const std::map<std::string, std::string>& before) const {
        const auto now = owners();
        return static_cast<std::size_t>(std::ranges::count_if(before, [&](const auto& entry) {
            const auto found = now.find(entry.first);
            return found != now.end() && found->second != entry.second;
        }));
    }
    std::vector<std::string> messages(const Applied& applied, const std::string& type) const {
        std::vector<std::string> texts;
        for (const Event& event : applied.events)
            if (event.type == type) texts.push_back(event.message);
        return texts;
    }
    void expect_restored_the_same() const {
        const auto saved = this->saved();
        const auto restored = ClusterState::restore(saved, LogIndex(index()));
        ASSERT_TRUE(restored) << restored.error().message;
        EXPECT_EQ(restored->lease_plan(), state.lease_plan());
        const auto all = restored->rows();
        const auto live = state.rows();
        ASSERT_EQ(all.size(), saved.size());
        ASSERT_EQ(live.size(), saved.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            EXPECT_EQ(all[i].key, saved[i].key);
            EXPECT_EQ(all[i].value, saved[i].value) << saved[i].key;
            EXPECT_EQ(live[i].value, saved[i].value) << saved[i].key;
        }
    }

    std::map<std::string, NodeId> ids;

private:
    std::uint64_t last_id_ = 0x100;
    std::size_t last_vip_ = 0;
};

}  // namespace trivet::test
