#pragma once
#include <cstddef>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

namespace trivet::api {

struct IoResult {
    boost::system::error_code error;
    std::size_t size = 0;
};

/// The bytes of one connection, whatever carries them. One session owns it; one read and one write
/// at a time, on its executor. Errors are values; cancel() makes what waits return.
class ByteStream {
public:
    virtual ~ByteStream() = default;
    virtual boost::asio::awaitable<boost::system::error_code> handshake() = 0;
    virtual boost::asio::awaitable<IoResult> read_some(boost::asio::mutable_buffer to) = 0;
    virtual boost::asio::awaitable<IoResult> write(boost::asio::const_buffer from) = 0;
    /// Tells the peer that nothing more comes; what the peer still sends can be discarded.
    virtual boost::asio::awaitable<void> finish() = 0;
    virtual boost::asio::awaitable<IoResult> discard_some(boost::asio::mutable_buffer to) = 0;
    /// After a failed handshake: an answer for a client that spoke plain HTTP to the TLS port.
    virtual boost::asio::awaitable<void> answer_plain(boost::asio::const_buffer from) = 0;
    virtual void cancel() = 0;
    virtual void close() = 0;
};

std::unique_ptr<ByteStream> make_unix_stream(boost::asio::local::stream_protocol::socket socket);
std::unique_ptr<ByteStream> make_tls_stream(boost::asio::ip::tcp::socket socket,
                                            std::shared_ptr<boost::asio::ssl::context> context);

/// Whether a handshake failed because the client spoke plain HTTP.
bool is_plain_http(boost::system::error_code error);

}  // namespace trivet::api
