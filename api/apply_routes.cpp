// POST /v1/apply: many objects as one command, all or none.
#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "api/handlers.hpp"
#include "api/object_body.hpp"
#include "api/object_view.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

struct Item {
    std::size_t place = 0;  // in the request
    ObjectKey key;
    bool existed = false;
    PutObject put;
};

struct Options {
    bool force = false;
    bool dry_run = false;
    bool create_only = false;
};

Result<Options> options_of(const json& body) {
    if (!body.is_object())
        return fail(ErrorCode::invalid_argument,
                    "the body must be a JSON object with 'items', a list of objects with 'kind'");
    Options options;
    const std::map<std::string, bool*> flags{{"force", &options.force},
                                             {"dry_run", &options.dry_run},
                                             {"create_only", &options.create_only}};
    for (const auto& [name, value] : body.items()) {
        if (name == "items") continue;
        const auto flag = flags.find(name);
        if (flag == flags.end()) {
            const auto near = nearest(name, {"items", "force", "dry_run", "create_only"});
            return fail(
                ErrorCode::invalid_argument,
                "unknown field '" + name + "'" + (near ? "; did you mean '" + *near + "'?" : ""),
                name);
        }
        if (!value.is_boolean())
            return fail(ErrorCode::invalid_argument, "'" + name + "' must be true or false", name);
        *flag->second = value.get<bool>();
    }
    if (!body.contains("items") || !body["items"].is_array())
        return fail(ErrorCode::invalid_argument,
                    "'items' must be a list of objects, each with its 'kind'", "items");
    return options;
}

auto fail_at(std::size_t place, Error error) {
    error.field = fmt::format("items[{}]{}{}", place, error.field.empty() ? "" : ".", error.field);
    return fail(std::move(error));
}

Result<Kind> kind_of(const json& item) {
    const auto kind = item.is_object() ? item.find("kind") : item.end();
    if (!item.is_object() || kind == item.end() || !kind->is_string())
        return fail(ErrorCode::invalid_argument, "an item must be an object with its 'kind'",
                    "kind");
    const auto& noun = kind->get_ref<const std::string&>();
    if (const auto known = kind_from_string(noun)) return *known;
    const auto near = nearest(noun, {"pool", "vip", "l2-advertisement", "bgp-advertisement",
                                     "bgp-peer", "bfd-profile", "community", "namespace"});
    return fail(ErrorCode::invalid_argument,
                "there is no kind '" + noun + "'" + (near ? "; did you mean '" + *near + "'?" : ""),
                "kind");
}

Result<std::vector<Item>> read_items(const ClusterState& state, json list, const Options& options) {
    std::vector<Item> items;
    std::set<ObjectKey> keys;
    for (std::size_t place = 0; place < list.size(); ++place) {
        const auto kind = kind_of(list[place]);
        if (!kind) return fail_at(place, kind.error());
        auto put =
            object_from_body(state, std::move(list[place]), {.kind = *kind},
                             options.create_only ? PutMode::create : PutMode::create_or_replace);
        if (!put) return fail_at(place, put.error());
        put->force = options.force;
        const ObjectKey key = key_of(put->object);
        if (!keys.insert(key).second)
            return fail_at(place, {ErrorCode::invalid_argument, title(key) + " is given twice"});
        items.push_back({place, key, revision_of(state, key).has_value(), std::move(*put)});
    }
    return items;
}

/// What others refer to comes first, so that the order in a file does not matter.
int rank(Kind kind) {
    switch (kind) {
        case Kind::name_space:
            return 0;
        case Kind::pool:
            return 1;
        case Kind::community:
        case Kind::bfd_profile:
            return 2;
        case Kind::bgp_peer:
            return 3;
        case Kind::l2_advertisement:
        case Kind::bgp_advertisement:
            return 4;
        case Kind::vip:
        case Kind::node:
            return 5;
    }
    return 5;
}

json results(const std::vector<Item>& items, const ClusterState& after, LogIndex index) {
    std::vector<json> in_order(items.size());
    for (const Item& item : items) {
        const bool changed = revision_of(after, item.key).value_or(0) >= index.value();
        json& result = in_order[item.place];
        result = {{"kind", to_string(item.key.kind)},
                  {"name", item.key.name},
                  {"result", !item.existed ? "created"
                             : changed     ? "changed"
                                           : "unchanged"}};
        if (item.key.kind == Kind::vip) result["namespace"] = item.key.name_space;
    }
    return in_order;
}

Answer answer_of(json items, const Options& options, std::uint64_t revision) {
    return {.body = {
                {"items", std::move(items)}, {"dry_run", options.dry_run}, {"revision", revision}}};
}

/// The same rules on a copy, which is thrown away.
Result<Answer> rehearse(const ClusterState& state, const std::vector<Item>& items,
                        std::vector<Action> actions, const Options& options) {
    ClusterState copy = state;
    const LogIndex next{state.last_applied().value() + 1};
    // At the state's own time: a cooldown that ends in this very moment may still hold.
    const Applied applied =
        copy.apply(next, Command{.at = state.time(), .actions = std::move(actions)});
    if (!applied.result) return fail(applied.result.error());
    return answer_of(results(items, copy, next), options, state.last_applied().value());
}

}  // namespace

Waiting apply_items(Control& control, RouteCall& call) {
    const auto options = options_of(call.body);
    if (!options) co_return fail(options.error());
    auto items = read_items(control.state(), std::move(call.body["items"]), *options);
    if (!items) co_return fail(items.error());
    std::stable_sort(items->begin(), items->end(), [](const Item& a, const Item& b) {
        return rank(a.key.kind) < rank(b.key.kind);
    });
    std::vector<Action> actions;
    for (Item& item : *items) actions.emplace_back(std::move(item.put));
    if (options->dry_run) co_return rehearse(control.state(), *items, std::move(actions), *options);
    if (actions.empty())  // nothing to replicate
        co_return answer_of(json::array(), *options, control.state().last_applied().value());
    auto proposal = call.proposal(std::move(actions));
    if (!proposal) co_return fail(proposal.error());
    const auto index = co_await control.propose(std::move(*proposal));
    if (!index) co_return fail(index.error());
    co_return answer_of(results(*items, control.state(), *index), *options, index->value());
}

}  // namespace trivet::api
