#pragma once
#include <functional>
#include <libmnl/libmnl.h>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "announce/link_table.hpp"
#include "announce/log_limit.hpp"
#include "core/result.hpp"

namespace trivet::announce {

/// Keeps a LinkTable in step with the kernel (rtnetlink): joins the groups, then reads everything
/// once, then follows the events; after an overrun it reads everything again. Not thread-safe:
/// everything happens on the executor's one thread.
class LinkMonitor : public std::enable_shared_from_this<LinkMonitor> {
public:
    struct Handlers {
        /// After each burst of events, and when everything has been read. Not before the first
        /// reading is complete.
        std::function<void()> on_events;
        Log log;
    };

    /// `table` must live until close(). Errors: unavailable.
    static Result<std::shared_ptr<LinkMonitor>> open(boost::asio::any_io_executor executor,
                                                     LinkTable& table, Handlers handlers);
    bool is_synced() const { return synced_; }
    /// Tries again what failed; to be called about once a second.
    void on_tick();
    /// No handler is called after this. Idempotent.
    void close();

    LinkMonitor(boost::asio::any_io_executor executor, mnl_socket* socket, LinkTable& table,
                Handlers handlers);
    ~LinkMonitor();
    LinkMonitor(const LinkMonitor&) = delete;
    LinkMonitor& operator=(const LinkMonitor&) = delete;

private:
    enum class Received { something, nothing };

    static boost::asio::awaitable<void> run(std::shared_ptr<LinkMonitor> self);
    Received receive();
    void on_message(const nlmsghdr& message, std::span<const std::byte> bytes);
    void resync();
    void request_next_dump();
    void end_dump(const nlmsghdr& message);
    void give_up(std::string_view reason);

    boost::asio::posix::stream_descriptor descriptor_;
    mnl_socket* socket_;
    LinkTable& table_;
    Handlers handlers_;
    std::vector<std::byte> buffer_;
    std::size_t next_dump_ = 0;  // which of the tables is being read; past the end: none
    unsigned sequence_ = 0;
    bool restart_ = false;  // read all again once the present dump has ended
    bool synced_ = false;
    LogLimit overrun_log_;
};

}  // namespace trivet::announce
