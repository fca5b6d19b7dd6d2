#include "core/waiting_line.hpp"

#include "core/assert.hpp"

namespace trivet {

namespace {

template <class Key, class Value>
void erase_from(std::map<Key, std::set<Value>>& index, const Key& key, Value value) {
    const auto found = index.find(key);
    if (found == index.end()) return;
    found->second.erase(value);
    if (found->second.empty()) index.erase(found);
}

}  // namespace

void WaitingLine::enter(VipId id, Wait wait) {
    leave(id);
    const auto [known, inserted] = number_of_.emplace(wait.group, next_number_);
    if (inserted) {
        classes_[next_number_].group = wait.group;
        for (const std::string& pool : wait.group.pools)
            classes_of_pool_[pool].insert(next_number_);
        if (!wait.group.sharing.empty()) classes_of_key_[wait.sharing_key].insert(next_number_);
        ++next_number_;
    }
    classes_.at(known->second).vips.insert(id);
    for (const IpAddress address : wait.addresses) by_address_[address].insert(id);
    if (is_without_share(wait)) without_share_[wait.sharing_key].insert(id);
    waits_.emplace(id, Entry{known->second, std::move(wait)});
}

void WaitingLine::leave(VipId id) {
    const auto found = waits_.find(id);
    if (found == waits_.end()) return;
    const auto& [number, wait] = found->second;
    for (const IpAddress address : wait.addresses) erase_from(by_address_, address, id);
    if (is_without_share(wait)) erase_from(without_share_, wait.sharing_key, id);
    const auto members = classes_.find(number);
    members->second.vips.erase(id);
    if (members->second.vips.empty()) {
        for (const std::string& pool : wait.group.pools) erase_from(classes_of_pool_, pool, number);
        if (!wait.group.sharing.empty()) erase_from(classes_of_key_, wait.sharing_key, number);
        number_of_.erase(wait.group);
        classes_.erase(members);
    }
    waits_.erase(found);
}

std::vector<VipId> WaitingLine::all() const {
    std::vector<VipId> ids;
    ids.reserve(waits_.size());
    for (const auto& [id, entry] : waits_) ids.push_back(id);
    return ids;
}

std::vector<VipId> WaitingLine::without_share(const std::string& sharing_key) const {
    const auto found = without_share_.find(sharing_key);
    if (found == without_share_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

void WaitingLine::Round::put(std::uint64_t number, VipId head) {
    drop(number);
    heads_.emplace(head, number);
    head_of_.emplace(number, head);
}

void WaitingLine::Round::drop(std::uint64_t number) {
    const auto found = head_of_.find(number);
    if (found == head_of_.end()) return;
    heads_.erase({found->second, number});
    head_of_.erase(found);
}

void WaitingLine::add(Round& round, const Allocator::Gains& gains) const {
    if (waits_.empty()) return;
    const auto add_classes = [&](const auto& index, const std::string& key) {
        const auto found = index.find(key);
        if (found == index.end()) return;
        for (const std::uint64_t number : found->second)
            round.put(number, *classes_.at(number).vips.begin());
    };
    for (const std::string& pool : gains.pools) add_classes(classes_of_pool_, pool);
    for (const std::string& key : gains.sharing_keys) add_classes(classes_of_key_, key);
    for (const IpAddress address : gains.addresses)
        if (const auto found = by_address_.find(address); found != by_address_.end())
            round.single_.insert(found->second.begin(), found->second.end());
}

std::optional<VipId> WaitingLine::next(Round& round) const {
    while (!round.heads_.empty() || !round.single_.empty()) {
        const bool from_class =
            !round.heads_.empty() &&
            (round.single_.empty() || round.heads_.begin()->first <= *round.single_.begin());
        if (!from_class) {
            const VipId id = *round.single_.begin();
            round.single_.erase(round.single_.begin());
            if (contains(id)) return id;
            continue;
        }
        const auto [id, number] = *round.heads_.begin();
        round.drop(number);
        const auto members = classes_.find(number);
        if (members == classes_.end()) continue;
        // The class stays in the round, with the member after this one, until give_up().
        const auto after = members->second.vips.upper_bound(id);
        if (after != members->second.vips.end()) round.put(number, *after);
        round.single_.erase(id);
        if (members->second.vips.contains(id)) return id;
    }
    return std::nullopt;
}

void WaitingLine::give_up(Round& round, VipId id) const {
    const auto found = waits_.find(id);
    TRIVET_ASSERT(found != waits_.end());
    round.drop(found->second.number);
}

}  // namespace trivet
