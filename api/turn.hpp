#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/control.hpp"

namespace trivet::api {

/// Lets everything else that waits on Control's strand have its turn: heartbeats, votes and plans
/// go before the rest of a long answer.
inline boost::asio::awaitable<void> turn(Control& control) {
    return boost::asio::post(control.executor(), boost::asio::use_awaitable);
}

}  // namespace trivet::api
