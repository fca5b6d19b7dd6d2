#include "core/membership_table.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/field_reader.hpp"
#include "core/object_json.hpp"

namespace trivet {

using nlohmann::json;

namespace {

constexpr std::size_t hash_digits = 64;  // hex SHA-256

bool is_hash(std::string_view text) {
    return text.size() == hash_digits && std::ranges::all_of(text, [](char digit) {
               return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
           });
}

Result<void> check_id(std::uint64_t raft_id) {
    if (raft_id == 0) return fail(ErrorCode::invalid_argument, "raft id 0 is nobody's", "raft_id");
    return {};
}

/// The same whether the token was never there, has been used or has expired, so that guessing
/// teaches nothing.
tl::unexpected<Error> not_valid() {
    return fail(ErrorCode::unauthenticated,
                "the token is not valid: it may be used up or have expired; 'lbctl cluster invite' "
                "makes a new one");
}

std::string token_key(std::string_view hash) {
    return std::string(MembershipTable::token_prefix) + std::string(hash);
}

std::string boot_key(std::string_view node) {
    return std::string(MembershipTable::boot_prefix) + std::string(node);
}

}  // namespace

Result<MembershipTable::Change> MembershipTable::make_token(const MakeJoinToken& token,
                                                            WallTime now) {
    if (!is_hash(token.hash))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a token's hash has {} hexadecimal digits", hash_digits), "hash");
    if (token.expires <= now || token.expires > now + token_life_max)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a token must expire later than now, and within {} days",
                                token_life_max.count()),
                    "expires");
    const auto same = tokens_.find(token.hash);
    const bool is_alive = same != tokens_.end() && same->second.expires > now;
    if (is_alive && same->second.expires == token.expires && !same->second.used)
        return Change{};  // the same request once more
    if (is_alive)
        return fail(ErrorCode::conflict, "there is a token of this hash already; draw another");
    const auto alive =
        std::ranges::count_if(tokens_, [&](const auto& item) { return item.second.expires > now; });
    if (static_cast<std::size_t>(alive) >= tokens_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("there are {} join tokens that have not expired, and no more are "
                                "kept; use those, or wait until some of them expire",
                                tokens_max));
    Change change;
    for (auto item = tokens_.begin(); item != tokens_.end();) {
        if (item->second.expires > now) {
            ++item;
            continue;
        }
        change.rows.push_back(token_key(item->first));
        item = tokens_.erase(item);
    }
    tokens_[token.hash] = {token.expires};
    change.rows.push_back(token_key(token.hash));
    return change;
}

Result<MembershipTable::Change> MembershipTable::use_token(const UseJoinToken& use,
                                                           bool is_registered, WallTime now) {
    // Before all else: whoever has no token learns nothing.
    const auto found = tokens_.find(use.hash);
    if (found == tokens_.end() || now >= found->second.expires) return not_valid();
    Token& token = found->second;
    if (token.used && token.used->raft_id != use.raft_id) return not_valid();
    if (auto checked = check_id(use.raft_id); !checked) return fail(checked.error());
    if (auto checked = check_name("node name", use.node); !checked) return fail(checked.error());
    if (token.used && token.used->node != use.node)  // one token, one node
        return fail(ErrorCode::conflict,
                    fmt::format("this token let the node in as '{}'; join under that name, or with "
                                "a new token: 'lbctl cluster invite' makes one",
                                token.used->node),
                    "node");
    const auto boot = boots_.find(use.node);
    if (is_registered && boot != boots_.end() && boot->second.raft_id != use.raft_id)
        return fail(ErrorCode::conflict,
                    fmt::format("a node of this name is a member already; 'lbctl cluster remove "
                                "{}' first, or give the new one another name",
                                use.node),
                    "node");
    if (token.used) return Change{};
    token.used = Used{use.raft_id, use.node};
    return Change{.rows = {token_key(use.hash)}, .is_first_use = true};
}

Result<MembershipTable::Change> MembershipTable::record_boot(const RecordBoot& boot) {
    if (auto checked = check_name("node name", boot.node); !checked) return fail(checked.error());
    if (auto checked = check_id(boot.raft_id); !checked) return fail(checked.error());
    if (boot.number == 0)
        return fail(ErrorCode::invalid_argument, "the first start of a node has number 1",
                    "number");
    const BootRecord record{boot.raft_id, boot.number, boot.nonce};
    const auto known = boots_.find(boot.node);
    if (known == boots_.end() && boots_.size() >= boots_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the starts of {} nodes are known, and no more are kept; 'lbctl "
                                "cluster remove NAME' those that are gone",
                                boots_max));
    if (known != boots_.end()) {
        const BootRecord& last = known->second;
        if (last == record) return Change{};
        if (last.raft_id == record.raft_id && record.number <= last.number)
            return fail(ErrorCode::conflict,
                        fmt::format("node '{}' was seen at its start {} before, and start {} of "
                                    "now is not newer: its data are an old copy; empty its data "
                                    "directory and let it join again",
                                    boot.node, last.number, record.number));
    }
    boots_[boot.node] = record;
    return Change{.rows = {boot_key(boot.node)}};
}

MembershipTable::Change MembershipTable::forget(const std::string& node) {
    Change change;
    const auto boot = boots_.find(node);
    for (auto item = tokens_.begin(); item != tokens_.end();) {
        const auto& used = item->second.used;
        const bool let_it_in = used && used->node == node &&
                               (boot == boots_.end() || boot->second.raft_id == used->raft_id);
        if (!let_it_in) {
            ++item;
            continue;
        }
        change.rows.push_back(token_key(item->first));
        item = tokens_.erase(item);
    }
    if (boot == boots_.end()) return change;
    boots_.erase(boot);
    change.rows.push_back(boot_key(node));
    return change;
}

std::vector<std::string> MembershipTable::row_keys() const {
    std::vector<std::string> keys;
    for (const auto& [hash, token] : tokens_) keys.push_back(token_key(hash));
    for (const auto& [node, boot] : boots_) keys.push_back(boot_key(node));
    return keys;
}

std::optional<std::string> MembershipTable::row(std::string_view key) const {
    if (key.starts_with(token_prefix)) {
        const auto found = tokens_.find(key.substr(token_prefix.size()));
        if (found == tokens_.end()) return std::nullopt;
        const Token& token = found->second;
        json row{{"expires", static_cast<std::uint64_t>(token.expires.time_since_epoch().count())}};
        if (token.used) {
            row["raft_id"] = token.used->raft_id;
            row["node"] = token.used->node;
        }
        return row.dump();
    }
    if (!key.starts_with(boot_prefix)) return std::nullopt;
    const auto found = boots_.find(std::string(key.substr(boot_prefix.size())));
    if (found == boots_.end()) return std::nullopt;
    const BootRecord& boot = found->second;
    return json{{"raft_id", boot.raft_id}, {"number", boot.number}, {"nonce", boot.nonce}}.dump();
}

Result<void> MembershipTable::restore(std::string_view key, std::string_view row) {
    const auto restored = [&]() -> Result<void> {
        auto value = parse_json(row);
        if (!value) return fail(value.error());
        if (!value->is_object()) return fail(ErrorCode::corrupt, "it is no object");
        if (key.starts_with(token_prefix))
            return restore_token(key.substr(token_prefix.size()), *value);
        if (key.starts_with(boot_prefix))
            return restore_boot(key.substr(boot_prefix.size()), *value);
        return fail(ErrorCode::corrupt, "it is of another table");
    }();
    if (!restored)
        return fail(ErrorCode::corrupt, fmt::format("row '{}': {}", key, restored.error().message));
    return {};
}

Result<void> MembershipTable::restore_token(std::string_view hash, const json& row) {
    std::uint64_t expires = 0;
    Used used;
    FieldReader reader(row, "row");
    reader.integer("expires", expires, std::uint64_t{1},
                   static_cast<std::uint64_t>(wall_time_max.time_since_epoch().count()));
    reader.integer("raft_id", used.raft_id, std::uint64_t{1}, UINT64_MAX);
    reader.text("node", used.node);
    if (auto finished = reader.finish(); !finished) return finished;
    if (!is_hash(hash) || expires == 0)
        return fail(ErrorCode::corrupt, "it is no token that expires");
    if (reader.has("raft_id") != reader.has("node"))
        return fail(ErrorCode::corrupt, "it does not say who used the token");
    Token token{WallTime(std::chrono::milliseconds(expires))};
    if (reader.has("node")) {
        if (auto checked = check_name("node name", used.node); !checked) return checked;
        token.used = std::move(used);
    }
    tokens_[std::string(hash)] = std::move(token);
    return {};
}

Result<void> MembershipTable::restore_boot(std::string_view node, const json& row) {
    BootRecord boot;
    FieldReader reader(row, "row");
    reader.integer("raft_id", boot.raft_id, std::uint64_t{1}, UINT64_MAX);
    reader.integer("number", boot.number, std::uint64_t{1}, UINT64_MAX);
    reader.integer("nonce", boot.nonce, std::uint64_t{0}, UINT64_MAX);
    if (auto finished = reader.finish(); !finished) return finished;
    if (auto checked = check_name("node name", node); !checked) return checked;
    if (boot.raft_id == 0 || boot.number == 0 || !reader.has("nonce"))
        return fail(ErrorCode::corrupt, "a field is missing");
    boots_[std::string(node)] = boot;
    return {};
}

}  // namespace trivet
