#include "tests/api/http_fixture.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http_text.hpp"
#include "api/tls_context.hpp"

namespace trivet::api::test {

namespace {

constexpr timeval patience{10, 0};

void require(bool fact, const char* what) {
    if (!fact) throw std::runtime_error(what);
}

template <class Write>
std::string pem_text(Write write) {
    BIO* bio = BIO_new(BIO_s_mem());
    require(write(bio) == 1, "PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

Identity make_identity() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    require(key != nullptr && certificate != nullptr, "key");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    require(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
    Identity identity{pem_text([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
                      pem_text([&](BIO* bio) {
                          return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr,
                                                          nullptr);
                      })};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return identity;
}

int connect_tcp(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
            "connect");
    return descriptor;
}

}  // namespace

const Identity& test_identity() {
    static const Identity identity = make_identity();
    return identity;
}

RunningServer::RunningServer(HttpHandler handler, HttpServer::Limits limits) {
    std::string name = (std::filesystem::temp_directory_path() / "trivet-api-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    directory_ = name;
    socket_path_ = directory_ + "/lbd.sock";
    server_ =
        std::make_unique<HttpServer>(thread_.context().get_executor(), std::move(handler), limits);
    const auto listening = thread_.call([this]() -> Result<void> {
        server_->on_log([this](std::string_view level, std::string message) {
            log_ += std::string(level) + ": " + message + "\n";
        });
        if (auto done = server_->listen_unix(socket_path_); !done) return done;
        auto context = make_tls_context({.certificate_chain_pem = test_identity().certificate_pem,
                                         .private_key_pem = test_identity().private_key_pem});
        if (!context) return fail(context.error());
        return server_->listen_tls({boost::asio::ip::address_v4::loopback(), 0}, *context);
    });
    require(listening.has_value(), listening ? "" : listening.error().message.c_str());
    port_ = server_->tls_endpoint()->port();
}

RunningServer::~RunningServer() {
    stop(std::chrono::milliseconds{0});
    thread_.call([this] { server_.reset(); });
    std::filesystem::remove_all(directory_);
}

HttpCounters RunningServer::counters() {
    return thread_.call([this] { return server_->counters(); });
}

void RunningServer::stop(std::chrono::milliseconds grace) { thread_.await(server_->stop(grace)); }

std::string RunningServer::logged() {
    return thread_.call([this] { return log_; });
}

Client Client::unix_socket(const std::string& path) {
    Client client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(client.descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    require(
        ::connect(client.descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
        "connect");
    return client;
}

Client Client::tcp(std::uint16_t port) { return Client(connect_tcp(port)); }

Client Client::tls(std::uint16_t port, int max_version) {
    // OpenSSL writes without MSG_NOSIGNAL, and servers close while we write: that is tested here.
    std::signal(SIGPIPE, SIG_IGN);
    Client client(connect_tcp(port));
    client.context_ = SSL_CTX_new(TLS_client_method());
    if (max_version != 0) {
        SSL_CTX_set_min_proto_version(client.context_, max_version);
        SSL_CTX_set_max_proto_version(client.context_, max_version);
        // The client would refuse old versions by itself; the server's refusal is what is tested.
        SSL_CTX_set_security_level(client.context_, 0);
    }
    static constexpr unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL_CTX_set_alpn_protos(client.context_, protocols, sizeof protocols - 1);
    client.ssl_ = SSL_new(client.context_);
    SSL_set_fd(client.ssl_, client.descriptor_);
    client.handshake_done_ = SSL_connect(client.ssl_) == 1;
    return client;
}

Client::Client(Client&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      context_(std::exchange(other.context_, nullptr)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      handshake_done_(other.handshake_done_),
      received_(std::move(other.received_)) {}

Client::~Client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::string Client::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

bool Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const long sent = ssl_ != nullptr
                              ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// 0: closed by the server; below 0: an error, among them the end of patience.
long Client::read_some(char* to, std::size_t size) {
    if (ssl_ == nullptr) return ::recv(descriptor_, to, size, 0);
    const int read = SSL_read(ssl_, to, static_cast<int>(size));
    if (read > 0) return read;
    return SSL_get_error(ssl_, read) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

std::optional<std::string> Client::until_close() {
    char chunk[4096];
    for (;;) {
        const long size = read_some(chunk, sizeof chunk);
        if (size < 0) return std::nullopt;
        if (size == 0) return std::exchange(received_, {});
        received_.append(chunk, static_cast<std::size_t>(size));
    }
}

std::optional<std::string> Client::line() {
    char chunk[4096];
    for (;;) {
        const auto end = received_.find('\n');
        if (end != std::string::npos) {
            std::string text = received_.substr(0, end + 1);
            received_.erase(0, end + 1);
            return text;
        }
        const long size = read_some(chunk, sizeof chunk);
        if (size <= 0) return std::nullopt;
        received_.append(chunk, static_cast<std::size_t>(size));
    }
}

std::optional<Reply> Client::reply(bool head) {
    char chunk[4096];
    for (;;) {
        const auto end = received_.find("\r\n\r\n");
        if (end != std::string::npos) {
            Reply reply;
            reply.status = static_cast<unsigned>(std::stoul(received_.substr(9, 3)));
            for (auto at = received_.find("\r\n") + 2; at < end + 2;) {
                const auto line_end = received_.find("\r\n", at);
                const auto colon = received_.find(':', at);
                auto name = received_.substr(at, colon - at);
                std::transform(name.begin(), name.end(), name.begin(), to_lower);
                reply.headers[name] = received_.substr(colon + 2, line_end - colon - 2);
                at = line_end + 2;
            }
            const auto length = reply.headers.find("content-length");
            const std::size_t size =
                head || length == reply.headers.end() ? 0 : std::stoul(length->second);
            if (received_.size() >= end + 4 + size) {
                reply.body = received_.substr(end + 4, size);
                received_.erase(0, end + 4 + size);
                return reply;
            }
        }
        const long size = read_some(chunk, sizeof chunk);
        if (size <= 0) return std::nullopt;
        received_.append(chunk, static_cast<std::size_t>(size));
    }
}

}  // namespace trivet::api::test
