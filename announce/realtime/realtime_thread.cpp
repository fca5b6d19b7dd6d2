#include "announce/realtime/realtime_thread.hpp"

#include <algorithm>
#include <cap-ng.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sched.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/assert.hpp"

namespace trivet::announce {

namespace {

// Above 0, where kernel threads do what must not wait long, and far below 50, where threaded
// interrupt handlers run: packets must come in before they can be looked at.
constexpr int realtime_priority = 10;
constexpr int nice_value = -10;
// Of the stack, what a thread may use without a page fault.
constexpr std::size_t prefault_bytes = RealtimeThread::stack_bytes / 2;
// What stays free for the calls that touch it.
constexpr std::size_t untouched_bytes = std::size_t{32} << 10;

/// How much of the calling thread's stack is left: thread-local memory lies in it as well, much of
/// it under a sanitizer.
std::size_t stack_left() {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    void* lowest = nullptr;
    std::size_t bytes = 0;
    pthread_attr_getstack(&attributes, &lowest, &bytes);
    pthread_attr_destroy(&attributes);
    return static_cast<std::size_t>(static_cast<char*>(__builtin_frame_address(0)) -
                                    static_cast<char*>(lowest));
}

__attribute__((noinline)) void touch_stack() {
    const std::size_t left = stack_left();
    if (left <= untouched_bytes) return;
    const std::size_t size = std::min(prefault_bytes, left - untouched_bytes);
    auto* bytes = static_cast<volatile char*>(__builtin_alloca(size));
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t i = 0; i < size; i += page) bytes[i] = 0;
}

bool may_lock() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY) return true;
    capng_get_caps_process();  // as they are now, not when the library first looked
    return capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK) != 0;
}

}  // namespace

Result<void> lock_memory() {
    if (!may_lock())
        return fail(ErrorCode::not_allowed,
                    "memory is not locked: give lbd LimitMEMLOCK=infinity or CAP_IPC_LOCK");
    if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        return fail(ErrorCode::not_allowed,
                    std::string("memory is not locked: mlockall: ") + std::strerror(errno));
    return {};
}

Result<void> become_realtime(const RealtimeWish& wish) {
    sched_param parameters{};
    parameters.sched_priority = realtime_priority;
    // 0: the calling thread. What it might ever start does not inherit this.
    if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) == 0) return {};
    const int error = errno;
    // Not nothing: a larger share of the processor, and timers that are not put together.
    ::setpriority(PRIO_PROCESS, 0, nice_value);
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    return fail(
        ErrorCode::not_allowed,
        fmt::format("{} has no real-time priority ({}), so that {}: give lbd LimitRTPRIO=10 or "
                    "CAP_SYS_NICE",
                    wish.who, std::strerror(error), wish.otherwise));
}

Result<void> RealtimeThread::start(const std::string& name, std::function<void()> body) {
    TRIVET_ASSERT(!is_running_);
    body_ = std::move(body);
    pthread_attr_t attributes;
    TRIVET_ASSERT(pthread_attr_init(&attributes) == 0);
    TRIVET_ASSERT(pthread_attr_setstacksize(&attributes, stack_bytes) == 0);
    // Signals are the main thread's; a thread takes over the mask of its maker.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&thread_, &attributes, run, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        return fail(ErrorCode::exhausted, "no thread '" + name + "': " + std::strerror(error));
    is_running_ = true;
    pthread_setname_np(thread_, name.c_str());
    return {};
}

void* RealtimeThread::run(void* self) {
    touch_stack();
    static_cast<RealtimeThread*>(self)->body_();
    return nullptr;
}

void RealtimeThread::join() {
    if (!is_running_) return;
    pthread_join(thread_, nullptr);
    is_running_ = false;
}

}  // namespace trivet::announce
