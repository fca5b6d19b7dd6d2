#pragma once
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "api/http_server.hpp"

namespace trivet::api {

/// The acceptor on a socket file, and the file, which is removed with it unless somebody else's
/// stands there by then. HttpServer owns it. Thread rule: the server's.
class UnixListener {
public:
    using Acceptor = boost::asio::local::stream_protocol::acceptor;

    /// Errors: as HttpServer::listen_unix().
    static Result<UnixListener> open(boost::asio::any_io_executor executor, const std::string& path,
                                     const HttpLog& log);

    Acceptor& acceptor() { return acceptor_; }
    /// Idempotent.
    void close();

private:
    UnixListener(Acceptor acceptor, std::string path)
        : acceptor_(std::move(acceptor)), path_(std::move(path)) {}

    Acceptor acceptor_;
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
};

/// The process at the other end (SO_PEERCRED), as it was when it connected.
/// Errors: unavailable, the kernel does not tell.
Result<UnixPeer> peer_of(boost::asio::local::stream_protocol::socket& socket);

}  // namespace trivet::api
