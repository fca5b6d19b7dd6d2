#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/run.hpp"
#include "tests/support/fake_server.hpp"

namespace trivet::cli {

/// Runs lbctl in this process against a fake server on a unix socket.
class Lbctl : public testing::Test {
protected:
    using Request = model::FakeServer::Request;
    using Answer = model::FakeServer::Answer;
    using Reply = model::FakeServer::Reply;

    struct Ran {
        ExitCode code;
        std::string out;
        std::string err;
    };

    /// What the server answers to "METHOD target", by turns; the last one stays. What is not named
    /// is a 404.
    void answer(const std::string& request, Reply reply) { replies_[request].push_back(reply); }
    void answer_json(const std::string& request, const nlohmann::json& body,
                     unsigned status = 200) {
        answer(request, Answer{status, body.dump()});
    }

    Ran run(std::vector<std::string> arguments) {
        start();
        arguments.push_back("--socket");
        arguments.push_back(server_->socket_path());
        return run_as_is(arguments);
    }

    Ran run_as_is(const std::vector<std::string>& arguments) {
        std::istringstream in(input_);
        std::ostringstream out;
        std::ostringstream err;
        const auto code =
            cli::run(arguments,
                     {.in = in,
                      .out = out,
                      .err = err,
                      .environment = [this](const std::string& name) -> std::optional<std::string> {
                          const auto found = environment_.find(name);
                          if (found == environment_.end()) return std::nullopt;
                          return found->second;
                      },
                      .pause = [this](std::chrono::milliseconds) { return pauses_-- > 0; },
                      .colour = colour_});
        return {code, out.str(), err.str()};
    }

    const std::string& socket() {
        start();
        return server_->socket_path();
    }
    std::vector<Request> requests() { return server_->requests(); }
    nlohmann::json sent(std::size_t i = 0) {
        return nlohmann::json::parse(server_->requests().at(i).body);
    }

    std::string write_file(const std::string& name, const std::string& text);

    std::string input_;
    std::map<std::string, std::string> environment_;
    int pauses_ = 0;  // how often a --watch or --wait may look again
    bool colour_ = false;

    ~Lbctl() override;

private:
    void start() {
        if (server_) return;
        server_ = model::FakeServer::on_unix_socket([this](const Request& request) -> Reply {
            auto found = replies_.find(request.method + " " + request.target);
            if (found == replies_.end()) {
                return Answer{404, R"({"detail": "no such object", "code": "not_found"})"};
            }
            auto reply = found->second.front();
            if (found->second.size() > 1) found->second.pop_front();
            return reply;
        });
    }

    std::map<std::string, std::deque<Reply>> replies_;  // not changed once the server runs
    std::unique_ptr<model::FakeServer> server_;
    std::vector<std::string> files_;
};

}  // namespace trivet::cli
