#include "cli/command_tree.hpp"

#include <fmt/format.h>

namespace trivet::cli {
namespace {

const std::map<std::string, OutputFormat> output_words{{"table", OutputFormat::table},
                                                       {"wide", OutputFormat::wide},
                                                       {"json", OutputFormat::json},
                                                       {"yaml", OutputFormat::yaml},
                                                       {"name", OutputFormat::name}};
constexpr double timeout_max_s = 3600;  // a script that waits longer has a loop of its own

CLI::Validator output_validator() {
    const auto to_number = [](std::string& word) -> std::string {
        const auto found = output_words.find(word);
        if (found != output_words.end()) {
            word = std::to_string(static_cast<int>(found->second));  // as CLI11 reads enums
            return {};
        }
        std::vector<std::string> words;
        for (const auto& [known, format] : output_words) words.push_back(known);
        return fmt::format("'{}' is none of {}", word, fmt::join(words, ", "));
    };
    return {to_number, ""};
}

/// Help without CLI11's "{false}" behind flags.
class Help : public CLI::Formatter {
public:
    std::string make_option_name(const CLI::Option* option, bool positional) const override {
        auto name = CLI::Formatter::make_option_name(option, positional);
        for (auto open = name.find('{'); open != std::string::npos; open = name.find('{')) {
            name.erase(open, name.find('}', open) - open + 1);
        }
        return name;
    }
};

/// The last word that was understood: "lbctl pool" of "lbctl pool creat".
CLI::App& deepest(CLI::App& root) {
    auto* app = &root;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return *app;
}

std::string full_name(const CLI::App& app) {
    if (app.get_parent() == nullptr) return app.get_name();
    return full_name(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> flags_of(const CLI::App& app) {
    std::vector<std::string> flags;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    }
    return flags;
}

std::vector<std::string> words_of(CLI::App& app) {
    std::vector<std::string> words;
    for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        words.push_back(sub->get_name());
    }
    return words;
}

std::string hint(const std::string& word, const std::vector<std::string>& known,
                 const std::string& command) {
    const auto near = nearest(word, known);
    const auto help = fmt::format("'{} --help' lists what there is", command);
    return near ? fmt::format("did you mean '{}'? {}", *near, help) : help;
}

}  // namespace

CommandTree::CommandTree() : root_("The command line of a Trivet cluster", "lbctl") {
    root_.require_subcommand(1);
    root_.formatter(std::make_shared<Help>());
    add_global_flags(root_);
    root_.footer(
        "'lbctl COMMAND --help' shows a command's flags.\n"
        "Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 not allowed, 5 conflict, "
        "6 no leader, 7 timeout.");
}

void CommandTree::add_global_flags(CLI::App& app) {
    app.set_help_flag("-h,--help", "Print this help and do nothing else");
    const auto add = [](CLI::Option* option) { option->group("Global options"); };
    add(app.add_option("-o,--output", options_.output, "table, wide, json, yaml or name")
            ->transform(output_validator())
            ->option_text("FORMAT"));
    add(app.add_option("-n,--namespace", options_.name_space, "of VIPs (default: default)")
            ->option_text("NAMESPACE"));
    add(app.add_option("--socket", options_.socket,
                       "lbd's socket (or LBCTL_SOCKET; default: /run/lbd/lbd.sock)")
            ->option_text("PATH"));
    add(app.add_option("--server", options_.server, "another machine, as https://10.0.0.1:7480")
            ->option_text("URL"));
    add(app.add_option("--token-file", options_.token_file,
                       "file with the token for --server (or LBCTL_TOKEN, the token itself)")
            ->option_text("FILE"));
    add(app.add_option("--ca-file", options_.ca_file, "the cluster's CA certificate, for --server")
            ->option_text("FILE"));
    add(app.add_option("--ca-hash", options_.ca_hash, "its hash, as 'lbctl init' printed it")
            ->option_text("sha256:HEX"));
    add(app.add_option("--timeout", timeout_flag_s_,
                       "seconds to wait for a leader and an answer (default: 10; join: 60)")
            ->check(CLI::Range(0.001, timeout_max_s).description(""))
            ->option_text("SECONDS"));
}

CLI::App& CommandTree::group(const std::string& word, const std::string& about) {
    auto& app = *root_.add_subcommand(word, about);
    app.require_subcommand(1);
    add_global_flags(app);
    return app;
}

CLI::App& CommandTree::command(CLI::App& parent, const std::string& word, const std::string& about,
                               Run run) {
    return long_command(parent, word, about, GlobalOptions{}.timeout_s, std::move(run));
}

CLI::App& CommandTree::long_command(CLI::App& parent, const std::string& word,
                                    const std::string& about, double timeout_s, Run run) {
    auto& app = *parent.add_subcommand(word, about);
    add_global_flags(app);
    app.callback([this, timeout_s, run = std::move(run)] {
        options_.timeout_s = timeout_flag_s_.value_or(timeout_s);
        chosen_ = run;
    });
    return app;
}

Outcome<CommandTree::Run> CommandTree::parse(const std::vector<std::string>& arguments,
                                             std::string& help) {
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        root_.parse(reversed);  // CLI11 takes them last first
    } catch (const CLI::CallForHelp&) {
        const auto& app = deepest(root_);
        help = app.help(app.get_parent() == nullptr ? "" : full_name(*app.get_parent()));
        return Run{};
    } catch (const CLI::ParseError& error) {
        return tl::unexpected(explain(error));
    }
    return chosen_;
}

Failure CommandTree::explain(const CLI::ParseError& error) {
    // The outermost word that nobody understood: in "lbctl cluster status" it is "cluster".
    auto* unknown = &root_;
    while (unknown->remaining().empty() && !unknown->get_subcommands().empty()) {
        unknown = unknown->get_subcommands().front();
    }
    auto& app = *unknown;
    const auto command = full_name(app);
    const auto rest = app.remaining();
    if (rest.empty()) {
        return {ExitCode::usage, error.what(), fmt::format("see '{} --help'", command)};
    }
    const auto word = rest.front().substr(0, rest.front().find('='));
    if (word.starts_with('-')) {
        return {ExitCode::usage, fmt::format("'{}' has no flag {}", command, word),
                hint(word, flags_of(app), command)};
    }
    const auto words = words_of(app);
    if (!words.empty()) {
        return {ExitCode::usage, fmt::format("'{}' has no command '{}'", command, word),
                hint(word, words, command)};
    }
    return {ExitCode::usage, fmt::format("'{}' does not expect '{}'", command, word),
            fmt::format("see '{} --help'", command)};
}

}  // namespace trivet::cli
