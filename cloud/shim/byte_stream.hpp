#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include "api/model/tls_trust.hpp"
#include "core/time.hpp"

namespace trivet::cloud {

/// A server that speaks HTTP/1.1, and how to convince it. A value; made once and shared.
struct HttpOrigin {
    struct Unix {
        std::string path;
    };
    struct Tcp {
        std::string host;  // a name or an address, without brackets
        std::uint16_t port = 443;
        /// Made anew for each connection; empty: no TLS.
        std::function<Result<std::unique_ptr<model::TlsTrust>>()> trust = {};
        std::string server_name = {};  // that the certificate must have; empty: the host
    };

    std::string title;  // "https://10.0.0.1:6443": how messages name it
    std::variant<Unix, Tcp> place;
    std::string base_path = {};  // before every target; without a slash at its end
    /// The bearer token of a request that is about to be sent; empty function or text: none.
    std::function<Result<std::string>()> token = {};

    std::string host_header() const;
};

/// The bytes of one connection, whatever carries them. One coroutine at a time.
class ByteStream {
public:
    virtual ~ByteStream() = default;
    /// What waits fails with timeout then. Holds for all that follows.
    virtual void set_deadline(Instant deadline) = 0;
    /// 0: the other end has closed. Errors: timeout, unavailable.
    virtual boost::asio::awaitable<Result<std::size_t>> read_some(
        boost::asio::mutable_buffer buffer) = 0;
    virtual boost::asio::awaitable<Result<void>> write(std::string_view bytes) = 0;
    /// What waits fails.
    virtual void close() = 0;
};

/// Resolves, connects, and checks who answers. Errors: unavailable and timeout, nobody answers;
/// not_allowed, the certificate is not trusted or the socket may not be opened; invalid_argument,
/// what the origin says cannot be used.
boost::asio::awaitable<Result<std::unique_ptr<ByteStream>>> connect(
    std::shared_ptr<const HttpOrigin> origin, Instant deadline);

}  // namespace trivet::cloud
