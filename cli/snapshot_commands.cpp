// snapshot save, restore, inspect: the cluster's whole state as one file.
#include <filesystem>
#include <fmt/format.h>
#include <ostream>

#include "api/model/snapshot_file.hpp"
#include "cli/commands.hpp"
#include "cli/durable_file.hpp"
#include "cli/member_table.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

struct SnapshotFlags {
    std::string file;
    bool force = false;
    bool stale = false;
};

json facts_json(const model::SnapshotFacts& facts, const std::string& file) {
    return {{"file", file},           {"cluster_id", facts.cluster_id},
            {"node", facts.node},     {"revision", facts.revision},
            {"rows", facts.rows},     {"saved_at", facts.saved_at},
            {"sha256", facts.sha256}, {"kinds", facts.by_kind}};
}

auto broken(const std::string& file, const Error& error) {
    auto failure = failure_of(error);
    failure.message = fmt::format("{}: {}", file, failure.message);
    return fail_with(std::move(failure));
}

Outcome<> save(Session& session, const SnapshotFlags& flags) {
    // Told before anything is asked for; writing makes sure of it once more.
    if (!flags.force) {
        if (auto free = check_is_free(flags.file); !free) return free;
    }
    const auto answer =
        session.call(Method::get, flags.stale ? "/v1/cluster/snapshot?consistency=stale"
                                              : "/v1/cluster/snapshot");
    if (!answer) return tl::unexpected(answer.error());
    const auto facts = model::check_snapshot(*answer);
    if (!facts) return broken("the server's answer", facts.error());
    auto written = write_durably(flags.file, answer->dump() + "\n",
                                 flags.force ? Overwrite::yes : Overwrite::no);
    if (!written) return written;
    if (print_data(session, facts_json(*facts, flags.file))) return {};
    session.io().out << one_line(flags.file);
    if (session.human()) {
        session.io().out << fmt::format(": {} rows, revision {}", facts->rows, facts->revision);
    }
    session.io().out << "\n";
    return {};
}

Outcome<> inspect(Session& session, const SnapshotFlags& flags) {
    const auto text = read_whole(flags.file, model::snapshot_bytes_max);
    if (!text) return tl::unexpected(text.error());
    const auto snapshot = model::parse_snapshot(*text);
    if (!snapshot) return broken(flags.file, snapshot.error());
    const auto facts = model::check_snapshot(*snapshot);
    if (!facts) return broken(flags.file, facts.error());
    if (print_data(session, facts_json(*facts, flags.file))) return {};
    Table table({});
    table.add({{"cluster"}, {facts->cluster_id}});
    table.add({{"revision"}, {std::to_string(facts->revision)}});
    table.add({{"saved"}, {fmt::format("{} by {}", facts->saved_at, facts->node)}});
    table.add({{"checksum"}, {"right", Tone::good}});
    table.add({{"rows"}, {std::to_string(facts->rows)}});
    for (const auto& [kind, count] : facts->by_kind) {
        table.add({{"  " + kind}, {std::to_string(count)}});
    }
    session.io().out << table.to_string(session.colour());
    return {};
}

Outcome<> restore(Session& session, const SnapshotFlags& flags) {
    std::error_code error;
    const auto path = std::filesystem::absolute(flags.file, error).lexically_normal().string();
    if (error) {
        return fail_with(
            {ExitCode::failure, fmt::format("'{}' is no path: {}", flags.file, error.message())});
    }
    auto answer = session.try_call(Method::post, "/v1/cluster/restore", json{{"path", path}});
    if (!answer) {
        auto failure = failure_of(answer.error());
        const auto code = answer.error().code;
        if (code == ErrorCode::not_found || code == ErrorCode::not_allowed) {
            failure.hint =
                "lbd itself reads the file: user lbd must be able to, and /home and /root are "
                "closed to it; /var/lib/lbd is a good place";
        }
        return fail_with(std::move(failure));
    }
    if (print_data(session, *answer)) return {};
    const auto text = [&](const char* key) { return one_line(text_at(*answer, key)); };
    session.io().out << fmt::format(
        "This node, {}, is now a cluster of one with the state of {}.\n\n"
        "  API      {}\n"
        "  CA hash  {}\n\n"
        "The admin token is that of the saved cluster. Never start nodes of that cluster again "
        "with\n"
        "their old data; 'lbctl cluster invite' adds them anew.\n",
        text("node"), one_line(path), text("api"), text("ca_hash"));
    return {};
}

using OnFile = Outcome<> (*)(Session&, const SnapshotFlags&);

}  // namespace

void add_snapshot_commands(CommandTree& tree) {
    auto& parent = tree.group("snapshot", "The whole state of the cluster as one file");
    const auto add = [&](const char* word, const char* about, OnFile run) {
        const auto flags = std::make_shared<SnapshotFlags>();
        auto& app = tree.command(parent, word, about,
                                 [flags, run](Session& session) { return run(session, *flags); });
        app.add_option("file", flags->file, "the snapshot")->required()->option_text("FILE");
        return std::pair<CLI::App&, SnapshotFlags&>(app, *flags);
    };
    auto [save_app, save_flags] = add("save", "Save the state of the cluster to a file", save);
    save_app.add_flag("--force", save_flags.force, "overwrite the file");
    save_app.add_flag("--stale", save_flags.stale,
                      "without a leader: what the node that answers knows");
    add("restore", "Make this node a cluster of one with the state of a file", restore);
    add("inspect", "Check a file and tell what is in it; asks no server", inspect);
}

}  // namespace trivet::cli
