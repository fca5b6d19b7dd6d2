// import metallb -f FILE...
#include <fmt/format.h>
#include <ostream>

#include "cli/apply.hpp"
#include "cli/commands.hpp"
#include "cli/import_metallb.hpp"
#include "cli/nouns.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

struct ImportFlags {
    std::vector<std::string> files;
    bool dry_run = false;
};

json remarks_json(const std::vector<ImportRemark>& remarks) {
    json list = json::array();
    for (const auto& remark : remarks) {
        list.push_back({{"file", remark.file},
                        {"line", remark.at.line},
                        {"column", remark.at.column},
                        {"object", remark.origin},
                        {"field", remark.field},
                        {"reason", remark.reason}});
    }
    return list;
}

json plan_json(const ImportPlan& plan, const json& applied) {
    json objects = json::array();
    for (const auto& object : plan.objects) {
        objects.push_back({{"object", without_secrets(object.fields.value)},
                           {"from", object.origin},
                           {"file", object.file},
                           {"line", object.fields.at.line},
                           {"column", object.fields.at.column}});
    }
    return {{"objects", std::move(objects)},
            {"report", remarks_json(plan.report)},
            {"errors", remarks_json(plan.errors)},
            {"applied", applied}};
}

void print_remarks(std::ostream& out, const std::vector<ImportRemark>& remarks) {
    for (const auto& remark : remarks) out << "  " << one_line(remark.to_string()) << "\n";
}

void print_plan(std::ostream& out, const ImportPlan& plan, bool dry_run) {
    if (!plan.objects.empty()) {
        out << (dry_run && plan.errors.empty() ? "would create:\n" : "read:\n");
    }
    for (const auto& object : plan.objects) {
        out << "  " << one_line(object.reference()) << "  from " << one_line(object.origin) << " ("
            << one_line(object.place_of("")) << ")\n";
        for (const auto& [key, value] : object.fields.value.items()) {
            if (key == "kind" || key == "name" || key == "namespace") continue;
            out << "      " << key << ": "
                << (key == "password" ? "(secret)" : one_line(brief(value))) << "\n";
        }
    }
    if (!plan.report.empty()) out << "not imported, or different here:\n";
    print_remarks(out, plan.report);
    if (!plan.errors.empty()) out << "errors:\n";
    print_remarks(out, plan.errors);
}

/// Why an import was refused, in terms of the files: which of their objects the cluster has
/// already.
void tell_existing(Session& session, const ImportPlan& plan) {
    for (const auto& object : plan.objects) {
        const auto path = rest_path(noun_of(object.kind), object.fields.value);
        const auto present = session.try_call(Session::Method::get, path);
        if (!present) continue;
        session.io().err << "error: " << one_line(object.place_of("")) << ": "
                         << one_line(object.origin) << " would become "
                         << one_line(object.reference())
                         << ", which this cluster has already; delete or rename one of the two\n";
    }
}

Outcome<json> create_all(Session& session, const ImportPlan& plan) {
    std::vector<ApplyItem> items;
    for (const auto& object : plan.objects) {
        items.push_back({object.fields.value,
                         [&object](std::string_view field) { return object.place_of(field); }});
    }
    auto answer = apply_items(session, items, {.create_only = true});
    if (!answer && answer.error().code == ExitCode::conflict) tell_existing(session, plan);
    return answer;
}

Outcome<> import_metallb(Session& session, const ImportFlags& flags) {
    const auto files = read_files(flags.files, session.io());
    if (!files) return tl::unexpected(files.error());
    const auto plan = plan_metallb_import(*files);
    if (session.human()) {
        print_plan(plan.errors.empty() ? session.io().out : session.io().err, plan, flags.dry_run);
    }
    json applied;
    Outcome<> outcome;
    if (!plan.errors.empty()) {
        outcome = fail_with({ExitCode::failure,
                             fmt::format("nothing was imported; errors: {}", plan.errors.size())});
    } else if (plan.objects.empty()) {
        outcome = fail_with({ExitCode::failure, "the files hold nothing that can be imported"});
    } else if (!flags.dry_run) {
        auto answer = create_all(session, plan);
        if (!answer) return tl::unexpected(answer.error());
        applied = std::move(*answer);
        if (session.human()) print_apply_answer(session, applied, false);
    }
    print_data(session, plan_json(plan, applied));
    if (session.options().output == OutputFormat::name) {
        for (const auto& object : plan.objects) {
            session.io().out << one_line(object.reference()) << "\n";
        }
    }
    return outcome;
}

}  // namespace

void add_import_commands(CommandTree& tree) {
    auto& group = tree.group("import", "Take over the configuration of another product");
    const auto flags = std::make_shared<ImportFlags>();
    auto& app = tree.command(group, "metallb",
                             "Import MetalLB's ConfigMap or custom resources, and Services",
                             [flags](Session& session) { return import_metallb(session, *flags); });
    app.add_option("-f,--file", flags->files, "files to read; - reads standard input")
        ->required()
        ->option_text("FILE...");
    app.add_flag("--dry-run", flags->dry_run, "only print what would be done; asks no server");
}

}  // namespace trivet::cli
