#include "core/command.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/field_reader.hpp"
#include "core/fnv1a.hpp"
#include "core/object_json.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::uint64_t format_number = 1;
constexpr int command_depth_max = 40;  // an object of 32 levels inside the command's own levels
constexpr std::uint64_t any_number = UINT64_MAX;
constexpr std::chrono::seconds valid_for_max{UINT32_MAX};
constexpr std::array mode_words = {std::pair{"create", PutMode::create},
                                   std::pair{"create_or_replace", PutMode::create_or_replace}};

json encode_action(const PutObject& put) {
    const ObjectKey key = key_of(put.object);
    json out = {{"kind", to_string(key.kind)},
                {"object", to_json(put.object)},
                {"mode", put.mode == PutMode::create ? "create" : "create_or_replace"},
                {"force", put.force}};
    if (put.revision) out["revision"] = *put.revision;
    return {{"put", std::move(out)}};
}

json encode_action(const DeleteObject& deletion) {
    return {{"delete",
             {{"kind", to_string(deletion.key.kind)},
              {"namespace", deletion.key.name_space},
              {"name", deletion.key.name},
              {"force", deletion.force}}}};
}

json encode_action(const InitCluster& init) {
    return {{"init_cluster",
             {{"cluster_id", init.cluster_id}, {"admin_token_hash", init.admin_token_hash}}}};
}

json encode_action(const RegisterNode& node) {
    json body{{"name", node.name}, {"labels", node.labels}};
    write_node_facts(body, node.facts);
    return {{"register_node", std::move(body)}};
}

json encode_action(const DrainNode& drain) {
    return {{"drain_node", {{"name", drain.name}, {"drained", drain.drained}}}};
}

json encode_action(const AdvanceTime&) { return {{"advance_time", json::object()}}; }

std::uint64_t milliseconds_of(WallTime time) {
    return static_cast<std::uint64_t>(
        std::clamp(time, WallTime{}, wall_time_max).time_since_epoch().count());
}

json encode_action(const MakeJoinToken& token) {
    return {
        {"make_join_token", {{"hash", token.hash}, {"expires", milliseconds_of(token.expires)}}}};
}

json encode_action(const UseJoinToken& use) {
    return {{"use_join_token", {{"hash", use.hash}, {"raft_id", use.raft_id}, {"node", use.node}}}};
}

json encode_action(const RecordBoot& boot) {
    return {{"record_boot",
             {{"node", boot.node},
              {"raft_id", boot.raft_id},
              {"number", boot.number},
              {"nonce", boot.nonce}}}};
}

json encode_action(const RemoveNode& removal) {
    return {{"remove_node", {{"name", removal.name}}}};
}

json encode_action(const CreateToken& token) {
    json body{{"name", token.name},
              {"hash", token.hash},
              {"role", to_string(token.role)},
              {"namespaces", token.limits.namespaces},
              {"pools", token.limits.pools}};
    if (token.valid_for)
        body["valid_for_s"] = static_cast<std::uint64_t>(
            std::clamp(*token.valid_for, std::chrono::seconds{0}, valid_for_max).count());
    return {{"create_token", std::move(body)}};
}

json encode_action(const DeleteToken& deletion) {
    return {{"delete_token", {{"name", deletion.name}}}};
}

json encode_action(const RecordFence& fence) {
    return {{"record_fence",
             {{"node", fence.node.value()},
              {"epoch", fence.epoch.value()},
              {"by", fence.by.value()},
              {"cause", fence.cause},
              {"duration_ms", fence.duration_ms}}}};
}

json encode_action(const AdmitNode& admission) {
    return {{"admit_node", {{"node", admission.node.value()}, {"seen", admission.seen.value()}}}};
}

json encode_action(const MoveVip& move) {
    return {{"move_vip",
             {{"namespace", move.vip.name_space}, {"name", move.vip.name}, {"node", move.node}}}};
}

json encode_action(const Rebalance&) { return {{"rebalance", json::object()}}; }

json encode_action(const SetLeaseProfile& profile) {
    return {{"set_lease_profile", {{"name", profile.name}}}};
}

json encode_action(const ReportTrouble& report) {
    json body{{"address", report.address.to_string()}, {"node", report.node}};
    if (report.trouble) {
        body["kind"] = to_string(report.trouble->kind);
        body["message"] = report.trouble->message;
        if (report.trouble->mac) body["mac"] = report.trouble->mac->to_string();
    }
    return {{"report_trouble", std::move(body)}};
}

json encode_action(const ReportBgpSessions& report) {
    return {{"report_bgp_sessions",
             {{"node", report.node},
              {"established", report.sessions.established},
              {"withdrawn", report.sessions.withdrawn}}}};
}

Result<Kind> read_kind(FieldReader& reader) {
    std::string noun;
    reader.text("kind", noun);
    const auto kind = kind_from_string(noun);
    if (!kind) return fail(ErrorCode::invalid_argument, "unknown kind '" + noun + "'", "kind");
    return *kind;
}

Result<Action> read_put(const json& body) {
    FieldReader reader(body, "put", "put");
    auto kind = read_kind(reader);
    PutObject put;
    const json* object = reader.take("object");
    reader.choice("mode", put.mode, mode_words);
    reader.boolean("force", put.force);
    if (reader.has("revision")) {
        put.revision.emplace();
        reader.integer("revision", *put.revision, std::uint64_t{0}, any_number);
    }
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (!kind) return fail(kind.error());
    if (object == nullptr) return fail(ErrorCode::invalid_argument, "put without an object");
    auto read = object_from_json(*kind, *object);
    if (!read) return fail(read.error());
    put.object = std::move(*read);
    return put;
}

Result<Action> read_delete(const json& body) {
    FieldReader reader(body, "delete", "delete");
    DeleteObject deletion;
    auto kind = read_kind(reader);
    reader.text("namespace", deletion.key.name_space);
    reader.text("name", deletion.key.name);
    reader.boolean("force", deletion.force);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (!kind) return fail(kind.error());
    deletion.key.kind = *kind;
    return deletion;
}

Result<Action> read_init(const json& body) {
    FieldReader reader(body, "init_cluster", "init_cluster");
    InitCluster init;
    reader.text("cluster_id", init.cluster_id);
    reader.text("admin_token_hash", init.admin_token_hash);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return init;
}

Result<Action> read_register(const json& body) {
    FieldReader reader(body, "register_node", "register_node");
    RegisterNode node;
    reader.text("name", node.name);
    reader.labels("labels", node.labels);
    read_node_facts(reader, node.facts);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return node;
}

Result<Action> read_drain(const json& body) {
    FieldReader reader(body, "drain_node", "drain_node");
    DrainNode drain;
    reader.text("name", drain.name);
    reader.boolean("drained", drain.drained);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return drain;
}

Result<Action> read_advance(const json& body) {
    if (auto finished = FieldReader(body, "advance_time", "advance_time").finish(); !finished)
        return fail(finished.error());
    return AdvanceTime{};
}

WallTime read_time(FieldReader& reader, std::string_view name) {
    std::uint64_t at = 0;
    reader.integer(name, at, std::uint64_t{0}, milliseconds_of(wall_time_max));
    return WallTime(std::chrono::milliseconds(at));
}

Result<Action> read_make_token(const json& body) {
    FieldReader reader(body, "make_join_token", "make_join_token");
    MakeJoinToken token;
    reader.text("hash", token.hash);
    token.expires = read_time(reader, "expires");
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return token;
}

Result<Action> read_use_token(const json& body) {
    FieldReader reader(body, "use_join_token", "use_join_token");
    UseJoinToken use;
    reader.text("hash", use.hash);
    reader.integer("raft_id", use.raft_id, std::uint64_t{0}, any_number);
    reader.text("node", use.node);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return use;
}

Result<Action> read_boot(const json& body) {
    FieldReader reader(body, "record_boot", "record_boot");
    RecordBoot boot;
    reader.text("node", boot.node);
    reader.integer("raft_id", boot.raft_id, std::uint64_t{0}, any_number);
    reader.integer("number", boot.number, std::uint64_t{0}, any_number);
    reader.integer("nonce", boot.nonce, std::uint64_t{0}, any_number);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return boot;
}

Result<Action> read_remove(const json& body) {
    FieldReader reader(body, "remove_node", "remove_node");
    RemoveNode removal;
    reader.text("name", removal.name);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return removal;
}

Result<Action> read_create_token(const json& body) {
    FieldReader reader(body, "create_token", "create_token");
    CreateToken token;
    reader.text("name", token.name);
    reader.text("hash", token.hash);
    reader.choice("role", token.role, token_role_words);
    reader.texts("namespaces", token.limits.namespaces);
    reader.texts("pools", token.limits.pools);
    if (reader.has("valid_for_s")) {
        std::uint32_t seconds = 0;
        reader.integer("valid_for_s", seconds, std::uint32_t{0}, UINT32_MAX);
        token.valid_for = std::chrono::seconds(seconds);
    }
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return token;
}

Result<Action> read_delete_token(const json& body) {
    FieldReader reader(body, "delete_token", "delete_token");
    DeleteToken deletion;
    reader.text("name", deletion.name);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return deletion;
}

/// A number that is a type of its own.
template <class Id>
void read_id(FieldReader& reader, std::string_view name, Id& out) {
    std::uint64_t value = 0;
    reader.integer(name, value, std::uint64_t{0}, any_number);
    out = Id(value);
}

Result<Action> read_fence(const json& body) {
    FieldReader reader(body, "record_fence", "record_fence");
    RecordFence fence;
    read_id(reader, "node", fence.node);
    read_id(reader, "epoch", fence.epoch);
    read_id(reader, "by", fence.by);
    reader.text("cause", fence.cause);
    reader.integer("duration_ms", fence.duration_ms, std::uint32_t{0}, UINT32_MAX);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return fence;
}

Result<Action> read_admission(const json& body) {
    FieldReader reader(body, "admit_node", "admit_node");
    AdmitNode admission;
    read_id(reader, "node", admission.node);
    read_id(reader, "seen", admission.seen);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return admission;
}

Result<Action> read_move(const json& body) {
    FieldReader reader(body, "move_vip", "move_vip");
    MoveVip move;
    move.vip.kind = Kind::vip;
    reader.text("namespace", move.vip.name_space);
    reader.text("name", move.vip.name);
    reader.text("node", move.node);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return move;
}

Result<Action> read_rebalance(const json& body) {
    if (auto finished = FieldReader(body, "rebalance", "rebalance").finish(); !finished)
        return fail(finished.error());
    return Rebalance{};
}

Result<Action> read_profile(const json& body) {
    FieldReader reader(body, "set_lease_profile", "set_lease_profile");
    SetLeaseProfile profile;
    reader.text("name", profile.name);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return profile;
}

Result<Action> read_trouble(const json& body) {
    FieldReader reader(body, "report_trouble", "report_trouble");
    ReportTrouble report;
    std::string address, mac;
    Trouble trouble;
    const bool has_trouble = reader.has("kind");
    reader.text("address", address);
    reader.text("node", report.node);
    reader.choice("kind", trouble.kind, trouble_words);
    reader.text("message", trouble.message);
    reader.text("mac", mac);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    auto parsed = IpAddress::parse(address);
    if (!parsed) return fail(parsed.error());
    report.address = *parsed;
    if (!mac.empty()) {
        auto parsed_mac = MacAddress::parse(mac);
        if (!parsed_mac) return fail(parsed_mac.error());
        trouble.mac = *parsed_mac;
    }
    if (has_trouble) report.trouble = std::move(trouble);
    return report;
}

Result<Action> read_bgp_sessions(const json& body) {
    FieldReader reader(body, "report_bgp_sessions", "report_bgp_sessions");
    ReportBgpSessions report;
    std::vector<std::string> established;
    reader.text("node", report.node);
    reader.texts("established", established);
    reader.boolean("withdrawn", report.sessions.withdrawn);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    report.sessions.established.insert(established.begin(), established.end());
    return report;
}

Result<Action> read_action(const json& item) {
    using Reader = Result<Action> (*)(const json&);
    constexpr std::array<std::pair<const char*, Reader>, std::variant_size_v<Action>> readers = {
        {{"put", read_put},
         {"delete", read_delete},
         {"init_cluster", read_init},
         {"register_node", read_register},
         {"drain_node", read_drain},
         {"advance_time", read_advance},
         {"make_join_token", read_make_token},
         {"use_join_token", read_use_token},
         {"record_boot", read_boot},
         {"remove_node", read_remove},
         {"create_token", read_create_token},
         {"delete_token", read_delete_token},
         {"record_fence", read_fence},
         {"admit_node", read_admission},
         {"move_vip", read_move},
         {"rebalance", read_rebalance},
         {"set_lease_profile", read_profile},
         {"report_trouble", read_trouble},
         {"report_bgp_sessions", read_bgp_sessions}}};
    if (item.is_object() && item.size() == 1)
        for (const auto& [word, reader] : readers)
            if (item.contains(word)) return reader(item.front());
    std::string words;
    for (const auto& [word, reader] : readers)
        words += (words.empty() ? "" : ", ") + std::string(word);
    return fail(ErrorCode::invalid_argument,
                "an action has one field, the name of what it does (" + words + ")");
}

Result<RequestId> read_request(const json& body) {
    RequestId request;
    FieldReader reader(body, "request", "request");
    reader.text("client", request.client);
    reader.integer("sequence", request.sequence, std::uint64_t{0}, any_number);
    reader.integer("fingerprint", request.fingerprint, std::uint64_t{0}, any_number);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    if (request.client.empty())
        return fail(ErrorCode::invalid_argument, "a request names its client", "request.client");
    return request;
}

}  // namespace

std::uint64_t fingerprint_of(const std::vector<Action>& actions) {
    return fnv1a(encode(Command{.actions = actions}));
}

std::string encode(const Command& command) {
    json actions = json::array();
    for (const Action& action : command.actions)
        actions.push_back(
            std::visit([](const auto& value) { return encode_action(value); }, action));
    json text{{"format", format_number},
              {"at", milliseconds_of(command.at)},
              {"actions", std::move(actions)}};
    if (command.request)
        text["request"] = {{"client", command.request->client},
                           {"sequence", command.request->sequence},
                           {"fingerprint", command.request->fingerprint}};
    // A name from a URL may be no UTF-8; it then names nothing, which apply() reports.
    return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Command> decode_command(std::string_view text) {
    auto parsed = parse_json(text, command_depth_max);
    if (!parsed) return fail(parsed.error());
    Command command;
    std::uint64_t format = 0;
    FieldReader reader(*parsed, "command");
    reader.integer("format", format, std::uint64_t{0}, any_number);
    const bool readable = format == format_number;
    if (readable) {
        command.at = read_time(reader, "at");
        reader.list("actions", [&](const json& item, const std::string&) -> Result<void> {
            auto action = read_action(item);
            if (!action) return fail(action.error());
            command.actions.push_back(std::move(*action));
            return {};
        });
        if (const json* body = reader.take("request")) {
            auto request = read_request(*body);
            if (!request) return fail(request.error());
            command.request = std::move(*request);
        }
    } else if (reader.has("format")) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the command has format {}; this version reads format {}", format,
                                format_number));
    }
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    for (const char* name : {"format", "at", "actions"})
        if (!reader.has(name))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is missing in the command", name));
    return command;
}

}  // namespace trivet
