#pragma once
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/result.hpp"

namespace trivet::daemon {

/// Waits for an answer that comes through a callback. The callback may come from within the call,
/// and on any thread; the waiting coroutine always goes on from the executor.
/// `start` must be a named value, never a lambda written inside a co_await expression: g++ 12
/// destroys its captures twice there (GCC bug 99576 and its kin).
template <class T, class Start>
boost::asio::awaitable<Result<T>> answer_of(boost::asio::any_io_executor executor, Start start) {
    return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(Result<T>)>(
        [executor](auto handler, Start begin) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            begin([executor, shared](Result<T> result) {
                boost::asio::post(executor, [shared, result = std::move(result)]() mutable {
                    (*shared)(std::move(result));
                });
            });
        },
        boost::asio::use_awaitable, std::move(start));
}

}  // namespace trivet::daemon
