#include "daemon/lease/realtime_thread.hpp"

#include <cap-ng.h>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace trivet::daemon {

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

TEST(RealtimeThread, WhoMayNotIsToldWhatToDo) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_RTPRIO, &limit), 0);
    if (limit.rlim_cur != 0) GTEST_SKIP() << "everybody may, here";
    without_rights([] {
        const auto realtime = become_realtime();
        ASSERT_FALSE(realtime);
        EXPECT_EQ(realtime.error().code, ErrorCode::not_allowed);
        EXPECT_NE(realtime.error().message.find("LimitRTPRIO=10"), std::string::npos);
    });
}

TEST(RealtimeThread, MemoryIsNotLockedWhereThatWouldEndAtALimit) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (limit.rlim_cur == RLIM_INFINITY) GTEST_SKIP() << "there is no limit, here";
    without_rights([] {
        const auto locked = lock_memory();
        ASSERT_FALSE(locked);
        EXPECT_EQ(locked.error().code, ErrorCode::not_allowed);
        EXPECT_NE(locked.error().message.find("LimitMEMLOCK=infinity"), std::string::npos);
    });
}

}  // namespace

}  // namespace trivet::daemon
