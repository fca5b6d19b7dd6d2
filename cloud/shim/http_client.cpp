#include "cloud/shim/http_client.hpp"

#include <fmt/format.h>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;

asio::awaitable<Result<HttpAnswer>> HttpClient::call(HttpCall call) {
    ++calls_;
    std::shared_ptr<HttpConnection> connection;
    if (idle_.empty()) {
        connection = std::make_shared<HttpConnection>(executor_, origin_);
    } else {
        connection = std::move(idle_.back());
        idle_.pop_back();
    }
    busy_.insert(connection);
    auto answer = co_await exchange(connection, std::move(call));
    busy_.erase(connection);
    if (answer && connection->is_reusable() && idle_.size() < limits_.idle_max)
        idle_.push_back(std::move(connection));
    co_return answer;
}

asio::awaitable<Result<HttpAnswer>> HttpClient::exchange(std::shared_ptr<HttpConnection> connection,
                                                         HttpCall call) {
    const Instant deadline = boot_now() + limits_.timeout;
    const auto head = co_await connection->open(std::move(call), deadline);
    if (!head) co_return fail(head.error());
    HttpAnswer answer{*head, {}};
    for (;;) {
        const auto piece = co_await connection->read_some(deadline);
        if (!piece) co_return fail(piece.error());
        if (piece->empty()) co_return answer;
        if (answer.body.size() + piece->size() > limits_.body_bytes_max)
            co_return fail(ErrorCode::too_large,
                           fmt::format("{}: its answer has more than {} MiB", origin_->title,
                                       limits_.body_bytes_max >> 20));
        answer.body += *piece;
    }
}

void HttpClient::close() {
    idle_.clear();
    for (const auto& connection : busy_) connection->close();
}

}  // namespace trivet::cloud
