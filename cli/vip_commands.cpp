#include "cli/vip_commands.hpp"

#include <fmt/format.h>
#include <ostream>

#include "cli/object_name.hpp"
#include "cli/output.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;
using Method = Session::Method;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds wait_interval{100};
constexpr double wait_default_s = 30;  // an announcement takes seconds: probing, then answering
constexpr double wait_max_s = 3600;

std::string text_at(const json& object, std::string_view path) {
    const auto value = at_path(object, path);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::string vip_path(const json& vip) {
    return model::url_path({"v1", "vips", text_at(vip, "namespace"), text_at(vip, "name")});
}

void print_pending_hint(const Session& session, const json& vip) {
    const auto reason = text_at(vip, "status.reason");
    if (!session.human() || text_at(vip, "status.phase") != "pending") return;
    session.io().err << "pending: " << (reason.empty() ? "no reason given" : one_line(reason))
                     << "\n  it is served as soon as it can be; 'lbctl vip explain "
                     << text_at(vip, "name") << " -n " << text_at(vip, "namespace")
                     << "' tells more\n";
}

/// The VIP as it is once announced.
Outcome<json> wait_until_announced(Session& session, json vip, double seconds) {
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                             std::chrono::duration<double>(seconds));
    while (text_at(vip, "status.phase") != "announced") {
        const auto phase = text_at(vip, "status.phase");
        const auto what = reference(noun_of(Kind::vip), vip);
        if (phase == "conflict") {
            return fail_with({ExitCode::conflict,
                              fmt::format("{} was created, but another machine uses its address: "
                                          "{}",
                                          what, text_at(vip, "status.reason")),
                              "free the address there, or delete the VIP"});
        }
        if (Clock::now() >= deadline || !session.io().pause(wait_interval)) {
            return fail_with({ExitCode::timeout,
                              fmt::format("{} was created, but is still '{}' after {} s: {}", what,
                                          phase, seconds, text_at(vip, "status.reason")),
                              fmt::format("'lbctl vip explain {} -n {}' tells more",
                                          text_at(vip, "name"), text_at(vip, "namespace"))});
        }
        auto now = session.call(Method::get, vip_path(vip));
        if (!now) return tl::unexpected(now.error());
        vip = std::move(*now);
    }
    return vip;
}

Outcome<> explain(Session& session, const std::string& name) {
    const auto key = object_key(noun_of(Kind::vip), name, session.options().name_space);
    if (!key) return tl::unexpected(key.error());
    auto answer = session.call(Method::get, rest_path(*key) + "/explain");
    if (!answer) return tl::unexpected(answer.error());
    if (print_data(session, *answer)) return {};
    for (const auto& sentence : at_path(*answer, "sentences")) {
        session.io().out << one_line(brief(sentence)) << "\n";
    }
    return {};
}

Outcome<> move(Session& session, const std::string& name, const std::string& node) {
    const auto key = object_key(noun_of(Kind::vip), name, session.options().name_space);
    if (!key) return tl::unexpected(key.error());
    auto answer = session.call(Method::post, rest_path(*key) + "/move", json{{"node", node}});
    if (!answer) return tl::unexpected(answer.error());
    if (session.human()) {
        session.io().out << one_line(key->to_string()) << " moves to " << one_line(node) << "\n";
    } else {
        print_row(session, noun_of(Kind::vip), *answer);
    }
    return {};
}

struct DrainFlags {
    std::string name;
    std::string verb;
    std::vector<double> wait;  // seconds; empty: not given
};

/// How many VIPs the node owns now.
Outcome<std::size_t> owned(Session& session, const std::string& node) {
    auto vips = session.call(Method::get, "/v1/vips");
    if (!vips) return tl::unexpected(vips.error());
    std::size_t count = 0;
    for (const auto& vip : at_path(*vips, "items"))
        if (text_at(vip, "status.owner") == node) ++count;
    return count;
}

/// Whether routers still hear of VIPs from the node.
Outcome<bool> is_announcing(Session& session, const std::string& node) {
    auto answer = session.call(Method::get, model::url_path({"v1", "nodes", node}));
    if (!answer) return tl::unexpected(answer.error());
    return !at_path(*answer, "status.bgp_established").empty() &&
           at_path(*answer, "status.bgp_withdrawn") != true;
}

std::string why_not_empty(const DrainFlags& flags, std::size_t left) {
    const std::string after = fmt::format("after {} s", flags.wait.back());
    if (left == 0)
        return fmt::format("node {} is drained, but has not taken its BGP routes back {}",
                           flags.name, after);
    return fmt::format("node {} is drained, but still owns {} VIPs {}", flags.name, left, after);
}

/// It owns no VIP, and routers hear of none from it.
Outcome<> wait_until_empty(Session& session, const DrainFlags& flags) {
    const double seconds = flags.wait.back();
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                             std::chrono::duration<double>(seconds));
    for (;;) {
        auto left = owned(session, flags.name);
        if (!left) return tl::unexpected(left.error());
        auto announces = is_announcing(session, flags.name);
        if (!announces) return tl::unexpected(announces.error());
        if (*left == 0 && !*announces) return {};
        if (Clock::now() >= deadline || !session.io().pause(wait_interval)) {
            return fail_with(
                {ExitCode::timeout, why_not_empty(flags, *left),
                 *left == 0 ? "it does so some 10 s after the drain; is lbd running there?"
                            : "'lbctl vip explain NAME' tells why one of them has nowhere to go"});
        }
    }
}

Outcome<> drain(Session& session, const DrainFlags& flags) {
    auto answer = session.call(
        Method::post, model::url_path({"v1", "nodes", flags.name, flags.verb}), json::object());
    if (!answer) return tl::unexpected(answer.error());
    if (flags.verb == "drain" && !flags.wait.empty())
        if (auto empty = wait_until_empty(session, flags); !empty) return empty;
    if (session.human()) {
        session.io().out << "node/" << flags.name << " " << flags.verb << "ed\n";
    } else {
        print_row(session, noun_of(Kind::node), *answer);
    }
    return {};
}

}  // namespace

void add_wait_flag(CLI::App& app, WaitFlag& flag) {
    app.add_flag(fmt::format("--wait{{{}}}", wait_default_s), flag.seconds,
                 fmt::format("--wait[=SECONDS]: return once it is announced (default: {} s)",
                             wait_default_s))
        ->check(CLI::Range(0.0, wait_max_s).description(""));
}

Outcome<> after_vip_create(Session& session, const json& vip, const WaitFlag& wait) {
    const auto& noun = noun_of(Kind::vip);
    if (wait.seconds.empty()) {
        print_row(session, noun, vip);
        print_pending_hint(session, vip);
        return {};
    }
    auto announced = wait_until_announced(session, vip, wait.seconds.back());
    if (!announced) return tl::unexpected(announced.error());
    print_row(session, noun, *announced);
    return {};
}

void add_vip_explain(CommandTree& tree, CLI::App& parent) {
    const auto name = std::make_shared<std::string>();
    auto& app = tree.command(parent, "explain",
                             "Tell in sentences why a VIP is where it is, or why it is nowhere",
                             [name](Session& session) { return explain(session, *name); });
    app.add_option("name", *name, "its name")->required()->option_text("NAME");
}

void add_vip_move(CommandTree& tree, CLI::App& parent) {
    const auto name = std::make_shared<std::string>(), node = std::make_shared<std::string>();
    auto& app =
        tree.command(parent, "move", "Move a VIP, and those that share its addresses, to a node",
                     [name, node](Session& session) { return move(session, *name, *node); });
    app.add_option("name", *name, "its name")->required()->option_text("NAME");
    app.add_option("--to", *node, "who is to own it")->required()->option_text("NODE");
}

void add_node_drain(CommandTree& tree, CLI::App& parent) {
    struct Verb {
        const char* word;
        const char* about;
    };
    for (const auto& verb : {Verb{"drain", "Move all VIPs away from a node"},
                             Verb{"undrain", "Let a node own VIPs again"}}) {
        const auto flags = std::make_shared<DrainFlags>();
        flags->verb = verb.word;
        auto& app = tree.command(parent, verb.word, verb.about,
                                 [flags](Session& session) { return drain(session, *flags); });
        app.add_option("name", flags->name, "its name")->required()->option_text("NAME");
        if (flags->verb != "drain") continue;
        app.add_flag(fmt::format("--wait{{{}}}", wait_default_s), flags->wait,
                     fmt::format("--wait[=SECONDS]: return once it owns nothing (default: {} s)",
                                 wait_default_s))
            ->check(CLI::Range(0.0, wait_max_s).description(""));
    }
}

}  // namespace trivet::cli
