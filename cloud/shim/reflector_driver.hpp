#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "cloud/reflector.hpp"
#include "cloud/shim/http_connection.hpp"

namespace trivet::cloud {

/// Moves bytes and time for one Reflector, on a connection of its own. Single-threaded; run() must
/// have returned before it is destroyed.
class ReflectorDriver {
public:
    /// Of every action that says something of the cache.
    using OnChange = std::function<void(const ReflectorActions&)>;

    ReflectorDriver(boost::asio::any_io_executor executor, std::shared_ptr<const HttpOrigin> origin,
                    Reflector::Options options, ObjectSink& sink, OnChange on_change);

    /// Until stop().
    boost::asio::awaitable<void> run();
    void stop();
    void relist();

    const Reflector& reflector() const { return reflector_; }
    std::uint64_t requests() const { return requests_; }

private:
    void perform(ReflectorActions actions);
    boost::asio::awaitable<void> exchange(ListWatchRequest request);
    void on_broken(const Error& error);
    boost::asio::awaitable<void> wait();

    HttpConnection connection_;
    Reflector reflector_;
    OnChange on_change_;
    boost::asio::steady_timer timer_;
    std::optional<ListWatchRequest> pending_;
    bool dropped_ = false;  // the request under way is of no interest any more
    bool stopped_ = false;
    std::uint64_t requests_ = 0;
};

}  // namespace trivet::cloud
