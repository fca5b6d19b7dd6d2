#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace trivet::model {

/// A REST server in this process for tests of clients: answers what its handler says. Requests are
/// answered on a thread of its own, one at a time; requests() may be called from any thread.
class FakeServer {
public:
    struct Request {
        std::string method;
        std::string target;
        std::string body;
        std::map<std::string, std::string> headers;  // names in lower case
    };
    struct Answer {
        unsigned status = 200;
        std::string body = {};
        std::string content_type = "application/json";
    };
    struct NoAnswer {};  // keeps the connection open and says nothing
    struct BreakOff {};  // closes the connection half-way
    using Reply = std::variant<Answer, NoAnswer, BreakOff>;
    using Handler = std::function<Reply(const Request&)>;

    /// Certificate chain and key, PEM.
    struct Tls {
        std::string chain;
        std::string key;
    };

    static std::unique_ptr<FakeServer> on_unix_socket(Handler handler);
    static std::unique_ptr<FakeServer> on_tls(Handler handler, const Tls& tls);
    ~FakeServer();

    const std::string& socket_path() const { return socket_path_; }
    std::uint16_t port() const { return port_; }
    std::vector<Request> requests() const;

    struct Impl;

private:
    explicit FakeServer(Handler handler);

    Handler handler_;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    std::string folder_;
    std::string socket_path_;
    std::uint16_t port_ = 0;
    std::unique_ptr<Impl> impl_;
    std::thread thread_;
};

/// A CA and a server certificate signed by it, made at run time. `names` are DNS names or
/// addresses.
struct TestCertificates {
    std::string ca_pem;
    std::string ca_hash;  // "sha256:..."
    FakeServer::Tls tls;  // leaf and CA
};
TestCertificates make_certificates(const std::vector<std::string>& names);

}  // namespace trivet::model
