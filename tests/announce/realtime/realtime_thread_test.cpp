#include "announce/realtime/realtime_thread.hpp"

#include <cap-ng.h>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace trivet::announce {

namespace {

TEST(RealtimeThread, HasItsNameItsSmallStackAndNoSignals) {
    RealtimeThread thread;
    std::string name(16, '\0');
    std::size_t stack = 0;
    bool is_blocked = false;
    ASSERT_TRUE(thread.start("lbd-test", [&] {
        pthread_attr_t attributes;
        pthread_getattr_np(pthread_self(), &attributes);
        pthread_attr_getstacksize(&attributes, &stack);
        pthread_attr_destroy(&attributes);
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        is_blocked = sigismember(&mask, SIGTERM) == 1;
        // The maker names it, perhaps a moment after it began.
        while (pthread_getname_np(pthread_self(), name.data(), name.size()) != 0 ||
               std::string(name.c_str()) != "lbd-test")
            std::this_thread::yield();
    }));
    thread.join();
    EXPECT_TRUE(is_blocked);
    EXPECT_LE(stack, 4 * RealtimeThread::stack_bytes);  // the sanitizers add to it
    EXPECT_TRUE(thread.start("lbd-again", [] {}));
}

/// Runs `call` on a thread that has lost all rights; those of the process stay.
void without_rights(const std::function<void()>& call) {
    std::thread thread([&] {
        capng_clear(CAPNG_SELECT_CAPS);
        ASSERT_EQ(capng_apply(CAPNG_SELECT_CAPS), 0);
        call();
    });
    thread.join();
}

/// A limit of this process, lowered as long as it lives.
class LoweredLimit {
public:
    LoweredLimit(__rlimit_resource which, rlim_t to) : which_(which) {
        EXPECT_EQ(::getrlimit(which_, &before_), 0);
        const rlimit lowered{.rlim_cur = to, .rlim_max = before_.rlim_max};
        EXPECT_EQ(::setrlimit(which_, &lowered), 0);
    }
    ~LoweredLimit() { EXPECT_EQ(::setrlimit(which_, &before_), 0); }
    LoweredLimit(const LoweredLimit&) = delete;
    LoweredLimit& operator=(const LoweredLimit&) = delete;

private:
    __rlimit_resource which_;
    rlimit before_{};
};

TEST(RealtimeThread, WhoMayNotIsToldWhatToDo) {
    const LoweredLimit nobody_may(RLIMIT_RTPRIO, 0);
    without_rights([] {
        const auto realtime = become_realtime({.who = "a thread", .otherwise = "it waits"});
        ASSERT_FALSE(realtime);
        EXPECT_EQ(realtime.error().code, ErrorCode::not_allowed);
        EXPECT_NE(realtime.error().message.find("LimitRTPRIO=10"), std::string::npos);
    });
}

TEST(RealtimeThread, MemoryIsNotLockedWhereThatWouldEndAtALimit) {
    const LoweredLimit little(RLIMIT_MEMLOCK, 65536);
    without_rights([] {
        const auto locked = lock_memory();
        ASSERT_FALSE(locked);
        EXPECT_EQ(locked.error().code, ErrorCode::not_allowed);
        EXPECT_NE(locked.error().message.find("LimitMEMLOCK=infinity"), std::string::npos);
    });
}

}  // namespace

}  // namespace trivet::announce
