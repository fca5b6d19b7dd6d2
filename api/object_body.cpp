#include "api/object_body.hpp"

#include "api/object_view.hpp"
#include "core/object_json.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

/// Puts what the path says into the body, where it must not say something else.
Result<void> agree(json& body, const char* field, const std::string& in_path) {
    if (in_path.empty()) return {};
    const auto found = body.find(field);
    if (found == body.end()) {
        body[field] = in_path;
        return {};
    }
    if (*found == in_path) return {};
    return fail(ErrorCode::invalid_argument,
                std::string("'") + field + "' in the body differs from '" + in_path +
                    "' in the path: leave it out or make them equal",
                field);
}

Result<std::optional<std::uint64_t>> read_revision(const json& body) {
    const auto found = body.find("revision");
    if (found == body.end()) return std::nullopt;
    if (!found->is_number_unsigned())
        return fail(ErrorCode::invalid_argument, "'revision' must be a whole number", "revision");
    const auto revision = found->get<std::uint64_t>();
    if (revision == 0) return std::nullopt;
    return revision;
}

/// Takes "password_set" out of the body; true when it stands for the stored password.
Result<bool> takes_stored_password(json& body) {
    const auto found = body.find("password_set");
    if (found == body.end()) return false;
    if (!found->is_boolean())
        return fail(ErrorCode::invalid_argument, "'password_set' must be true or false",
                    "password_set");
    const bool set = found->get<bool>();
    body.erase(found);
    return set && !body.contains("password") && !body.contains("password_secret");
}

Result<void> keep_password(const ClusterState& state, ConfigObject& object) {
    const auto stored = state.config_objects().find(ObjectKey{object.kind, "", object.name});
    if (stored != state.config_objects().end()) {
        const auto password = stored->second.object.fields.find("password");
        if (password != stored->second.object.fields.end()) {
            object.fields["password"] = *password;
            return {};
        }
    }
    return fail(ErrorCode::invalid_argument,
                "'password_set' says that bgp-peer '" + object.name +
                    "' has a password, but none is stored here: passwords are never given out, so "
                    "add 'password', or take 'password_set' away",
                "password_set");
}

}  // namespace

Result<PutObject> object_from_body(const ClusterState& state, json body, const BodyPlace& place,
                                   PutMode mode) {
    if (!body.is_object())
        return fail(ErrorCode::invalid_argument,
                    "the body must be a JSON object with the fields of the " +
                        std::string(to_string(place.kind)));
    if (auto agreed = agree(body, "name", place.name); !agreed) return fail(agreed.error());
    if (auto agreed = agree(body, "namespace", place.name_space); !agreed)
        return fail(agreed.error());
    PutObject put;
    put.mode = mode;
    auto revision = read_revision(body);
    if (!revision) return fail(revision.error());
    if (mode != PutMode::create) put.revision = *revision;
    Result<bool> keeps_password = false;
    if (place.kind == Kind::bgp_peer) keeps_password = takes_stored_password(body);
    if (!keeps_password) return fail(keeps_password.error());
    auto object = object_from_json(place.kind, body);
    if (!object) return fail(std::move(object).error());
    put.object = std::move(*object);
    if (*keeps_password)
        if (auto kept = keep_password(state, std::get<ConfigObject>(put.object)); !kept)
            return fail(kept.error());
    return put;
}

}  // namespace trivet::api
