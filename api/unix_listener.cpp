#include "api/unix_listener.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <grp.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace trivet::api {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr mode_t socket_mode = 0660;
constexpr const char* socket_group = "lbd";
constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

std::string reason(int error) { return std::system_category().message(error); }

auto unavailable(const std::string& what, const std::string& path, const std::string& why) {
    return fail(ErrorCode::unavailable, what + " '" + path + "': " + why);
}

/// Makes room at `path`: removes the socket file of a dead process, leaves everything else.
Result<void> clear_path(asio::any_io_executor executor, const std::string& path) {
    struct stat found{};
    if (lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return {};
        return unavailable("cannot look at the socket path", path, reason(errno));
    }
    if (!S_ISSOCK(found.st_mode))
        return fail(ErrorCode::conflict, "'" + path +
                                             "' is in the way of the socket and is no "
                                             "socket itself: remove it or set another 'socket'");
    stream_protocol::socket probe(executor);
    boost::system::error_code error;
    probe.connect(stream_protocol::endpoint(path), error);
    if (error == asio::error::connection_refused) {
        if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
        return unavailable("cannot remove the stale socket", path, reason(errno));
    }
    if (error && error != asio::error::try_again && error != asio::error::would_block)
        return unavailable("cannot tell whether a process listens on", path, error.message());
    return fail(ErrorCode::conflict,
                "another process listens on '" + path +
                    "': stop the lbd that runs already, or set another 'socket'");
}

/// The file is given to the group before anybody can connect.
Result<void> give_to_group(const std::string& path, const HttpLog& log) {
    if (chmod(path.c_str(), socket_mode) != 0)
        return unavailable("cannot set the mode of the socket", path, reason(errno));
    group entry{};
    group* found = nullptr;
    std::array<char, 4096> names{};
    const int looked_up = getgrnam_r(socket_group, &entry, names.data(), names.size(), &found);
    if (looked_up != 0 && log)
        log("warning", fmt::format("cannot look up the group '{}': {}; root alone may use {}",
                                   socket_group, reason(looked_up), path));
    if (found == nullptr) return {};
    if (chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0 && log)
        log("warning",
            fmt::format("cannot give {} to the group '{}': {}", path, socket_group, reason(errno)));
    return {};
}

}  // namespace

Result<UnixListener> UnixListener::open(asio::any_io_executor executor, const std::string& path,
                                        const HttpLog& log) {
    if (path.empty() || path.size() > path_bytes_max)
        return fail(ErrorCode::invalid_argument, "the socket path '" + path + "' must have 1 to " +
                                                     std::to_string(path_bytes_max) +
                                                     " bytes: set a shorter 'socket'");
    if (auto cleared = clear_path(executor, path); !cleared)
        return fail(std::move(cleared).error());
    Acceptor acceptor(executor);
    boost::system::error_code error;
    acceptor.open(stream_protocol(), error);
    if (!error) acceptor.bind(stream_protocol::endpoint(path), error);
    if (error) return unavailable("cannot make the socket", path, error.message());
    // Nobody can connect before listen(), so mode and group are in force from the first call.
    if (auto given = give_to_group(path, log); !given) return fail(std::move(given).error());
    acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return unavailable("cannot listen on", path, error.message());
    UnixListener listener(std::move(acceptor), path);
    struct stat made{};
    if (lstat(path.c_str(), &made) != 0)
        return unavailable("cannot look at the socket", path, reason(errno));
    listener.device_ = made.st_dev;
    listener.inode_ = made.st_ino;
    return listener;
}

void UnixListener::close() {
    boost::system::error_code ignored;  // the descriptor is given back even on an error
    acceptor_.close(ignored);
    struct stat found{};
    if (!path_.empty() && lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
        found.st_ino == inode_)
        unlink(path_.c_str());  // what cannot be removed is replaced at the next start
    path_.clear();
}

Result<UnixPeer> peer_of(stream_protocol::socket& socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return fail(ErrorCode::unavailable, "SO_PEERCRED: " + reason(errno));
    return UnixPeer{credentials.uid, credentials.gid};
}

}  // namespace trivet::api
