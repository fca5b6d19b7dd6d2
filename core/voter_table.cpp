#include "core/voter_table.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/field_reader.hpp"
#include "core/object_json.hpp"

namespace trivet {

using nlohmann::json;

bool VoterTable::apply(LogIndex index, std::vector<NodeId> voters) {
    std::ranges::sort(voters);
    if (voters == voters_) return false;
    before_ = index_;
    index_ = index;
    voters_ = std::move(voters);
    return true;
}

std::optional<std::string> VoterTable::row() const {
    if (index_ == LogIndex{}) return std::nullopt;
    json voters = json::array();
    for (const NodeId voter : voters_) voters.push_back(voter.value());
    return json{{"index", index_.value()}, {"before", before_.value()}, {"voters", voters}}.dump();
}

Result<void> VoterTable::restore(std::string_view row) {
    auto value = parse_json(row);
    if (!value) return fail(ErrorCode::corrupt, value.error().message);
    std::uint64_t index = 0, before = 0;
    FieldReader reader(*value, "row");
    reader.integer("index", index, std::uint64_t{1}, UINT64_MAX);
    reader.integer("before", before, std::uint64_t{0}, UINT64_MAX);
    const json* voters = reader.take("voters");
    if (auto finished = reader.finish(); !finished)
        return fail(ErrorCode::corrupt, finished.error().message);
    if (voters == nullptr || !voters->is_array() || index == 0 || before >= index)
        return fail(ErrorCode::corrupt, "a field of the voters is missing or wrong");
    std::vector<NodeId> ids;
    for (const json& voter : *voters) {
        if (!voter.is_number_unsigned() || voter.get<std::uint64_t>() == 0)
            return fail(ErrorCode::corrupt, "a voter is no node's id");
        ids.emplace_back(voter.get<std::uint64_t>());
    }
    if (!std::ranges::is_sorted(ids) || std::ranges::adjacent_find(ids) != ids.end())
        return fail(ErrorCode::corrupt, "the voters are not in order");
    index_ = LogIndex(index);
    before_ = LogIndex(before);
    voters_ = std::move(ids);
    return {};
}

}  // namespace trivet
