#include "core/waiting_line.hpp"

#include "core/assert.hpp"

namespace trivet {

namespace {

template <class Key>
void erase_from(std::map<Key, std::set<VipId>>& index, const Key& key, VipId id) {
    const auto found = index.find(key);
    if (found == index.end()) return;
    found->second.erase(id);
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
        ++next_number_;
    }
    classes_.at(known->second).vips.insert(id);
    for (const IpAddress address : wait.addresses) by_address_[address].insert(id);
    if (!wait.sharing_key.empty()) by_sharing_key_[wait.sharing_key].insert(id);
    waits_.emplace(id, Entry{known->second, std::move(wait)});
}

void WaitingLine::leave(VipId id) {
    const auto found = waits_.find(id);
    if (found == waits_.end()) return;
    const auto& [number, wait] = found->second;
    for (const IpAddress address : wait.addresses) erase_from(by_address_, address, id);
    if (!wait.sharing_key.empty()) erase_from(by_sharing_key_, wait.sharing_key, id);
    const auto members = classes_.find(number);
    members->second.vips.erase(id);
    if (members->second.vips.empty()) {
        for (const std::string& pool : wait.group.pools) {
            const auto of_pool = classes_of_pool_.find(pool);
            of_pool->second.erase(number);
            if (of_pool->second.empty()) classes_of_pool_.erase(of_pool);
        }
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

void WaitingLine::add(Round& round, const Allocator::Gains& gains) const {
    if (waits_.empty()) return;
    for (const std::string& pool : gains.pools)
        if (const auto found = classes_of_pool_.find(pool); found != classes_of_pool_.end())
            for (const std::uint64_t number : found->second)
                round.heads_.emplace(*classes_.at(number).vips.begin(), number);
    for (const IpAddress address : gains.addresses)
        if (const auto found = by_address_.find(address); found != by_address_.end())
            round.single_.insert(found->second.begin(), found->second.end());
    for (const std::string& key : gains.sharing_keys)
        if (const auto found = by_sharing_key_.find(key); found != by_sharing_key_.end())
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
        round.heads_.erase(round.heads_.begin());
        const auto members = classes_.find(number);
        if (members == classes_.end()) continue;
        // The class stays in the round, with the member after this one, until give_up().
        const auto after = members->second.vips.upper_bound(id);
        if (after != members->second.vips.end()) round.heads_.emplace(*after, number);
        round.single_.erase(id);
        if (members->second.vips.contains(id)) return id;
    }
    return std::nullopt;
}

void WaitingLine::give_up(Round& round, VipId id) const {
    const auto found = waits_.find(id);
    TRIVET_ASSERT(found != waits_.end());
    const std::uint64_t number = found->second.number;
    std::erase_if(round.heads_, [&](const auto& head) { return head.second == number; });
}

}  // namespace trivet
