#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include "api/model/objects.hpp"

namespace trivet::model {

/// The socket on the machine itself: who may open it is the administrator's matter, no token.
struct UnixServer {
    std::string path;
};

/// HTTPS. The server's certificate must name `host` and come from a CA that is trusted: the one in
/// `ca_file`, the one whose DER has the SHA-256 `ca_hash` (which the server sends along in its
/// chain), or, with neither given, one that the system trusts.
struct TlsServer {
    std::string host;  // a name or an address, without brackets
    std::uint16_t port = 7480;
    std::string token = {};
    std::string ca_file = {};
    std::string ca_hash = {};  // "sha256:<64 hex digits>"
};

using Server = std::variant<UnixServer, TlsServer>;

/// "https://10.0.0.1:7480", "https://[fd00::1]", "https://lb.example". Errors: invalid_argument.
Result<TlsServer> parse_server_url(std::string_view url);

/// "/v1/vips/default/web" of its segments, each percent-encoded (RFC 3986 section 2.1).
std::string url_path(std::initializer_list<std::string_view> segments);
std::string percent_encode(std::string_view text);

/// A client of the REST API that blocks: HTTP/1.1, one connection a call. Not thread-safe.
///
/// One retry policy, always with the same Idempotency-Key and until the time-out. While the server
/// cannot be reached yet (refused, no socket there, a handshake that broke off) or answers 503 (no
/// leader, or not ready), every call is sent again. A call that may have taken effect (it broke off
/// half-way, or 504) is sent again when it is a read or a change of objects, which takes effect
/// once for one key; what is done to the cluster itself (/v1/cluster/...) is not.
class RestClient {
public:
    enum class Method : std::uint8_t { get, put, post, del };

    struct Options {
        Server server;
        std::chrono::milliseconds timeout{10'000};  // of one call, with all its repetitions
        /// Called once a call, before the first repetition, with what is waited for.
        std::function<void(std::string_view)> on_waiting = {};
    };

    explicit RestClient(Options options);
    /// Of the calls from now on.
    void set_timeout(std::chrono::milliseconds timeout) { options_.timeout = timeout; }

    /// The answer's JSON (null for an empty body). `target` is path and query, encoded.
    /// Errors: what the server's problem says; not_leader and unavailable when it still said so at
    /// the end of the time-out; timeout, no whole answer came in time; not_allowed, the socket may
    /// not be opened or the certificate is not trusted; too_large, the answer exceeds 256 MiB;
    /// invalid_argument, the host is not known or the CA file or hash not usable; internal, the
    /// connection broke off or the answer is not ours.
    Result<nlohmann::json> call(Method method, const std::string& target,
                                const std::optional<nlohmann::json>& body = std::nullopt);

private:
    Options options_;
};

}  // namespace trivet::model
