// vip, pool and the other nouns: create, list, show, delete; one implementation for all.
#include <fmt/format.h>
#include <ostream>

#include "cli/bgp_commands.hpp"
#include "cli/commands.hpp"
#include "cli/fields.hpp"
#include "cli/object_name.hpp"
#include "cli/output.hpp"
#include "cli/vip_commands.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;

constexpr std::chrono::milliseconds watch_interval{1000};

struct CreateFlags {
    std::string name;
    GivenFields fields;
    WaitFlag wait;  // of vip alone
};

struct ListFlags {
    bool all_namespaces = false;
    bool watch = false;
};

struct DeleteFlags {
    std::vector<std::string> names;
    bool force = false;
};

/// "/v1/pools", "/v1/vips/default".
std::string collection_path(const Noun& noun, const std::string& name_space) {
    if (noun.namespaced()) return model::url_path({"v1", noun.plural, name_space});
    return model::url_path({"v1", noun.plural});
}

/// Finds out before anything is sent what the codec would refuse, in the words of the command line.
Outcome<> check_body(const Noun& noun, const json& body) {
    const auto checked = object_from_json(noun.kind, body);
    if (checked) return {};
    const auto& error = checked.error();
    const auto flag = flag_of_path(noun.kind, error.field);
    return usage_error(flag.empty() ? error.message : flag + ": " + error.message,
                       fmt::format("see 'lbctl {} create --help'", noun.word));
}

Outcome<> create(Session& session, const Noun& noun, const CreateFlags& flags) {
    auto body = fields_to_json(noun.kind, flags.fields);
    if (!body) return tl::unexpected(body.error());
    const auto key = object_key(noun, flags.name, session.options().name_space);
    if (!key) return tl::unexpected(key.error());
    (*body)["name"] = key->name;
    if (noun.namespaced()) (*body)["namespace"] = key->name_space;
    if (auto checked = check_body(noun, *body); !checked) return checked;
    auto created = session.call(Method::post, collection_path(noun, key->name_space), *body);
    if (!created) return tl::unexpected(created.error());
    if (noun.kind == Kind::vip) return after_vip_create(session, *created, flags.wait);
    print_row(session, noun, *created);
    if (session.human()) {
        for (const auto& warning : at_path(*created, "status.warnings")) {
            session.io().err << "note: " << one_line(brief(warning)) << "\n";
        }
    }
    return {};
}

Outcome<> list(Session& session, const Noun& noun, const ListFlags& flags) {
    const auto path = noun.namespaced() && flags.all_namespaces
                          ? model::url_path({"v1", noun.plural})
                          : collection_path(noun, session.options().name_space);
    json shown;
    do {
        auto answer = session.call(Method::get, path);
        if (!answer) return tl::unexpected(answer.error());
        // The items, not the revision: that grows with every change of anything.
        if (auto items = at_path(*answer, "items"); items != shown) {
            print_list(session, noun, *answer);
            session.io().out.flush();
            shown = std::move(items);
        }
    } while (flags.watch && session.io().pause(watch_interval));
    return {};
}

Outcome<> show(Session& session, const Noun& noun, const std::string& name) {
    const auto key = object_key(noun, name, session.options().name_space);
    if (!key) return tl::unexpected(key.error());
    auto object = session.call(Method::get, rest_path(*key));
    if (!object) return tl::unexpected(object.error());
    print_object(session, noun, *object);
    return {};
}

/// Deletes all that can be deleted; the first failure decides the exit code.
Outcome<> remove(Session& session, const Noun& noun, const DeleteFlags& flags) {
    std::vector<ObjectKey> keys;
    for (const auto& name : flags.names) {
        auto key = object_key(noun, name, session.options().name_space);
        if (!key) return tl::unexpected(key.error());
        keys.push_back(std::move(*key));
    }
    Outcome<> outcome;
    for (const auto& key : keys) {
        auto answer =
            session.call(Method::del, rest_path(key) + (flags.force ? "?force=true" : ""));
        const auto what = key.to_string();
        if (answer) {
            if (session.human()) {
                session.io().out << what << " deleted\n";
            } else if (session.options().output == OutputFormat::name) {
                session.io().out << what << "\n";
            }
        } else if (outcome) {
            outcome = tl::unexpected(answer.error());
        } else {
            session.io().err << "error: " << answer.error().message << "\n";
        }
    }
    return outcome;
}

void add_field_flag(CLI::App& app, const Field& field, GivenFields& fields) {
    auto& given = fields[std::string(field.json)];
    const std::string about(field.about);
    const auto names = field.flag.empty() ? field.flag_name() : std::string(field.flag);
    if (field.shape == FieldShape::boolean) {
        app.add_flag(names + ",!--no-" + names.substr(2), given, about);
        return;
    }
    auto* option = app.add_option(names, given, about)->allow_extra_args(false);
    switch (field.shape) {
        case FieldShape::number:
            option->option_text("NUMBER");
            break;
        case FieldShape::seconds:
            option->option_text("SECONDS");
            break;
        case FieldShape::texts:
            option->option_text("A,B,...");
            break;
        case FieldShape::ports:
            option->option_text("PORT/PROTOCOL,...");
            break;
        case FieldShape::backends:
            option->option_text("PORT[/PROTOCOL]=ADDRESS[:PORT][@NODE],...");
            break;
        case FieldShape::labels:
            option->option_text("KEY=VALUE,...");
            break;
        case FieldShape::selectors:
            option->option_text("SELECTOR ...");
            break;
        case FieldShape::aliases:
            option->option_text("NAME=VALUE,...");
            break;
        case FieldShape::secret:
            option->option_text("[NAMESPACE/]NAME");
            break;
        case FieldShape::password:
            option->option_text("TEXT|@FILE");
            break;
        case FieldShape::text:
        case FieldShape::boolean:
            option->option_text("TEXT");
            break;
    }
}

void add_create(CommandTree& tree, CLI::App& parent, const Noun& noun) {
    const auto flags = std::make_shared<CreateFlags>();
    auto& app = tree.command(
        parent, "create", fmt::format("Create a {}; refused when it exists", noun.word),
        [flags, &noun](Session& session) { return create(session, noun, *flags); });
    app.add_option("name", flags->name, "its name")->required()->option_text("NAME");
    for (const auto& field : fields_of(noun.kind)) add_field_flag(app, field, flags->fields);
    if (noun.kind == Kind::vip) add_wait_flag(app, flags->wait);
}

void add_list(CommandTree& tree, CLI::App& parent, const Noun& noun) {
    const auto flags = std::make_shared<ListFlags>();
    auto& app =
        tree.command(parent, "list", fmt::format("List {}", noun.plural),
                     [flags, &noun](Session& session) { return list(session, noun, *flags); });
    app.add_flag("--watch", flags->watch, "ask each second, print when something changed");
    if (noun.namespaced()) {
        app.add_flag("-A,--all-namespaces", flags->all_namespaces, "of every namespace");
    }
}

void add_show(CommandTree& tree, CLI::App& parent, const Noun& noun) {
    const auto name = std::make_shared<std::string>();
    auto& app =
        tree.command(parent, "show", fmt::format("Show all of one {}", noun.word),
                     [name, &noun](Session& session) { return show(session, noun, *name); });
    app.add_option("name", *name, "its name")->required()->option_text("NAME");
}

void add_delete(CommandTree& tree, CLI::App& parent, const Noun& noun) {
    const auto flags = std::make_shared<DeleteFlags>();
    auto& app =
        tree.command(parent, "delete", fmt::format("Delete {}", noun.plural),
                     [flags, &noun](Session& session) { return remove(session, noun, *flags); });
    app.add_option("names", flags->names, "their names")->required()->option_text("NAME...");
    if (noun.kind == Kind::pool) {
        app.add_flag("--force", flags->force, "also a pool whose addresses are in use");
    }
}

}  // namespace

void add_object_commands(CommandTree& tree) {
    for (const auto kind : {Kind::vip, Kind::pool, Kind::l2_advertisement, Kind::bgp_advertisement,
                            Kind::bgp_peer, Kind::bfd_profile, Kind::community, Kind::name_space,
                            Kind::node}) {  // what people use most comes first in --help
        const auto& noun = noun_of(kind);
        auto& group = tree.group(std::string(noun.word), std::string(noun.about));
        if (noun.configurable()) add_create(tree, group, noun);
        add_list(tree, group, noun);
        add_show(tree, group, noun);
        if (noun.configurable()) add_delete(tree, group, noun);
        if (noun.kind == Kind::vip) add_vip_explain(tree, group);
        if (noun.kind == Kind::vip) add_vip_move(tree, group);
        if (noun.kind == Kind::node) add_node_drain(tree, group);
        if (noun.kind == Kind::bgp_peer) {
            add_peer_routes(tree, group);
            add_peer_reset(tree, group);
        }
    }
}

}  // namespace trivet::cli
