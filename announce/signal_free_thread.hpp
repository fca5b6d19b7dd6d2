#pragma once
#include <csignal>
#include <functional>
#include <pthread.h>
#include <thread>

namespace trivet::announce {

/// A thread that no signal is delivered to: signals are the main thread's, and a thread takes over
/// the mask of its maker. `name` has at most 15 characters.
inline std::thread start_signal_free_thread(const char* name, std::function<void()> run) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread([name, run = std::move(run)] {
        pthread_setname_np(pthread_self(), name);
        run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace trivet::announce
