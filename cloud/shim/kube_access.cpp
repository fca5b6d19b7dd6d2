#include "cloud/shim/kube_access.hpp"

#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <openssl/evp.h>
#include <vector>

#include <system_error>

#include "api/model/rest_client.hpp"
#include "api/model/yaml.hpp"
#include "cloud/json_reader.hpp"

namespace trivet::cloud {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t file_bytes_max = 1u << 20;
constexpr std::size_t entries_max = 10'000;

/// RFC 4648 section 4, as kubeconfigs have it: one line, padded.
std::optional<std::string> from_base64(std::string text) {
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    const auto padding = text.size() - text.find_last_not_of('=') - 1;
    bytes.resize(static_cast<std::size_t>(size) - std::min<std::size_t>(padding, 2));
    return bytes;
}

/// One kubeconfig, while it is read.
class Kubeconfig {
public:
    Kubeconfig(std::string file, json document)
        : file_(std::move(file)), document_(std::move(document)) {}

    Result<KubeAccess> access(std::string context) const {
        if (context.empty()) context = text(document_, "current-context");
        if (context.empty())
            return refuse("current-context", "is not set: choose one with --context");
        const auto chosen = find("contexts", "context", context);
        if (!chosen) return fail(chosen.error());
        const std::string cluster_name = text(*chosen, "cluster");
        const std::string user_name = text(*chosen, "user");
        const auto cluster = find("clusters", "cluster", cluster_name);
        if (!cluster) return fail(cluster.error());
        json user = json::object();
        if (!user_name.empty()) {
            auto found = find("users", "user", user_name);
            if (!found) return fail(found.error());
            user = std::move(*found);
        }
        KubeAccess access;
        if (auto read = read_cluster(*cluster, cluster_name, access); !read)
            return fail(read.error());
        if (auto read = read_user(user, user_name, access); !read) return fail(read.error());
        return access;
    }

private:
    tl::unexpected<Error> refuse(const std::string& field, const std::string& why) const {
        return fail(ErrorCode::invalid_argument, fmt::format("{}: {} {}", file_, field, why),
                    field);
    }

    static std::string text(const json& object, const char* name) {
        const auto found = object.is_object() ? object.find(name) : object.end();
        if (!object.is_object() || found == object.end() || !found->is_string()) return {};
        return found->get<std::string>();
    }

    /// What writes kubeconfigs also writes fields that it leaves empty: null, "", {}, [].
    static bool is_set(const json& object, const char* name) {
        const auto found = object.find(name);
        return found != object.end() && !found->empty() && *found != "";
    }

    /// {name: NAME, KIND: {...}} in a list.
    Result<json> find(const char* list, const char* kind, const std::string& name) const {
        std::vector<std::string> names;
        if (document_.contains(list) && document_[list].is_array())
            for (const json& entry : document_[list]) {
                if (text(entry, "name") == name && entry.contains(kind) && entry[kind].is_object())
                    return entry[kind];
                if (names.size() < entries_max) names.push_back(text(entry, "name"));
            }
        const auto near = nearest(name, names);
        return fail(
            ErrorCode::not_found,
            fmt::format("{}: {} has no '{}'{}", file_, list, name,
                        near            ? "; did you mean '" + *near + "'?"
                        : names.empty() ? "; it is empty"
                                        : fmt::format("; it has {}", fmt::join(names, ", "))));
    }

    /// NAME-data in base 64, or the file that NAME says; empty when there is neither.
    Result<std::string> pem(const json& object, const std::string& name,
                            const std::string& where) const {
        if (const std::string data = text(object, (name + "-data").c_str()); !data.empty()) {
            auto bytes = from_base64(data);
            if (!bytes) return refuse(where + "." + name + "-data", "is no base 64");
            return std::move(*bytes);
        }
        const std::string path = text(object, name.c_str());
        if (path.empty()) return std::string();
        auto content = read_small_file(beside(path));
        if (!content)
            return fail(content.error().code,
                        fmt::format("{}: {}.{}: {}", file_, where, name, content.error().message));
        return content;
    }

    std::string beside(const std::string& path) const {
        return (fs::path(file_).parent_path() / path).string();  // an absolute one stays
    }

    Result<void> read_cluster(const json& cluster, const std::string& name,
                              KubeAccess& access) const {
        const std::string where = "clusters." + name;
        if (cluster.value("insecure-skip-tls-verify", json(false)) == true)
            return refuse(where + ".insecure-skip-tls-verify",
                          "is not supported: give certificate-authority-data instead");
        if (!text(cluster, "proxy-url").empty())
            return refuse(where + ".proxy-url", "is not supported: give the API server itself");
        if (auto parsed = parse_server(text(cluster, "server"), access); !parsed)
            return refuse(where + ".server", parsed.error().message);
        access.server_name = text(cluster, "tls-server-name");
        auto ca = pem(cluster, "certificate-authority", where);
        if (!ca) return fail(ca.error());
        access.ca_pem = std::move(*ca);
        return {};
    }

    Result<void> read_user(const json& user, const std::string& name, KubeAccess& access) const {
        const std::string where = "users." + name;
        for (const char* field : {"exec", "auth-provider", "username", "password", "as", "as-uid",
                                  "as-groups", "as-user-extra"})
            if (is_set(user, field))
                return refuse(where + "." + field,
                              "is not supported: give a service account's token (tokenFile), or a "
                              "client certificate");
        access.token = text(user, "token");
        if (const std::string path = text(user, "tokenFile"); !path.empty()) {
            access.token.clear();  // as client-go: the file goes first
            access.token_file = beside(path);
        }
        auto certificate = pem(user, "client-certificate", where);
        if (!certificate) return fail(certificate.error());
        auto key = pem(user, "client-key", where);
        if (!key) return fail(key.error());
        if (certificate->empty() != key->empty())
            return refuse(where, "has one of client-certificate and client-key: it takes both");
        access.certificate_pem = std::move(*certificate);
        access.key_pem = std::move(*key);
        return {};
    }

    /// "https://HOST[:PORT][/PATH]".
    static Result<void> parse_server(std::string url, KubeAccess& access) {
        constexpr std::string_view https = "https://", http = "http://";
        access.title = url;
        access.tls = !url.starts_with(http);
        if (!access.tls) url = std::string(https) + url.substr(http.size());
        if (const auto slash = url.find('/', https.size()); slash != std::string::npos) {
            access.base_path = url.substr(slash);
            url.resize(slash);
            while (access.base_path.ends_with('/')) access.base_path.pop_back();
        }
        // Its own default is Trivet's port.
        const auto host_end = url.find(']') == std::string::npos ? https.size() : url.find(']');
        const bool has_port = url.find(':', host_end) != std::string::npos;
        const auto parsed = model::parse_server_url(url);
        if (!parsed)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no server: it looks like https://10.0.0.1:6443",
                                    access.title));
        access.host = parsed->host;
        constexpr std::uint16_t https_port = 443, http_port = 80;
        access.port = has_port ? parsed->port : access.tls ? https_port : http_port;
        const auto address = IpAddress::parse(access.host);
        const bool is_loopback = access.host == "localhost" || access.host == "::1" ||
                                 (address && address->is_v4() && access.host.starts_with("127."));
        if (!access.tls && !is_loopback)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' would send what is secret unencrypted: only a loopback "
                                    "address may have http://",
                                    access.title));
        return {};
    }

    std::string file_;
    json document_;
};

}  // namespace

Result<std::string> read_small_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        const int error = errno;
        return fail(
            error == EACCES ? ErrorCode::not_allowed : ErrorCode::not_found,
            fmt::format("'{}' cannot be opened: {}", file, std::generic_category().message(error)));
    }
    std::string content(file_bytes_max + 1, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (in.bad() || (in.fail() && !in.eof()))
        return fail(ErrorCode::not_found, fmt::format("'{}' cannot be read", file));
    content.resize(static_cast<std::size_t>(in.gcount()));
    if (content.size() <= file_bytes_max) return content;
    return fail(ErrorCode::too_large,
                fmt::format("'{}' has more than {} bytes", file, file_bytes_max));
}

Result<KubeAccess> read_kubeconfig(const std::string& file, const std::string& context) {
    const auto content = read_small_file(file);
    if (!content) return fail(content.error());
    auto documents = model::parse_yaml(*content);
    if (!documents) return fail(ErrorCode::invalid_argument, documents.error().to_string(file));
    if (documents->size() != 1 || (*documents)[0].map() == nullptr)
        return fail(ErrorCode::invalid_argument, file + " is no kubeconfig: it is one mapping");
    return Kubeconfig(file, model::to_json((*documents)[0]).value).access(context);
}

Result<KubeAccess> in_cluster_access(
    const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::string& directory) {
    const auto host = environment("KUBERNETES_SERVICE_HOST");
    const auto port = environment("KUBERNETES_SERVICE_PORT");
    if (!host || !port || host->empty())
        return fail(ErrorCode::not_found,
                    "this is no pod of Kubernetes (KUBERNETES_SERVICE_HOST is not set): name a "
                    "kubeconfig with --kubeconfig");
    const auto number = parse_port(*port);
    if (!number)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("KUBERNETES_SERVICE_PORT '{}' is no port", *port));
    KubeAccess access;
    access.host = *host;
    access.port = number->port;
    auto ca = read_small_file(directory + "/ca.crt");
    if (!ca) return fail(ca.error());
    access.ca_pem = std::move(*ca);
    access.token_file = directory + "/token";
    if (auto token = read_small_file(access.token_file); !token) return fail(token.error());
    access.title = fmt::format("https://{}:{}", *host, number->port);
    return access;
}

}  // namespace trivet::cloud
