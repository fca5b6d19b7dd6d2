#include "api/cluster_body.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

#include "api/http_text.hpp"
#include "core/field_reader.hpp"
#include "core/ip_address.hpp"
#include "core/objects.hpp"

namespace trivet::api {

using nlohmann::json;

namespace {

constexpr std::size_t token_bytes_max = 512;  // as for the administrator's
constexpr std::size_t host_bytes_max = 253;   // RFC 1035 section 2.3.4, without the last dot
constexpr std::size_t path_bytes_max = 4096;  // PATH_MAX of Linux
constexpr std::size_t id_digits = 16;
constexpr std::size_t ca_hash_digits = 64;  // SHA-256

auto refuse(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

Result<void> check_token(std::string_view token) {
    const bool is_fine = !token.empty() && token.size() <= token_bytes_max &&
                         std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
    if (is_fine) return {};
    return refuse(
        "'token' is not one that 'lbctl cluster invite' printed: copy all of it, on one line");
}

Result<void> check_ca_hash(std::string_view hash) {
    constexpr std::string_view prefix = "sha256:";
    if (hash.starts_with(prefix) && hash.size() == prefix.size() + ca_hash_digits &&
        std::ranges::all_of(hash.substr(prefix.size()), is_hex_digit))
        return {};
    return refuse("'" + std::string(hash) +
                  "' is no CA hash; it looks like sha256: and 64 hexadecimal digits, as 'lbctl "
                  "cluster invite' prints it");
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

/// HOST:PORT, with an IPv6 address in brackets.
Result<void> check_host_and_port(std::string_view text) {
    const auto no = [text](std::string_view why) {
        return refuse(
            fmt::format("'{}' {}; write HOST:PORT, as 10.0.0.1:7480 or [fd00::1]:7480", text, why));
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return no("has no port");
    if (!is_port(text.substr(colon + 1))) return no("has no valid port");
    auto host = text.substr(0, colon);
    const bool has_brackets = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    if (has_brackets) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    const bool is_v6 = address && !address->is_v4();
    if (has_brackets != is_v6)
        return no(has_brackets ? "has brackets around no IPv6 address"
                               : "lacks brackets around its IPv6 address");
    if (address) {
        const auto plain = address->to_string();
        if (plain == "0.0.0.0" || plain == "::") return no("names every address and no machine");
        return {};
    }
    const bool is_name =
        !host.empty() && host.size() <= host_bytes_max &&
        std::ranges::all_of(host, [](char c) { return is_alphanumeric(c) || is_one_of(c, ".-_"); });
    if (!is_name) return no("names no host");
    return {};
}

Result<void> check_id(std::string_view id) {
    const auto is_digit_of_id = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
    if (id.size() == id_digits && std::ranges::all_of(id, is_digit_of_id) &&
        id.find_first_not_of('0') != std::string_view::npos)
        return {};
    return refuse("'id' must be 16 lower-case hexadecimal digits, not all of them 0");
}

Result<void> check_node(std::string_view node) {
    if (auto checked = check_name("node", node); !checked) return checked;
    // As many machines are called so as nobody has named.
    if (node == "localhost")
        return refuse(
            "a node cannot be called 'localhost': set 'node' in its lbd.yaml, or give "
            "the machine a host name");
    return {};
}

using Check = Result<void> (*)(std::string_view);

/// A field that must be there.
void must(FieldReader& reader, std::string_view name, std::string& out, Check check) {
    reader.text(name, out);
    if (!reader.has(name))
        return reader.refuse(name, {ErrorCode::invalid_argument,
                                    fmt::format("'{}' is missing", name), std::string(name)});
    if (auto checked = check(out); !checked) reader.refuse(name, checked.error());
}

constexpr std::array role_words{std::pair{"voter", JoinAs::voter},
                                std::pair{"agent", JoinAs::agent}};

}  // namespace

Result<std::chrono::seconds> read_invite(const json& body) {
    FieldReader reader(body, "the invitation");
    auto seconds = static_cast<std::uint64_t>(invite_life_default.count());
    reader.integer("valid_for_s", seconds, std::uint64_t{1},
                   static_cast<std::uint64_t>(invite_life_max.count()));
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return std::chrono::seconds(seconds);
}

Result<JoinRequest> read_join(const json& body) {
    JoinRequest request;
    FieldReader reader(body, "the request to join");
    must(reader, "address", request.address, check_host_and_port);
    must(reader, "token", request.token, check_token);
    must(reader, "ca_hash", request.ca_hash, check_ca_hash);
    reader.choice("role", request.as, role_words);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return request;
}

Result<AdmitRequest> read_admit(const json& body) {
    AdmitRequest request;
    FieldReader reader(body, "the request to be admitted");
    must(reader, "token", request.token, check_token);
    must(reader, "node", request.node, check_node);
    must(reader, "id", request.id, check_id);
    must(reader, "address", request.address, check_host_and_port);
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return request;
}

Result<std::string> read_transfer(const json& body) {
    std::string node;
    FieldReader reader(body, "the transfer");
    reader.text("node", node);
    if (reader.has("node"))
        if (auto checked = check_name("node", node); !checked)
            reader.refuse("node", checked.error());
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return node;
}

Result<void> read_recover(const json& body) {
    bool yes = false;
    FieldReader reader(body, "the recovery");
    reader.boolean("yes", yes);
    if (auto finished = reader.finish(); !finished) return finished;
    if (yes) return {};
    return fail(ErrorCode::invalid_argument,
                "this makes the node the only voter, with what it has: changes that reached only "
                "nodes that are lost are gone for good, and a lost node that comes back with its "
                "old data makes a second cluster. It is for the permanent loss of a majority. "
                "When that is what you want, send {\"yes\": true}",
                "yes");
}

Result<std::string> read_restore(const json& body) {
    std::string path;
    FieldReader reader(body, "the restoration");
    must(reader, "path", path, [](std::string_view text) -> Result<void> {
        if (text.starts_with('/') && text.size() <= path_bytes_max &&
            text.find('\0') == std::string_view::npos)
            return {};
        return refuse("'path' must be the absolute path of a snapshot on this machine");
    });
    if (auto finished = reader.finish(); !finished) return fail(finished.error());
    return path;
}

}  // namespace trivet::api
