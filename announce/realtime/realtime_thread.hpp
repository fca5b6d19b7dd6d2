#pragma once
#include <functional>
#include <pthread.h>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace trivet::announce {

/// Keeps all memory of this process that was ever touched from being swapped out, and what will be
/// touched: MCL_ONFAULT, so that what is merely reserved costs nothing. It needs CAP_IPC_LOCK or no
/// limit on locked memory; with a limit, allocations would begin to fail at it.
/// Errors: not_allowed, with what to do.
Result<void> lock_memory();

/// Who asks for a real-time priority, and what it costs not to have it: for the message.
struct RealtimeWish {
    std::string_view who;        // "the lease thread"
    std::string_view otherwise;  // "load may cost leases"
};

/// The calling thread runs before every ordinary one, at the lowest real-time priority: there is
/// nothing that it need come before. Where that is not permitted, it becomes as nice as may be.
/// Errors: not_allowed, with what to do.
Result<void> become_realtime(const RealtimeWish& wish);

/// A thread with a small stack, half of which is touched before `body` is called. Signals are not
/// delivered to it. The owner joins it; a joined one may be started anew.
class RealtimeThread {
public:
    static constexpr std::size_t stack_bytes = std::size_t{256} << 10;

    RealtimeThread() = default;
    ~RealtimeThread() { join(); }
    RealtimeThread(const RealtimeThread&) = delete;
    RealtimeThread& operator=(const RealtimeThread&) = delete;

    /// `name` has at most 15 characters. Errors: exhausted, the kernel makes no thread.
    Result<void> start(const std::string& name, std::function<void()> body);
    void join();

private:
    static void* run(void* self);

    std::function<void()> body_;
    pthread_t thread_{};
    bool is_running_ = false;
};

}  // namespace trivet::announce
