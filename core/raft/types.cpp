#include "core/raft/types.hpp"

#include <algorithm>

namespace trivet::raft {

bool Configuration::votes(RaftId id) const {
    const auto found = members.find(id);
    return found != members.end() && found->second.role == MemberRole::voter;
}

std::size_t Configuration::voters() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        members, [](const auto& member) { return member.second.role == MemberRole::voter; }));
}

}  // namespace trivet::raft
