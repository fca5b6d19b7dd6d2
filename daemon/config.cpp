#include "daemon/config.hpp"

#include <charconv>
#include <fmt/format.h>
#include <map>

#include "announce/durable_file.hpp"
#include "api/model/yaml.hpp"
#include "core/objects.hpp"
#include "daemon/host.hpp"

namespace trivet::daemon {

namespace asio = boost::asio;
using model::YamlEntry;
using model::YamlError;
using model::YamlNode;

namespace {

constexpr std::size_t config_bytes_max = 256 * 1024;

/// Collects every mistake of the file, so that one run of --check-config shows them all.
class Reader {
public:
    Result<Config> read(const YamlNode& document);
    const std::vector<YamlError>& errors() const { return errors_; }

private:
    using Apply = void (Reader::*)(const YamlNode&);

    void section(const YamlNode& node, const std::map<std::string, Apply>& keys,
                 std::string_view path);
    std::string text(const YamlNode& node, std::string_view path);
    void endpoint(const YamlNode& node, std::string_view path, asio::ip::tcp::endpoint& target);
    void complain(const YamlNode& node, std::string message) {
        errors_.push_back({node.at, std::move(message)});
    }

    void node(const YamlNode& value);
    void data_dir(const YamlNode& value) { path(value, "data_dir", config_.data_dir); }
    void socket(const YamlNode& value) { path(value, "socket", config_.socket); }
    void path(const YamlNode& value, std::string_view name, std::filesystem::path& target);
    void api(const YamlNode& value) { section(value, {{"listen", &Reader::api_listen}}, "api"); }
    void api_listen(const YamlNode& value) { endpoint(value, "api.listen", config_.api_listen); }
    void cluster(const YamlNode& value) {
        section(value, {{"listen", &Reader::cluster_listen}}, "cluster");
    }
    void cluster_listen(const YamlNode& value) {
        endpoint(value, "cluster.listen", config_.cluster_listen);
    }
    void l2(const YamlNode& value) { section(value, {{"interfaces", &Reader::interfaces}}, "l2"); }
    void interfaces(const YamlNode& value);
    void bgp(const YamlNode& value) { section(value, {{"port", &Reader::bgp_port}}, "bgp"); }
    void bgp_port(const YamlNode& value);
    void labels(const YamlNode& value);
    void weight(const YamlNode& value);
    void witness(const YamlNode& value);
    void log(const YamlNode& value) { section(value, {{"level", &Reader::log_level}}, "log"); }
    void log_level(const YamlNode& value);

    Config config_;
    std::vector<YamlError> errors_;
};

Result<Config> Reader::read(const YamlNode& document) {
    if (!document.is_null())
        section(document,
                {{"node", &Reader::node},
                 {"data_dir", &Reader::data_dir},
                 {"socket", &Reader::socket},
                 {"api", &Reader::api},
                 {"cluster", &Reader::cluster},
                 {"l2", &Reader::l2},
                 {"bgp", &Reader::bgp},
                 {"labels", &Reader::labels},
                 {"weight", &Reader::weight},
                 {"witness", &Reader::witness},
                 {"log", &Reader::log}},
                "");
    if (config_.node.empty()) config_.node = host_name();
    if (auto valid = check_name("node", config_.node); !valid)
        errors_.push_back(
            {document.at, valid.error().message + "; set 'node:' to a name of that form"});
    return config_;
}

void Reader::section(const YamlNode& node, const std::map<std::string, Apply>& keys,
                     std::string_view path) {
    if (node.map() == nullptr) {
        complain(node, fmt::format("{} must be a mapping, not {}", path.empty() ? "the file" : path,
                                   node.type_name()));
        return;
    }
    std::vector<std::string> known;
    for (const auto& [key, apply] : keys) known.push_back(key);
    for (YamlError& error : model::check_keys(node, known, path))
        errors_.push_back(std::move(error));
    for (const YamlEntry& entry : node.map()->entries)
        if (const auto it = keys.find(entry.key); it != keys.end())
            (this->*it->second)(entry.value);
}

std::string Reader::text(const YamlNode& node, std::string_view path) {
    if (node.scalar() != nullptr && !node.is_null()) return node.scalar()->text;
    complain(node, fmt::format("{} must be a text, not {}", path,
                               node.is_null() ? "empty" : node.type_name()));
    return {};
}

void Reader::node(const YamlNode& value) { config_.node = text(value, "node"); }

void Reader::path(const YamlNode& value, std::string_view name, std::filesystem::path& target) {
    const std::string given = text(value, name);
    if (given.empty()) return;
    target = given;
    if (!target.is_absolute())
        complain(value, fmt::format("{} must be an absolute path, not '{}'", name, given));
}

void Reader::endpoint(const YamlNode& node, std::string_view path,
                      asio::ip::tcp::endpoint& target) {
    const std::string given = text(node, path);
    if (given.empty()) return;
    auto parsed = parse_endpoint(given);
    if (parsed)
        target = *parsed;
    else
        complain(node, fmt::format("{}: {}", path, parsed.error().message));
}

void Reader::interfaces(const YamlNode& value) {
    if (value.list() == nullptr) {
        complain(value, fmt::format("l2.interfaces must be a list as [eth0, eth1], not {}",
                                    value.type_name()));
        return;
    }
    for (const YamlNode& item : value.list()->items)
        if (std::string name = text(item, "l2.interfaces[]"); !name.empty())
            config_.l2_interfaces.push_back(std::move(name));
}

void Reader::labels(const YamlNode& value) {
    if (value.map() == nullptr) {
        complain(value,
                 fmt::format("labels must be a mapping as {{rack: a}}, not {}", value.type_name()));
        return;
    }
    for (const YamlEntry& entry : value.map()->entries)
        config_.labels[entry.key] = text(entry.value, "labels." + entry.key);
}

void Reader::bgp_port(const YamlNode& value) {
    const std::string given = text(value, "bgp.port");
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), port);
    if (given.empty()) return;
    if (error != std::errc{} || end != given.data() + given.size() || port == 0)
        return complain(value,
                        fmt::format("bgp.port must be a number from 1 to 65535, not '{}'", given));
    config_.bgp_port = port;
}

void Reader::weight(const YamlNode& value) {
    const std::string given = text(value, "weight");
    if (given.empty()) return;
    const char* const last = given.data() + given.size();
    std::uint32_t weight = 0;
    const auto [end, error] = std::from_chars(given.data(), last, weight);
    if (error == std::errc{} && end == last && weight >= 1 && weight <= NodeFacts::weight_max)
        config_.weight = weight;
    else
        complain(value, fmt::format("weight must be a number from 1 to {}, not '{}'; a node that "
                                    "carries no VIPs is a witness, or drained",
                                    NodeFacts::weight_max, given));
}

void Reader::witness(const YamlNode& value) {
    const std::string given = text(value, "witness");
    if (given == "true" || given == "false")
        config_.witness = given == "true";
    else if (!given.empty())
        complain(value, "witness must be true or false, not '" + given + "'");
}

void Reader::log_level(const YamlNode& value) {
    auto level = parse_log_level(text(value, "log.level"));
    if (level)
        config_.log_level = *level;
    else
        complain(value, "log.level: " + level.error().message);
}

auto all_errors(const std::vector<YamlError>& errors, std::string_view file) {
    std::string message;
    for (const YamlError& error : errors)
        message += (message.empty() ? "" : "\n") + error.to_string(file);
    return fail(ErrorCode::invalid_argument, message);
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view file) {
    auto documents = model::parse_yaml(text);
    if (!documents) return all_errors({documents.error()}, file);
    if (documents->size() > 1)
        return all_errors(
            {{(*documents)[1].at, "one document is enough; remove '---' and what follows"}}, file);
    Reader reader;
    Result<Config> config = reader.read(documents->empty() ? YamlNode{} : documents->front());
    if (!reader.errors().empty()) return all_errors(reader.errors(), file);
    return config;
}

Result<Config> load_config(const std::filesystem::path& path) {
    auto text = announce::read_file(path, config_bytes_max);
    if (!text) {
        if (text.error().code == ErrorCode::not_found)
            text.error().message +=
                "; create it (docs/reference/lbd-yaml.md) or name another with --config";
        return fail(text.error());
    }
    return parse_config(*text, path.string());
}

Result<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text) {
    const auto malformed = [&] {
        return fail(
            ErrorCode::invalid_argument,
            "'" + std::string(text) + "' is no ADDRESS:PORT (as 10.0.0.1:7480 or [::1]:7480)");
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return malformed();
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    if (!address || bracketed == address->is_v4()) return malformed();
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
        return malformed();
    return asio::ip::tcp::endpoint{asio::ip::make_address(address->to_string()), port};
}

}  // namespace trivet::daemon
