#include "cloud/shim/options.hpp"

#include <array>
#include <fmt/format.h>
#include <random>

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace trivet::cloud {

namespace {

constexpr std::size_t workers_max = 64;
constexpr unsigned grace_max_s = 86'400;
constexpr std::string_view unix_scheme = "unix:";

/// As they are written.
struct Words {
    std::vector<std::string> servers;
    std::string ca_file;
    std::string ca_hash;
    std::string listen = "127.0.0.1:7482";
    std::string log_level = "info";
    unsigned grace_s = 300;
};

void add_kubernetes(CLI::App& app, ShimOptions& options) {
    const char* group = "Kubernetes";
    app.add_option("--cluster", options.cloud.cluster,
                   "The cluster's name in Trivet: its Services become VIPs in namespaces "
                   "CLUSTER.NAMESPACE. Not to be changed later")
        ->required()
        ->group(group);
    app.add_option("--kubeconfig", options.kubeconfig,
                   "How to reach the API server (default: the service account of the pod that "
                   "this runs in)")
        ->group(group);
    app.add_option("--context", options.context, "Which context of the kubeconfig")->group(group);
    app.add_option("--class", options.cloud.load_balancer_class,
                   "Serve Services with this spec.loadBalancerClass")
        ->capture_default_str()
        ->group(group);
    app.add_option("--handle-unclassed", options.cloud.handle_unclassed,
                   "Serve Services without a class, too: true or false")
        ->capture_default_str()
        ->group(group);
}

void add_trivet(CLI::App& app, ShimOptions& options, Words& words) {
    const char* group = "Trivet";
    app.add_option("--server", words.servers,
                   "A node's API, https://10.0.0.1:7480 or unix:/run/lbd/lbd.sock; repeat it for "
                   "each node, so that one of them can be down")
        ->required()
        ->group(group);
    app.add_option("--token-file", options.token_file,
                   "A file with a token of the role cloud ('lbctl token create')")
        ->group(group);
    auto* file = app.add_option("--ca-file", words.ca_file, "The CA of Trivet's certificates");
    auto* hash = app.add_option("--ca-hash", words.ca_hash,
                                "Its hash instead, sha256:..., as 'lbctl init' printed it");
    file->group(group)->excludes(hash);
    hash->group(group);
}

void add_running(CLI::App& app, ShimOptions& options, Words& words) {
    const char* group = "Running";
    app.add_option("--leader-elect", options.leader_elect,
                   "Several shims take turns by a Lease: true or false")
        ->capture_default_str()
        ->group(group);
    app.add_option("--lease-namespace", options.lease_namespace, "Where the Lease is")
        ->capture_default_str()
        ->group(group);
    app.add_option("--lease-name", options.lease_name,
                   "Its name (default: trivet-cloud-controller-CLUSTER)")
        ->group(group);
    app.add_option("--identity", options.identity,
                   "Who this shim is in the Lease (default: host name and a random word)")
        ->group(group);
    app.add_option("--listen", words.listen,
                   "Where /livez, /readyz and /metrics are answered, plain HTTP")
        ->capture_default_str()
        ->group(group);
    app.add_option("--grace", words.grace_s,
                   "Seconds that a VIP stays whose Service is gone without having given it back")
        ->check(CLI::Range(0u, grace_max_s))
        ->capture_default_str()
        ->group(group);
    app.add_flag("--allow-mass-release", options.allow_mass_release,
                 "Release such VIPs also when they are many at once, or all")
        ->group(group);
    app.add_option("--workers", options.workers, "Services that are worked on at once")
        ->check(CLI::Range(std::size_t{1}, workers_max))
        ->capture_default_str()
        ->group(group);
    app.add_option("--log-level", words.log_level, "debug, info, warning or error")
        ->capture_default_str()
        ->group(group);
}

auto refuse(std::string_view option, std::string_view why) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", option, why),
                std::string(option));
}

Result<void> read_servers(const Words& words, ShimOptions& options) {
    for (const std::string& word : words.servers) {
        if (word.starts_with(unix_scheme)) {
            std::string path = word.substr(unix_scheme.size());
            if (!path.starts_with('/'))
                return refuse("--server", fmt::format("'{}' has no whole path, such as "
                                                      "unix:/run/lbd/lbd.sock",
                                                      word));
            options.servers.push_back(model::UnixServer{std::move(path)});
            continue;
        }
        auto server = model::parse_server_url(word);
        if (!server) return refuse("--server", server.error().message);
        if (options.token_file.empty())
            return refuse("--token-file", fmt::format("is missing: '{}' asks for a token", word));
        server->ca_file = words.ca_file;
        server->ca_hash = words.ca_hash;
        options.servers.emplace_back(std::move(*server));
    }
    return {};
}

/// "127.0.0.1:7482", "[::1]:7482", ":7482" for all addresses.
Result<void> read_listen(const std::string& word, ShimOptions& options) {
    const auto colon = word.rfind(':');
    const auto looks = fmt::format("'{}' is no address and port, such as 127.0.0.1:7482", word);
    if (colon == std::string::npos) return refuse("--listen", looks);
    std::string host = word.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty()) host = "::";
    const auto port = parse_port(word.substr(colon + 1));
    if (!port || !IpAddress::parse(host)) return refuse("--listen", looks);
    options.listen_host = host;
    options.listen_port = port->port;
    return {};
}

std::string draw_identity() {
    constexpr std::size_t host_bytes_max = 256;
    std::array<char, host_bytes_max> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host = {'h', 'o', 's', 't'};
    std::random_device random;
    return fmt::format("{}_{:08x}", host.data(), random());
}

Result<void> check(const Words& words, ShimOptions& options) {
    if (auto checked = check_cluster_name(options.cloud.cluster); !checked)
        return refuse("--cluster", checked.error().message);
    if (options.cloud.load_balancer_class.empty()) return refuse("--class", "is empty");
    if (!options.context.empty() && options.kubeconfig.empty())
        return refuse("--context", "needs --kubeconfig");
    if (auto read = read_servers(words, options); !read) return read;
    if (auto read = read_listen(words.listen, options); !read) return read;
    const auto level = parse_log_level(words.log_level);
    if (!level) return refuse("--log-level", level.error().message);
    options.log_level = *level;
    options.grace = std::chrono::seconds(words.grace_s);
    if (options.lease_name.empty())
        options.lease_name = "trivet-cloud-controller-" + options.cloud.cluster;
    if (options.identity.empty()) options.identity = draw_identity();
    return {};
}

}  // namespace

Result<ShimOptions> parse_options(const std::vector<std::string>& arguments, std::string& help) {
    ShimOptions options;
    Words words;
    CLI::App app(
        "Makes a VIP in Trivet of each Kubernetes Service of type LoadBalancer, and writes its "
        "address into the Service.",
        "lb-cloud-controller");
    app.set_version_flag("--version", "lb-cloud-controller " TRIVET_VERSION);
    add_kubernetes(app, options);
    add_trivet(app, options, words);
    add_running(app, options, words);
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        help = app.help();
        return options;
    } catch (const CLI::CallForVersion& version) {
        help = std::string(version.what()) + "\n";
        return options;
    } catch (const CLI::ParseError& error) {
        return fail(ErrorCode::invalid_argument, error.what());
    }
    if (auto checked = check(words, options); !checked) return fail(checked.error());
    return options;
}

}  // namespace trivet::cloud
