// The part of ClusterState that knows who may call the API, beside the administrator.
#include <fmt/format.h>

#include "core/cluster_state.hpp"
#include "core/object_json.hpp"

namespace trivet {

namespace {

std::string event_object(const std::string& name) { return "token/" + name; }

std::string limits_text(const CreateToken& token) {
    if (token.role == TokenRole::admin) return "role admin";
    return fmt::format("role cloud, namespaces {}, {}", fmt::join(token.limits.namespaces, ", "),
                       token.limits.pools.empty()
                           ? "every pool"
                           : fmt::format("pools {}", fmt::join(token.limits.pools, ", ")));
}

}  // namespace

Result<void> ClusterState::act(const CreateToken& token, Change& change) {
    if (auto made = tokens_.create(token, change.at, change.index, change.rows); !made) return made;
    change.event("token_created", event_object(token.name),
                 fmt::format("token '{}' created: {}", token.name, limits_text(token)));
    return {};
}

Result<void> ClusterState::act(const DeleteToken& deletion, Change& change) {
    if (!tokens_.erase(deletion.name, change.rows)) {
        std::vector<std::string> names;
        for (const auto& [name, token] : tokens_.all()) names.push_back(name);
        const auto near = nearest(deletion.name, names);
        return fail(ErrorCode::not_found,
                    fmt::format("there is no token '{}'{}", deletion.name,
                                near ? "; did you mean '" + *near + "'?" : ""));
    }
    change.event("token_deleted", event_object(deletion.name),
                 fmt::format("token '{}' deleted: it opens nothing any more", deletion.name));
    return {};
}

void ClusterState::expire_tokens(Change& change) {
    for (const std::string& name : tokens_.expire(time_, change.rows))
        change.event("token_expired", event_object(name),
                     fmt::format("token '{}' has expired", name));
}

}  // namespace trivet
