#include "tests/support/fake_server.hpp"

#include <cstdlib>
#include <filesystem>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace trivet::model {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
constexpr auto as_value = asio::as_tuple(asio::use_awaitable);

struct FakeServer::Impl {
    explicit Impl(FakeServer& owner_) : owner(owner_) {}

    FakeServer& owner;
    asio::io_context io{1};
    asio::ssl::context tls{asio::ssl::context::tls_server};

    Reply handle(const http::request<http::string_body>& request) {
        Request seen{std::string(request.method_string()),
                     std::string(request.target()),
                     request.body(),
                     {}};
        for (const auto& field : request) {
            std::string name(field.name_string());
            for (char& c : name) {
                c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            }
            seen.headers[name] = std::string(field.value());
        }
        {
            const std::lock_guard lock(owner.mutex_);
            owner.requests_.push_back(seen);
        }
        return owner.handler_(seen);
    }

    template <class Stream>
    awaitable<void> converse(Stream& stream) {
        boost::beast::flat_buffer buffer;
        http::request<http::string_body> request;
        auto [read_error, read] = co_await http::async_read(stream, buffer, request, as_value);
        if (read_error) co_return;
        auto reply = handle(request);
        if (std::holds_alternative<NoAnswer>(reply)) {
            asio::steady_timer never(co_await asio::this_coro::executor,
                                     std::chrono::steady_clock::time_point::max());
            co_await never.async_wait(as_value);
            co_return;
        }
        if (std::holds_alternative<BreakOff>(reply)) co_return;
        const auto& answer = std::get<Answer>(reply);
        http::response<http::string_body> response{http::int_to_status(answer.status), 11};
        response.set(http::field::content_type, answer.content_type);
        response.body() = answer.body;
        response.prepare_payload();
        co_await http::async_write(stream, response, as_value);
    }

    template <class Socket>
    awaitable<void> serve_plain(Socket socket) {
        co_await converse(socket);
    }

    awaitable<void> serve_tls(asio::ip::tcp::socket socket) {
        boost::beast::ssl_stream<asio::ip::tcp::socket> stream(std::move(socket), tls);
        auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, as_value);
        if (!error) co_await converse(stream);
    }

    awaitable<void> accept_unix(asio::local::stream_protocol::acceptor acceptor) {
        while (true) {
            auto [error, socket] = co_await acceptor.async_accept(as_value);
            if (error) co_return;
            asio::co_spawn(io, serve_plain(std::move(socket)), asio::detached);
        }
    }

    awaitable<void> accept_tls(asio::ip::tcp::acceptor acceptor) {
        while (true) {
            auto [error, socket] = co_await acceptor.async_accept(as_value);
            if (error) co_return;
            asio::co_spawn(io, serve_tls(std::move(socket)), asio::detached);
        }
    }
};

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)) {
    impl_ = std::make_unique<Impl>(*this);
}

std::unique_ptr<FakeServer> FakeServer::on_unix_socket(Handler handler) {
    std::unique_ptr<FakeServer> server(new FakeServer(std::move(handler)));
    auto folder = (std::filesystem::temp_directory_path() / "trivet-test-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    server->folder_ = folder;
    server->socket_path_ = folder + "/lbd.sock";
    asio::local::stream_protocol::acceptor acceptor(server->impl_->io, {server->socket_path_});
    asio::co_spawn(server->impl_->io, server->impl_->accept_unix(std::move(acceptor)),
                   asio::detached);
    server->thread_ = std::thread([impl = server->impl_.get()] { impl->io.run(); });
    return server;
}

std::unique_ptr<FakeServer> FakeServer::on_tls(Handler handler, const Tls& tls) {
    std::unique_ptr<FakeServer> server(new FakeServer(std::move(handler)));
    auto& impl = *server->impl_;
    impl.tls.use_certificate_chain(asio::buffer(tls.chain));
    impl.tls.use_private_key(asio::buffer(tls.key), asio::ssl::context::pem);
    asio::ip::tcp::acceptor acceptor(impl.io, {asio::ip::address_v4::loopback(), 0});
    server->port_ = acceptor.local_endpoint().port();
    asio::co_spawn(impl.io, impl.accept_tls(std::move(acceptor)), asio::detached);
    server->thread_ = std::thread([&impl] { impl.io.run(); });
    return server;
}

FakeServer::~FakeServer() {
    impl_->io.stop();
    if (thread_.joinable()) thread_.join();
    impl_.reset();
    std::error_code ignored;  // a folder that stays behind in the temporary directory harms nobody
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

std::vector<FakeServer::Request> FakeServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

}  // namespace trivet::model
