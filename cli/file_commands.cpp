// apply, diff, delete -f and export: the cluster's configuration as files.
#include <ostream>

#include "api/model/yaml_write.hpp"
#include "cli/apply.hpp"
#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

struct FileFlags {
    std::vector<std::string> files;
    bool force = false;
    bool dry_run = false;
    bool ignore_not_found = false;
};

/// The documents of -f. All errors of all files are told, not only the first.
Outcome<std::vector<Document>> load(const Session& session, const FileFlags& flags) {
    const auto files = read_files(flags.files, session.io());
    if (!files) return tl::unexpected(files.error());
    auto read = read_documents(*files, session.options().name_space);
    if (!read.errors.empty()) {
        for (const auto& error : read.errors) session.io().err << "error: " << error << "\n";
        return fail_with({ExitCode::failure, "", "nothing was sent; correct the files and repeat"});
    }
    if (read.documents.empty()) {
        return fail_with({ExitCode::failure, "the files hold no object"});
    }
    return std::move(read.documents);
}

Outcome<> apply(Session& session, const FileFlags& flags) {
    const auto documents = load(session, flags);
    if (!documents) return tl::unexpected(documents.error());
    std::vector<ApplyItem> items;
    for (const auto& document : *documents) {
        items.push_back({document.fields.value,
                         [&document](std::string_view field) { return document.place_of(field); }});
    }
    auto answer = apply_items(session, items, {.force = flags.force, .dry_run = flags.dry_run});
    if (!answer) return tl::unexpected(answer.error());
    print_apply_answer(session, *answer, flags.dry_run);
    return {};
}

/// All fields with their defaults, so that what is only written differently compares equal. Of a
/// password only whether there is one: the cluster never gives it out.
Outcome<json> normalised(Kind kind, json fields) {
    const bool stored = fields.value("password_set", false);
    fields.erase("password_set");
    const auto object = object_from_json(kind, fields);
    if (!object) return fail_with(failure_of(object.error()));
    auto result = to_json(*object);
    if (stored || result.contains("password")) result["password"] = "(secret)";
    return result;
}

struct Difference {
    json fields = json::object();  // {"addresses": {"from": ..., "to": ...}}
    bool created = false;
};

Outcome<Difference> difference(Session& session, const Document& document) {
    const auto& noun = noun_of(document.kind);
    auto wanted = normalised(document.kind, document.fields.value);
    if (!wanted) return tl::unexpected(wanted.error());
    auto answer = session.try_call(Method::get, rest_path(noun, document.fields.value));
    if (!answer) {
        if (answer.error().code == ErrorCode::not_found) return Difference{.created = true};
        return fail_with(failure_of(answer.error()));
    }
    auto present = normalised(document.kind, *answer);
    if (!present) return tl::unexpected(present.error());
    Difference result;
    json keys = *wanted;
    keys.update(*present);
    for (const auto& [key, unused] : keys.items()) {
        const auto from = present->value(key, json());
        const auto to = wanted->value(key, json());
        if (from == to) continue;
        result.fields[key] = {{"from", from}, {"to", to}};
    }
    return result;
}

void print_difference(const Session& session, const Document& document, const Difference& found) {
    auto& out = session.io().out;
    if (found.created) {
        out << "+ " << document.reference() << "  (" << document.place() << ")\n";
    } else if (!found.fields.empty()) {
        out << "~ " << document.reference() << "  (" << document.place() << ")\n";
        for (const auto& [key, change] : found.fields.items()) {
            out << "    " << key << ": " << one_line(brief(change["from"])) << " -> "
                << one_line(brief(change["to"])) << "\n";
        }
    }
}

/// Ends with 1 when something differs, as diff(1) does.
Outcome<> diff(Session& session, const FileFlags& flags) {
    const auto documents = load(session, flags);
    if (!documents) return tl::unexpected(documents.error());
    json all = json::array();
    bool differs = false;
    for (const auto& document : *documents) {
        auto found = difference(session, document);
        if (!found) return tl::unexpected(found.error());
        const bool changed = found->created || !found->fields.empty();
        differs = differs || changed;
        all.push_back({{"object", document.reference()},
                       {"change", found->created ? "create"
                                  : changed      ? "change"
                                                 : "none"},
                       {"fields", found->fields}});
        if (session.human()) print_difference(session, document, *found);
        if (session.options().output == OutputFormat::name && changed) {
            session.io().out << document.reference() << "\n";
        }
    }
    print_data(session, json{{"items", all}});
    if (differs) return fail_with({ExitCode::failure, ""});
    return {};
}

/// Deletes what refers to others first; goes on after a failure, which then decides the exit code.
Outcome<> remove(Session& session, const FileFlags& flags) {
    const auto documents = load(session, flags);
    if (!documents) return tl::unexpected(documents.error());
    Outcome<> outcome;
    for (auto noun = nouns().rbegin(); noun != nouns().rend(); ++noun) {
        for (const auto& document : *documents) {
            if (document.kind != noun->kind) continue;
            const bool force = flags.force && document.kind == Kind::pool;  // no other knows it
            const auto path =
                rest_path(*noun, document.fields.value) + (force ? "?force=true" : "");
            auto answer = session.try_call(Method::del, path);
            if (answer) {
                session.io().out << document.reference() << (session.human() ? " deleted\n" : "\n");
            } else if (answer.error().code == ErrorCode::not_found && flags.ignore_not_found) {
                if (session.human()) session.io().out << document.reference() << " not there\n";
            } else {
                const auto failure = failure_of(answer.error());
                session.io().err << "error: " << document.place() << ": " << failure.message
                                 << "\n";
                if (outcome) outcome = fail_with({failure.code, "", failure.hint});
            }
        }
    }
    return outcome;
}

/// A document that `apply -f` reads back. `password_set` stays: it makes the cluster that has the
/// password keep it.
json exported(const Noun& noun, json object) {
    object["kind"] = noun.word;
    object.erase("status");
    object.erase("revision");
    return without_secrets(std::move(object));
}

Outcome<> export_all(Session& session) {
    json documents = json::array();
    for (const auto& noun : nouns()) {
        if (!noun.configurable()) continue;
        auto list = session.call(Method::get, model::url_path({"v1", noun.plural}));
        if (!list) return tl::unexpected(list.error());
        for (const auto& item : at_path(*list, "items")) {
            if (item.contains("password") || item.value("password_set", false)) {
                session.io().err << "warning: the password of " << one_line(reference(noun, item))
                                 << " is not exported; write it in before you apply the file to "
                                    "another cluster, or the session has none there\n";
            }
            documents.push_back(exported(noun, item));
        }
    }
    auto& out = session.io().out;
    if (session.options().output == OutputFormat::json) {
        print_data(session, json{{"items", documents}});
    } else if (session.options().output == OutputFormat::name) {
        for (const auto& document : documents) {
            const auto kind = kind_from_string(document.at("kind").get<std::string>());
            out << reference(noun_of(*kind), document) << "\n";
        }
    } else {
        for (const auto& document : documents) {
            out << "---\n" << model::to_yaml(document, {"kind", "name", "namespace"});
        }
    }
    return {};
}

void add_files_flag(CLI::App& app, FileFlags& flags) {
    app.add_option("-f,--file", flags.files, "files of objects; - reads standard input")
        ->required()
        ->option_text("FILE...");
}

}  // namespace

void add_file_commands(CommandTree& tree) {
    const auto add = [&tree](const char* word, const char* about, auto run) {
        const auto flags = std::make_shared<FileFlags>();
        auto& app = tree.command(tree.root(), word, about,
                                 [flags, run](Session& session) { return run(session, *flags); });
        add_files_flag(app, *flags);
        return std::pair<CLI::App&, FileFlags&>(app, *flags);
    };
    constexpr auto force_about = "also where a pool loses addresses in use";
    auto [apply_app, apply_flags] =
        add("apply", "Create or change the objects of files, all or none of them", apply);
    apply_app.add_flag("--force", apply_flags.force, force_about);
    apply_app.add_flag("--dry-run", apply_flags.dry_run, "let the server check, change nothing");
    add("diff", "Show how files differ from the cluster; exit code 1 when they do", diff);
    auto [delete_app, delete_flags] = add("delete", "Delete the objects of files", remove);
    delete_app.add_flag("--force", delete_flags.force, force_about);
    delete_app.add_flag("--ignore-not-found", delete_flags.ignore_not_found,
                        "what is gone already is no error");
    tree.command(tree.root(), "export", "Print everything configured as YAML for 'apply -f'",
                 export_all);
}

}  // namespace trivet::cli
