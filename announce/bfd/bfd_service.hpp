#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "announce/bfd/bfd_config.hpp"
#include "announce/bfd/bfd_session.hpp"
#include "announce/bfd/bfd_socket.hpp"
#include "announce/bfd/bfd_table.hpp"
#include "core/result.hpp"

namespace trivet::announce::bfd {

/// A session went up, or is no longer.
struct SessionEvent {
    bool is_up = false;
    Diagnostic diagnostic = Diagnostic::none;  // why it is not
    /// The peer has taken BFD out of use, which is no failure of the path (RFC 5882 section 3.2).
    bool is_remote_admin_down = false;
    bool operator==(const SessionEvent&) const = default;
};

struct SessionStatus {
    SessionConfig config;  // without the secret
    BfdStatus session;
    std::uint64_t send_errors = 0;
    std::string problem;  // why packets cannot go out or come in, and what to do about it
};

struct ServiceStatus {
    bool is_realtime = false;
    std::map<std::string, SessionStatus> sessions;
    BfdTable::Counters received;     // by all sessions, and by none
    std::uint64_t late_wakeups = 0;  // the thread was held up; no session was judged by it
    Duration worst_lateness{};
};

/// Watches peers by BFD (RFC 5880, 5881, 5883), on a real-time thread of its own, so that neither
/// disk nor load delays a packet. Usable with or without BGP. Public calls may come from any
/// thread, but for status() and stop() from within a callback.
///
/// On the way of a packet nothing is allocated; for set_sessions(), status() and log lines it is.
class BfdService {
public:
    struct Options {
        Ports ports = {};
    };
    struct Callbacks {  // called on the service's thread, and must not wait
        std::function<void(const std::string& name, const SessionEvent&)> on_state;
        std::function<void(std::string level, std::string message)> on_log;
    };

    /// Errors: exhausted, the kernel makes no thread. What is not permitted (a real-time priority)
    /// is a warning in the log.
    static Result<std::unique_ptr<BfdService>> start(Options options, Callbacks callbacks);
    virtual ~BfdService() = default;  // as stop()

    /// Replaces all sessions. One whose settings alone have changed stays as it is, and its peer
    /// learns them by a poll sequence; one that is gone tells its peer that it is administratively
    /// down. No event is reported of sessions that are gone. Does not wait.
    /// Errors: as check(), and then nothing has changed.
    virtual Result<void> set_sessions(SessionConfigs sessions) = 0;
    /// Waits for the thread, which waits for nothing. Empty after stop().
    virtual ServiceStatus status() const = 0;
    /// Tells all peers that the sessions are administratively down, for a detection time, but at
    /// least one second and at most three; ends the thread. Idempotent.
    virtual void stop() = 0;
};

}  // namespace trivet::announce::bfd
