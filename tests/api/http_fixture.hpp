#pragma once
#include <functional>
#include <future>
#include <memory>
#include <openssl/ssl.h>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "api/http_server.hpp"

namespace trivet::api::test {

struct Identity {
    std::string certificate_pem;
    std::string private_key_pem;
};
/// A self-signed P-256 certificate for localhost, made once a process.
const Identity& test_identity();

/// An io_context that runs on a thread of its own until destruction.
class Thread {
public:
    Thread() : thread_([this] { context_.run(); }) {}
    ~Thread() {
        context_.stop();  // also with handlers that never end, which some tests have
        thread_.join();
    }
    boost::asio::io_context& context() { return context_; }

    /// Runs `function` on the thread and returns what it returns.
    template <class Function>
    auto call(Function function) {
        using Task = std::packaged_task<decltype(function())()>;
        const auto task = std::make_shared<Task>(std::move(function));
        auto result = task->get_future();
        boost::asio::post(context_, [task] { (*task)(); });
        return result.get();
    }
    template <class T>
    T await(boost::asio::awaitable<T> awaitable) {
        return boost::asio::co_spawn(context_, std::move(awaitable), boost::asio::use_future).get();
    }

private:
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()};
    std::thread thread_;
};

/// An HttpServer on a unix socket in a folder of its own and on TLS on a free loopback port.
class RunningServer {
public:
    explicit RunningServer(HttpHandler handler, HttpServer::Limits limits = {});
    ~RunningServer();

    HttpServer& server() { return *server_; }
    Thread& thread() { return thread_; }
    const std::string& socket_path() const { return socket_path_; }
    std::uint16_t port() const { return port_; }
    HttpCounters counters();
    void stop(std::chrono::milliseconds grace);
    std::string logged();

private:
    std::string directory_;
    std::string socket_path_;
    std::uint16_t port_ = 0;
    Thread thread_;
    std::string log_;
    std::unique_ptr<HttpServer> server_;
};

struct Reply {
    unsigned status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

/// A blocking client that sends exactly the bytes it is given. Reads end with an error after ten
/// seconds, so that a broken server fails a test instead of hanging it.
class Client {
public:
    static Client unix_socket(const std::string& path);
    static Client tls(std::uint16_t port, int max_version = 0);
    static Client tcp(std::uint16_t port);  // no TLS
    Client(Client&& other) noexcept;
    Client& operator=(Client&&) = delete;
    ~Client();

    bool handshake_done() const { return handshake_done_; }
    std::string alpn() const;
    bool send(std::string_view bytes);  // false: the server has closed
    /// The next answer; nullopt when the connection ended before it was whole.
    std::optional<Reply> reply(bool head = false);
    /// The rest of a line, with its end; nullopt when the connection ended before it.
    std::optional<std::string> line();
    /// Everything until the server closes; nullopt when it did not close in time.
    std::optional<std::string> until_close();
    bool closed() { return until_close() == std::string{}; }

private:
    explicit Client(int descriptor) : descriptor_(descriptor) {}
    long read_some(char* to, std::size_t size);

    int descriptor_ = -1;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    bool handshake_done_ = false;
    std::string received_;
};

}  // namespace trivet::api::test
