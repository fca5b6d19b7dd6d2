#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "api/model/rest_client.hpp"
#include "cli/outcome.hpp"
#include "cli/surroundings.hpp"

namespace trivet::cli {

enum class OutputFormat : std::uint8_t { table, wide, json, yaml, name };

/// The flags that every command has.
struct GlobalOptions {
    OutputFormat output = OutputFormat::table;
    std::string name_space = "default";
    std::string socket;  // empty: LBCTL_SOCKET, else the well-known one
    std::string server;  // empty: the socket
    std::string token_file;
    std::string ca_file;
    std::string ca_hash;
    double timeout_s = 10;
};

/// What a command works with while it runs: its flags, the server, the streams.
class Session {
public:
    using Method = model::RestClient::Method;

    /// Errors: usage, flags that contradict each other; failure, a token file that cannot be read.
    static Outcome<Session> make(const GlobalOptions& options, const Surroundings& surroundings);

    const GlobalOptions& options() const { return options_; }
    const Surroundings& io() const { return io_; }
    bool human() const {
        return options_.output == OutputFormat::table || options_.output == OutputFormat::wide;
    }
    bool colour() const { return colour_; }

    /// One call; its error is already in lbctl's words.
    Outcome<nlohmann::json> call(Method method, const std::string& target,
                                 const std::optional<nlohmann::json>& body = std::nullopt);
    /// The same with the server's own error, for callers that look at code and field.
    Result<nlohmann::json> try_call(Method method, const std::string& target,
                                    const std::optional<nlohmann::json>& body = std::nullopt);
    /// Of the calls from now on, for commands that make several within one --timeout.
    void set_timeout(std::chrono::milliseconds timeout) { client_.set_timeout(timeout); }

private:
    Session(const GlobalOptions& options, const Surroundings& surroundings, model::Server server);

    GlobalOptions options_;
    Surroundings io_;
    bool colour_ = false;
    model::RestClient client_;
};

}  // namespace trivet::cli
