#include "daemon/lease/lease_events.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

namespace trivet::daemon {

namespace asio = boost::asio;

/// Outlives the reader as long as a wait is under way.
struct LeaseEventReader::State {
    State(const asio::any_io_executor& executor, std::shared_ptr<LeaseEventPipe> from, Callbacks to)
        : pipe(std::move(from)),
          callbacks(std::move(to)),
          descriptor(executor, pipe->descriptor()) {}
    // The descriptor stays the pipe's, which closes it.
    ~State() {
        if (descriptor.is_open()) descriptor.release();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    std::shared_ptr<LeaseEventPipe> pipe;
    Callbacks callbacks;
    asio::posix::stream_descriptor descriptor;
    bool is_stopped = false;
};

LeaseEventReader::LeaseEventReader(const asio::any_io_executor& executor,
                                   std::shared_ptr<LeaseEventPipe> pipe, Callbacks callbacks)
    : state_(std::make_shared<State>(executor, std::move(pipe), std::move(callbacks))) {
    wait(state_);
}

LeaseEventReader::~LeaseEventReader() { stop(); }

void LeaseEventReader::stop() {
    if (std::exchange(state_->is_stopped, true)) return;
    state_->descriptor.release();  // ends the wait
}

void LeaseEventReader::wait(const std::shared_ptr<State>& state) {
    state->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                 [state](boost::system::error_code error) {
                                     if (error || state->is_stopped) return;
                                     state->pipe->clear();
                                     if (state->callbacks.on_wake) state->callbacks.on_wake();
                                     while (!state->is_stopped) {
                                         const std::optional<LeaseEvent> event = state->pipe->pop();
                                         if (!event) break;
                                         state->callbacks.on_event(*event);
                                     }
                                     if (!state->is_stopped) wait(state);
                                 });
}

}  // namespace trivet::daemon
