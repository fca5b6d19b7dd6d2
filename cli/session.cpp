#include "cli/session.hpp"

#include <fmt/format.h>
#include <fstream>
#include <ostream>

namespace trivet::cli {
namespace {

constexpr const char* default_socket = "/run/lbd/lbd.sock";

Outcome<std::string> find_token(const GlobalOptions& options, const Surroundings& surroundings) {
    if (options.token_file.empty()) return surroundings.environment("LBCTL_TOKEN").value_or("");
    std::ifstream file(options.token_file);
    std::string token;
    if (!std::getline(file, token) || token.empty()) {
        return fail_with(
            {ExitCode::failure,
             fmt::format("token file '{}' cannot be read or is empty", options.token_file),
             "it holds the admin token that 'lbctl init' printed, on one line"});
    }
    if (token.ends_with('\r')) token.pop_back();
    return token;
}

Outcome<model::Server> find_server(const GlobalOptions& options, const Surroundings& surroundings) {
    if (options.server.empty()) {
        if (!options.ca_file.empty() || !options.ca_hash.empty() || !options.token_file.empty()) {
            return usage_error("--token-file, --ca-file and --ca-hash need --server",
                               "the local socket uses neither token nor certificate");
        }
        if (!options.socket.empty()) return model::UnixServer{options.socket};
        return model::UnixServer{surroundings.environment("LBCTL_SOCKET").value_or(default_socket)};
    }
    if (!options.socket.empty()) return usage_error("give either --socket or --server");
    if (!options.ca_file.empty() && !options.ca_hash.empty()) {
        return usage_error("give either --ca-file or --ca-hash");
    }
    auto server = model::parse_server_url(options.server);
    if (!server) return usage_error("--server: " + server.error().message);
    auto token = find_token(options, surroundings);
    if (!token) return tl::unexpected(token.error());
    server->token = std::move(*token);
    server->ca_file = options.ca_file;
    server->ca_hash = options.ca_hash;
    return *server;
}

model::RestClient::Options client_options(const GlobalOptions& options, model::Server server,
                                          std::ostream& err) {
    const std::chrono::duration<double> timeout(options.timeout_s);
    return {.server = std::move(server),
            .timeout = std::chrono::duration_cast<std::chrono::milliseconds>(timeout),
            .on_waiting = [&err](std::string_view what) {
                err << "waiting: " << what << "\n" << std::flush;
            }};
}

}  // namespace

Outcome<Session> Session::make(const GlobalOptions& options, const Surroundings& surroundings) {
    auto server = find_server(options, surroundings);
    if (!server) return tl::unexpected(server.error());
    return Session(options, surroundings, std::move(*server));
}

Session::Session(const GlobalOptions& options, const Surroundings& surroundings,
                 model::Server server)
    : options_(options),
      io_(surroundings),
      // https://no-color.org: present and not empty
      colour_(io_.colour && io_.environment("NO_COLOR").value_or("").empty()),
      client_(client_options(options, std::move(server), surroundings.err)) {}

Result<nlohmann::json> Session::try_call(Method method, const std::string& target,
                                         const std::optional<nlohmann::json>& body) {
    return client_.call(method, target, body);
}

Outcome<nlohmann::json> Session::call(Method method, const std::string& target,
                                      const std::optional<nlohmann::json>& body) {
    auto answer = try_call(method, target, body);
    if (!answer) return fail_with(failure_of(answer.error()));
    return std::move(*answer);
}

}  // namespace trivet::cli
