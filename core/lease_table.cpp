#include "core/lease_table.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>

#include "core/field_reader.hpp"
#include "core/object_json.hpp"
#include "core/placement.hpp"

namespace trivet {

using lease::Key;
using lease::Keys;
using lease::Plan;
using nlohmann::json;

namespace {

constexpr std::string_view node_prefix = "lease/node/";
constexpr std::string_view address_prefix = "lease/address/";
constexpr std::uint64_t any_number = UINT64_MAX;

std::string node_key(NodeId node) { return std::string(node_prefix) + to_text(node); }

std::string address_key(IpAddress address) {
    return std::string(address_prefix) + address.to_string();
}

std::optional<NodeId> node_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || value == 0 || to_text(NodeId(value)) != text) return std::nullopt;
    return NodeId(value);
}

json json_of(const Key& key) { return json::array({key.epoch.value(), key.generation.value()}); }

/// JSON without a tree of it in between: an admission writes the rows of every address at once.
void append(std::string& out, const Keys& keys) {
    out += '{';
    for (const auto& [node, key] : keys)
        fmt::format_to(std::back_inserter(out), "{}\"{}\":[{},{}]", out.back() == '{' ? "" : ",",
                       to_text(node), key.epoch.value(), key.generation.value());
    out += '}';
}

std::string row_of(const Plan::Entry& entry) {
    std::string out = R"({"list":[)";
    for (const Plan::Candidate& candidate : entry.list) {
        out += out.back() == '[' ? R"({"after":)" : R"(,{"after":)";
        append(out, candidate.after);
        fmt::format_to(std::back_inserter(out), R"(,"node":"{}"}})", to_text(candidate.node));
    }
    out += R"(],"past":)";
    append(out, entry.past);
    out += '}';
    return out;
}

Result<Key> read_key(const json& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() ||
        !pair[1].is_number_unsigned())
        return fail(ErrorCode::corrupt, "a key is [epoch, generation]");
    return Key{Epoch(pair[0].get<std::uint64_t>()), LogIndex(pair[1].get<std::uint64_t>())};
}

Result<Keys> read_keys(const json* object, std::string_view what) {
    Keys keys;
    if (object == nullptr || !object->is_object())
        return fail(ErrorCode::corrupt, fmt::format("'{}' is no object", what));
    for (const auto& [name, pair] : object->items()) {
        const auto node = node_of(name);
        if (!node) return fail(ErrorCode::corrupt, "'" + name + "' is no node's id");
        auto key = read_key(pair);
        if (!key) return fail(key.error());
        keys[*node] = *key;
    }
    return keys;
}

Result<Plan::Candidate> read_candidate(const json& item, const std::string& path) {
    Plan::Candidate candidate;
    std::string name;
    FieldReader reader(item, "candidate", path);
    reader.text("node", name);
    auto after = read_keys(reader.take("after"), "after");
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (!after) return fail(after.error());
    const auto node = node_of(name);
    if (!node) return fail(ErrorCode::corrupt, "'" + name + "' is no node's id");
    if (after->contains(*node)) return fail(ErrorCode::corrupt, "a candidate waits for itself");
    candidate.node = *node;
    candidate.after = std::move(*after);
    return candidate;
}

Result<FlapPenalty> read_penalty(const json& object) {
    std::uint32_t points = 0;
    std::uint64_t at = 0;
    bool suppressed = false;
    FieldReader reader(object, "penalty", "penalty");
    reader.integer("points", points, std::uint32_t{1}, FlapPenalty::points_max);
    reader.integer("at", at, std::uint64_t{0},
                   static_cast<std::uint64_t>(wall_time_max.time_since_epoch().count()));
    reader.boolean("suppressed", suppressed);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (points == 0 || !reader.has("at") || !reader.has("suppressed"))
        return fail(ErrorCode::corrupt, "a field of 'penalty' is missing");
    return FlapPenalty(points, WallTime(std::chrono::milliseconds(at)), suppressed);
}

}  // namespace

std::string to_text(NodeId node) { return fmt::format("{:016x}", node.value()); }

const std::vector<std::string>& LeaseTable::profiles() {
    static const std::vector<std::string> names = {"default", "fast", "fastest", "wide"};
    return names;
}

std::vector<std::string> LeaseTable::Changed::row_keys() const {
    std::vector<std::string> keys;
    if (profile) keys.emplace_back(LeaseTable::profile_row);
    for (const NodeId node : nodes) keys.push_back(node_key(node));
    for (const IpAddress address : addresses) keys.push_back(address_key(address));
    return keys;
}

bool LeaseTable::is_fenced(NodeId node) const {
    const Plan::Node* known = plan_.find(node);
    return known != nullptr && known->is_fenced();
}

bool LeaseTable::is_damped(NodeId node, WallTime now) const {
    const auto known = penalties_.find(node);
    return known != penalties_.end() && known->second.is_damped(now);
}

void LeaseTable::set_list(IpAddress address, const std::vector<NodeId>& list, LogIndex index,
                          Changed& changed) {
    const Plan::Entry* old = plan_.find(address);
    const bool is_same = old == nullptr
                             ? list.empty()
                             : std::ranges::equal(old->list, list, {}, &Plan::Candidate::node);
    if (is_same) return;  // mostly so, when all lists are looked at
    std::set<NodeId> concerned;
    for (const NodeId node : list)
        if (plan_.find(node) == nullptr) concerned.insert(node);
    std::map<NodeId, Key> past_before;  // a deletion moves the entry's `past` to the nodes
    if (old != nullptr) {
        for (const Plan::Candidate& candidate : old->list) concerned.insert(candidate.node);
        if (list.empty())
            for (const auto& [node, key] : old->past) past_before[node] = plan_.find(node)->past;
    }
    if (!plan_.set_list(address, list, index)) return;
    changed.addresses.insert(address);
    changed.nodes.insert(concerned.begin(), concerned.end());
    for (const auto& [node, past] : past_before)
        if (plan_.find(node)->past != past) changed.nodes.insert(node);
}

void LeaseTable::introduce(NodeId node, Changed& changed) {
    if (plan_.find(node) != nullptr) return;
    plan_.restore(node, Plan::Node{});
    changed.nodes.insert(node);
}

LeaseTable::Fenced LeaseTable::record_fence(NodeId node, Epoch epoch, WallTime now,
                                            Changed& changed) {
    if (!plan_.record_fence(node, epoch)) return {};
    const bool was_damped = is_damped(node, now);
    penalties_[node].add_fence(now);
    changed.nodes.insert(node);
    return {.took_effect = true, .became_damped = !was_damped && is_damped(node, now)};
}

bool LeaseTable::admit(NodeId node, Epoch seen, LogIndex index, Changed& changed) {
    std::vector<IpAddress> addresses;
    if (!plan_.admit(node, seen, index, addresses)) return false;
    changed.nodes.insert(node);
    changed.addresses.insert(addresses.begin(), addresses.end());
    for (const IpAddress address : addresses)
        for (const Plan::Candidate& candidate : plan_.find(address)->list)
            changed.nodes.insert(candidate.node);
    return true;
}

Result<bool> LeaseTable::set_profile(const std::string& name, Changed& changed) {
    if (std::ranges::find(profiles(), name) == profiles().end())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("there is no lease profile '{}'; the profiles are {}", name,
                                fmt::join(profiles(), ", ")),
                    "name");
    if (profile_ == name) return false;
    profile_ = name;
    changed.profile = true;
    return true;
}

// ---- rows ---------------------------------------------------------------------------------------

std::optional<IpAddress> LeaseTable::address_in(std::string_view key) {
    if (!key.starts_with(address_prefix)) return std::nullopt;
    auto address = IpAddress::parse(key.substr(address_prefix.size()));
    return address ? std::optional(*address) : std::nullopt;
}

std::optional<NodeId> LeaseTable::node_in(std::string_view key) {
    if (!key.starts_with(node_prefix)) return std::nullopt;
    return node_of(key.substr(node_prefix.size()));
}

std::vector<std::string> LeaseTable::row_keys() const {
    std::vector<std::string> keys;
    if (profile_ != default_profile) keys.emplace_back(LeaseTable::profile_row);
    for (const auto& [id, node] : plan_.nodes()) keys.push_back(node_key(id));
    for (const auto& [address, entry] : plan_.entries()) keys.push_back(address_key(address));
    return keys;
}

std::optional<std::string> LeaseTable::row(std::string_view key) const {
    if (key == profile_row) {
        if (profile_ == default_profile) return std::nullopt;
        return json{{"name", profile_}}.dump();
    }
    if (key.starts_with(node_prefix)) {
        const auto id = node_in(key);
        const Plan::Node* node = id ? plan_.find(*id) : nullptr;
        if (node == nullptr) return std::nullopt;
        json row{{"epoch", node->epoch.value()},
                 {"generation", node->generation.value()},
                 {"fence", node->fence.value()},
                 {"past", json_of(node->past)}};
        if (const auto penalty = penalties_.find(*id); penalty != penalties_.end())
            row["penalty"] = {
                {"points", penalty->second.points()},
                {"at", static_cast<std::uint64_t>(penalty->second.at().time_since_epoch().count())},
                {"suppressed", penalty->second.suppressed()}};
        return row.dump();
    }
    const auto address = address_in(key);
    const Plan::Entry* entry = address ? plan_.find(*address) : nullptr;
    if (entry == nullptr) return std::nullopt;
    return row_of(*entry);
}

Result<void> LeaseTable::restore(std::string_view key, std::string_view row) {
    auto value = parse_json(row);
    if (!value) return fail(value.error());
    if (!value->is_object()) return fail(ErrorCode::corrupt, "it is no object");
    if (key.starts_with(node_prefix)) return restore_node(key.substr(node_prefix.size()), *value);
    if (key.starts_with(address_prefix))
        return restore_address(key.substr(address_prefix.size()), *value);
    if (key != profile_row) return fail(ErrorCode::corrupt, "it is of another version");
    std::string name;
    FieldReader reader(*value, "row");
    reader.text("name", name);
    if (auto finished = reader.finish(); !finished) return finished;
    Changed ignored;
    auto set = set_profile(name, ignored);
    if (!set) return fail(set.error());
    if (!*set) return fail(ErrorCode::corrupt, "the default profile has no row");
    return {};
}

Result<void> LeaseTable::restore_node(std::string_view name, const json& row) {
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    std::uint64_t fence = 0;
    FieldReader reader(row, "row");
    reader.integer("epoch", epoch, std::uint64_t{1}, any_number);
    reader.integer("generation", generation, std::uint64_t{0}, any_number);
    reader.integer("fence", fence, std::uint64_t{0}, any_number);
    const json* past = reader.take("past");
    const json* penalty = reader.take("penalty");
    if (auto finished = reader.finish(); !finished) return finished;
    const auto id = node_of(name);
    if (!id) return fail(ErrorCode::corrupt, "its key names no node's id");
    if (epoch == 0 || !reader.has("generation") || !reader.has("fence") || past == nullptr)
        return fail(ErrorCode::corrupt, "a field is missing");
    if (fence > epoch) return fail(ErrorCode::corrupt, "a later epoch is fenced");
    const auto key = read_key(*past);
    if (!key) return fail(key.error());
    if (penalty != nullptr) {
        const auto read = read_penalty(*penalty);
        if (!read) return fail(read.error());
        penalties_[*id] = *read;
    }
    plan_.restore(*id, Plan::Node{.epoch = Epoch(epoch),
                                  .generation = LogIndex(generation),
                                  .fence = Epoch(fence),
                                  .past = *key});
    return {};
}

Result<void> LeaseTable::restore_address(std::string_view name, const json& row) {
    Plan::Entry entry;
    FieldReader reader(row, "row");
    reader.list("list", [&](const json& item, const std::string& path) -> Result<void> {
        auto candidate = read_candidate(item, path);
        if (!candidate) return fail(candidate.error());
        if (std::ranges::count(entry.list, candidate->node, &Plan::Candidate::node) != 0)
            return fail(ErrorCode::corrupt, "a node stands twice in the list");
        entry.list.push_back(std::move(*candidate));
        return {};
    });
    auto past = read_keys(reader.take("past"), "past");
    if (auto finished = reader.finish(); !finished) return finished;
    if (!past) return fail(past.error());
    const auto address = IpAddress::parse(name);
    if (!address) return fail(address.error());
    if (address->to_string() != name) return fail(ErrorCode::corrupt, "its key is not canonical");
    if (entry.list.empty() || entry.list.size() > placement::candidates_max)
        return fail(ErrorCode::corrupt,
                    fmt::format("a list has 1 to {} candidates", placement::candidates_max));
    entry.past = std::move(*past);
    plan_.restore(*address, std::move(entry));
    return {};
}

Result<void> LeaseTable::check_restored() const {
    const auto is_known = [&](NodeId node) { return plan_.find(node) != nullptr; };
    for (const auto& [address, entry] : plan_.entries()) {
        bool complete = std::ranges::all_of(entry.past, is_known, &Keys::value_type::first);
        for (const Plan::Candidate& candidate : entry.list)
            complete &= is_known(candidate.node) &&
                        std::ranges::all_of(candidate.after, is_known, &Keys::value_type::first);
        if (!complete)
            return fail(ErrorCode::corrupt,
                        fmt::format("row '{}' of the stored state is damaged: it names a node "
                                    "that has no row",
                                    address_key(address)));
    }
    return {};
}

}  // namespace trivet
