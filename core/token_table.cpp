#include "core/token_table.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/field_reader.hpp"
#include "core/object_json.hpp"

namespace trivet {

using nlohmann::json;

namespace {

constexpr std::size_t hash_digits = 64;  // hex SHA-256
constexpr std::string_view below = ".*";

bool is_hash(std::string_view text) {
    return text.size() == hash_digits && std::ranges::all_of(text, [](char digit) {
               return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
           });
}

std::string row_key(std::string_view name) {
    return std::string(TokenTable::row_prefix) + std::string(name);
}

Result<void> check_limits(TokenRole role, const TokenLimits& limits) {
    if (role == TokenRole::admin) {
        if (limits == TokenLimits{}) return {};
        return fail(ErrorCode::invalid_argument,
                    "a token of the role admin has no limits: leave 'namespaces' and 'pools' out, "
                    "or take the role cloud",
                    limits.namespaces.empty() ? "pools" : "namespaces");
    }
    if (limits.namespaces.empty())
        return fail(ErrorCode::invalid_argument,
                    "a token of the role cloud names the namespaces that it may use, such as "
                    "'prod.*'",
                    "namespaces");
    for (const auto& [field, list] :
         {std::pair{"namespaces", &limits.namespaces}, std::pair{"pools", &limits.pools}})
        if (list->size() > TokenLimits::entries_max)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' has at most {} entries", field, TokenLimits::entries_max),
                        field);
    for (const std::string& pattern : limits.namespaces)
        if (auto checked = check_namespace_pattern(pattern); !checked) return checked;
    for (const std::string& pool : limits.pools)
        if (auto checked = check_name("pool", pool); !checked)
            return fail(ErrorCode::invalid_argument, checked.error().message, "pools");
    return {};
}

std::uint64_t milliseconds_of(WallTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

}  // namespace

std::string_view to_string(TokenRole role) {
    for (const auto& [word, value] : token_role_words)
        if (value == role) return word;
    return "cloud";
}

bool matches_namespace(std::string_view pattern, std::string_view name_space) {
    if (pattern == "*") return true;
    if (!pattern.ends_with(below)) return pattern == name_space;
    const auto start = pattern.substr(0, pattern.size() - 1);  // with the dot
    return name_space.size() > start.size() && name_space.starts_with(start);
}

Result<void> check_namespace_pattern(std::string_view pattern) {
    if (pattern == "*") return {};
    auto name = pattern;
    if (name.ends_with(below)) name.remove_suffix(below.size());
    if (check_name("namespace", name)) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no namespace, nor a pattern such as 'prod.*' (all below "
                            "'prod') or '*' (all)",
                            pattern),
                "namespaces");
}

bool TokenLimits::covers_namespace(std::string_view name_space) const {
    return std::ranges::any_of(namespaces, [&](const std::string& pattern) {
        return matches_namespace(pattern, name_space);
    });
}

bool TokenLimits::covers_pool(std::string_view pool) const {
    return pools.empty() || std::ranges::find(pools, pool) != pools.end();
}

Result<void> TokenTable::create(const CreateToken& token, WallTime now, std::uint64_t revision,
                                Changed& changed) {
    if (auto checked = check_name("token name", token.name); !checked)
        return fail(ErrorCode::invalid_argument, checked.error().message, "name");
    if (!is_hash(token.hash))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a token's hash has {} hexadecimal digits", hash_digits), "hash");
    if (auto checked = check_limits(token.role, token.limits); !checked) return checked;
    if (token.valid_for && (token.valid_for->count() <= 0 || *token.valid_for > life_max))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("a token is valid for 1 second to {} days, or for good when "
                                "'valid_for_s' is left out",
                                life_max.count()),
                    "valid_for_s");
    if (all_.contains(token.name))
        return fail(ErrorCode::conflict,
                    fmt::format("token '{}' exists already; what it is cannot be read again: "
                                "delete it, or take another name",
                                token.name),
                    "name");
    if (std::ranges::any_of(all_, [&](const auto& item) { return item.second.hash == token.hash; }))
        return fail(ErrorCode::conflict, "there is a token of this hash already; draw another");
    if (all_.size() >= tokens_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("there are {} tokens, and no more are kept; delete some that "
                                "nobody uses",
                                tokens_max));
    Token made{.hash = token.hash,
               .role = token.role,
               .limits = token.limits,
               .created = now,
               .revision = revision};
    if (token.valid_for) made.expires = std::min<WallTime>(now + *token.valid_for, wall_time_max);
    all_.emplace(token.name, std::move(made));
    changed.insert(row_key(token.name));
    return {};
}

bool TokenTable::erase(const std::string& name, Changed& changed) {
    if (all_.erase(name) == 0) return false;
    changed.insert(row_key(name));
    return true;
}

std::vector<std::string> TokenTable::expire(WallTime now, Changed& changed) {
    std::vector<std::string> names;
    for (const auto& [name, token] : all_)
        if (token.expires && *token.expires <= now) names.push_back(name);
    for (const std::string& name : names) erase(name, changed);
    return names;
}

std::optional<WallTime> TokenTable::next_expiry() const {
    std::optional<WallTime> next;
    for (const auto& [name, token] : all_)
        if (token.expires && (!next || *token.expires < *next)) next = token.expires;
    return next;
}

const TokenTable::Token* TokenTable::find(std::string_view name) const {
    const auto found = all_.find(name);
    return found == all_.end() ? nullptr : &found->second;
}

std::vector<std::string> TokenTable::row_keys() const {
    std::vector<std::string> keys;
    for (const auto& [name, token] : all_) keys.push_back(row_key(name));
    return keys;
}

std::optional<std::string> TokenTable::row(std::string_view key) const {
    if (!has_row(key)) return std::nullopt;
    const Token* token = find(key.substr(row_prefix.size()));
    if (token == nullptr) return std::nullopt;
    json row{{"hash", token->hash},
             {"role", to_string(token->role)},
             {"namespaces", token->limits.namespaces},
             {"pools", token->limits.pools},
             {"created", milliseconds_of(token->created)},
             {"revision", token->revision}};
    if (token->expires) row["expires"] = milliseconds_of(*token->expires);
    return row.dump();
}

Result<void> TokenTable::restore(std::string_view key, std::string_view row) {
    const auto corrupt = [](std::string why) { return fail(ErrorCode::corrupt, std::move(why)); };
    if (!has_row(key)) return corrupt("its key names no token");
    const std::string name(key.substr(row_prefix.size()));
    if (auto checked = check_name("token name", name); !checked)
        return corrupt(checked.error().message);
    auto value = parse_json(row);
    if (!value) return corrupt(value.error().message);
    Token token;
    std::uint64_t created = 0, expires = 0;
    FieldReader reader(*value, "row");
    reader.text("hash", token.hash);
    reader.choice("role", token.role, token_role_words);
    reader.texts("namespaces", token.limits.namespaces);
    reader.texts("pools", token.limits.pools);
    reader.integer("created", created, std::uint64_t{0}, milliseconds_of(wall_time_max));
    reader.integer("expires", expires, std::uint64_t{0}, milliseconds_of(wall_time_max));
    reader.integer("revision", token.revision, std::uint64_t{0}, UINT64_MAX);
    if (auto finished = reader.finish(); !finished) return corrupt(finished.error().message);
    for (const char* field : {"hash", "role", "namespaces", "pools", "created", "revision"})
        if (!reader.has(field)) return corrupt(fmt::format("field '{}' is missing", field));
    if (!is_hash(token.hash)) return corrupt("its hash is none");
    if (auto checked = check_limits(token.role, token.limits); !checked)
        return corrupt(checked.error().message);
    token.created = WallTime(std::chrono::milliseconds(created));
    if (reader.has("expires")) token.expires = WallTime(std::chrono::milliseconds(expires));
    all_[name] = std::move(token);
    return {};
}

}  // namespace trivet
