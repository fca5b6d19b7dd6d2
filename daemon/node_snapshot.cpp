#include <fmt/chrono.h>
#include <fmt/format.h>

#include "announce/durable_file.hpp"
#include "api/model/snapshot_file.hpp"
#include "core/state_snapshot.hpp"
#include "daemon/answer_of.hpp"
#include "daemon/host.hpp"
#include "daemon/node.hpp"

/// The parts of Node that write the state down for later, and begin anew from there.
namespace trivet::daemon {

namespace asio = boost::asio;

namespace {

using nlohmann::json;

std::string time_text(WallTime time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                       fmt::gmtime(std::chrono::floor<std::chrono::seconds>(time)));
}

/// What belongs to the machines of the saved cluster, not to its users: nodes would be given VIPs
/// although they are not there.
bool is_of_machines(std::string_view key) {
    const bool is_of_leases = LeaseTable::has_row(key) && key != LeaseTable::profile_row;
    return key.starts_with("node/") || MembershipTable::has_row(key) || is_of_leases ||
           key == VoterTable::row_key;
}

struct Saved {
    model::SnapshotFacts facts;
    std::vector<StateRow> rows;  // of the users alone
};

Result<Saved> read_snapshot(const std::string& path) {
    const auto text = announce::read_file(path, model::snapshot_bytes_max);
    if (!text) return fail(text.error());
    const auto snapshot = model::parse_snapshot(*text);
    if (!snapshot) return fail(snapshot.error());
    auto facts = model::check_snapshot(*snapshot);
    if (!facts) return fail(facts.error());
    Saved saved{std::move(*facts), {}};
    for (const auto& [key, value] : snapshot->at("rows").items())
        if (!is_of_machines(key)) saved.rows.push_back({key, value.get<std::string>()});
    return saved;
}

}  // namespace

asio::awaitable<Result<std::string>> Node::save_snapshot() {
    json rows = json::object();
    for (StateRow& row : state_.rows()) rows[row.key] = std::move(row.value);
    json snapshot{{"format", "trivet-snapshot"},
                  {"version", 1},
                  {"cluster_id", state_.cluster_id()},
                  {"node", config_.node},
                  {"revision", cluster_log_->applied_index().value()},
                  {"saved_at", time_text(wall_now())},
                  {"sha256", model::checksum_of_rows(rows)}};
    snapshot["rows"] = std::move(rows);
    co_return snapshot.dump();
}

asio::awaitable<Result<void>> Node::adopt(raft::Snapshot snapshot) {
    auto start = [this, snapshot = std::move(snapshot)](ReplicatedLog::ReadDone answer) {
        cluster_log_->begin_from(snapshot, self_as_member(), std::move(answer));
    };
    return answer_of<void>(executor(), std::move(start));
}

asio::awaitable<Result<api::InitAnswer>> Node::restore_snapshot(std::string path) {
    if (auto checked = check_new(); !checked) co_return fail(checked.error());
    if (cluster_log_->raft().log().last_index() != LogIndex{})
        co_return fail(ErrorCode::conflict,
                       "this node has a log already: stop lbd, empty its data directory, start it "
                       "and restore again");
    const auto file = read_snapshot(path);
    if (!file) co_return fail(file.error());
    const LogIndex index{std::max<std::uint64_t>(file->facts.revision, 1)};
    if (auto usable = ClusterState::restore(file->rows, index); !usable)
        co_return fail(usable.error());
    is_becoming_member_ = true;
    Result<void> done = prepare_identity(file->facts.cluster_id);
    if (done) {
        raft::Snapshot snapshot;
        snapshot.base.index = index;
        snapshot.base.term = Term{1};
        snapshot.data = std::make_shared<const std::string>(encode_snapshot(file->rows));
        done = co_await adopt(std::move(snapshot));
    }
    if (done) done = co_await lead();
    const Result<std::string> hash =
        done ? pki_.ca_hash() : Result<std::string>(fail(done.error()));
    is_becoming_member_ = false;
    if (!hash) co_return fail(hash.error());
    hooks_.on_certificate();
    keep_registered();
    log_.info(
        "the cluster was restored from a snapshot",
        {{"cluster", file->facts.cluster_id}, {"revision", std::to_string(file->facts.revision)}});
    co_return api::InitAnswer{
        .node = config_.node, .api = api_address_, .admin_token = {}, .ca_hash = *hash};
}

}  // namespace trivet::daemon
