#pragma once
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cloud/shim/http_connection.hpp"

namespace trivet::cloud {

struct HttpAnswer {
    ResponseHead head;
    std::string body;
};

/// Calls to one origin whose answers are read whole, on as many connections as there are calls at
/// once; some stay open for the next ones. Single-threaded. Must outlive its calls.
class HttpClient {
public:
    struct Limits {
        std::chrono::seconds timeout{30};  // of a call, from connecting to the answer's last byte
        std::size_t body_bytes_max = 4u << 20;
        std::size_t idle_max = 4;
    };

    HttpClient(boost::asio::any_io_executor executor, std::shared_ptr<const HttpOrigin> origin,
               Limits limits)
        : executor_(std::move(executor)), origin_(std::move(origin)), limits_(limits) {}

    /// Errors: as HttpConnection; too_large.
    boost::asio::awaitable<Result<HttpAnswer>> call(HttpCall call);
    /// Ends what is under way; those calls fail.
    void close();

    const std::string& title() const { return origin_->title; }
    std::uint64_t calls() const { return calls_; }

private:
    boost::asio::awaitable<Result<HttpAnswer>> exchange(std::shared_ptr<HttpConnection> connection,
                                                        HttpCall call);

    boost::asio::any_io_executor executor_;
    std::shared_ptr<const HttpOrigin> origin_;
    Limits limits_;
    std::vector<std::shared_ptr<HttpConnection>> idle_;
    std::set<std::shared_ptr<HttpConnection>> busy_;
    std::uint64_t calls_ = 0;
};

}  // namespace trivet::cloud
