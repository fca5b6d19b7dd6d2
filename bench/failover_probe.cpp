// Asks a VIP all the time, as clients would: by UDP every millisecond, by a new TCP connection
// every 10 ms, over IPv4 and IPv6 at once; bench/failover_responder.cpp answers with the node's
// number. Prints "ready N" once node N alone has answered everything for 100 ms, and at the end one
// JSON object with what was lost before the fault, from fault to heal, and after. --records takes
// every probe: 24 bytes each, {sent, answered (u64, ns of CLOCK_BOOTTIME), stream, node, 6 of
// padding}.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bench/answer_gaps.hpp"
#include "bench/boot_time.hpp"
#include "bench/run_marks.hpp"
#include "bench/socket_address.hpp"

namespace {

using namespace trivet::bench;

constexpr std::int64_t tick_ns = 1 * milliseconds_to_ns;
constexpr unsigned ticks_a_connection = 10;
constexpr std::int64_t steady_ns = 100 * milliseconds_to_ns;  // until "ready"
// Below the second after which TCP repeats a SYN: a connection that needed that is a lost one.
constexpr std::int64_t connection_ns_max = 800 * milliseconds_to_ns;
constexpr std::int64_t drain_ns_max = 300 * milliseconds_to_ns;  // for answers after the last probe
constexpr unsigned seconds_limit = 600;

enum Stream : std::uint8_t { udp4, udp6, tcp4, tcp6, streams };
constexpr std::array<const char*, streams> stream_names{"udp4", "udp6", "tcp4", "tcp6"};

struct Options {
    std::string v4, v6, records;
    std::uint16_t port = 0;
    unsigned seconds_max = 60;
};

struct Question {  // a UDP probe; the answer is the same with the node's number behind it
    std::uint32_t run, number;
};

class Prober {
public:
    explicit Prober(const Options& options)
        : options_(options),
          targets_{SocketAddress(options.v4, options.port),
                   SocketAddress(options.v6, options.port)} {
        watch(STDIN_FILENO, stdin_key);
        timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        watch(timer_, timer_key);
        for (const std::uint8_t stream : {udp4, udp6}) {
            udp_[stream] =
                ::socket(targets_[stream].family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            if (!ask_for_timestamps(udp_[stream]))
                throw std::runtime_error("the kernel does not stamp packets");
            watch(udp_[stream], stream);
        }
    }

    void run() {
        const itimerspec every{.it_interval = {.tv_sec = 0, .tv_nsec = tick_ns},
                               .it_value = {.tv_sec = 0, .tv_nsec = 1}};
        ::timerfd_settime(timer_, 0, &every, nullptr);
        const std::int64_t begin = boot_now();
        while (!marks_.ended() && boot_now() - begin < options_.seconds_max * 1000 * tick_ns)
            wait(-1);
        const std::int64_t stopped = boot_now();
        ::close(timer_);  // no more questions
        while (all_lost() > 0 && boot_now() - stopped < drain_ns_max) wait(10);
        ended_ = boot_now();
    }

    nlohmann::json report() const {
        const std::int64_t fault = marks_.fault() ? marks_.fault() : ended_;
        const std::int64_t heal = marks_.heal() ? marks_.heal() : ended_;
        nlohmann::json result{{"stall_ms", to_milliseconds(stall_)}};
        for (std::uint8_t stream = 0; stream < streams; ++stream)
            result[stream_names[stream]] = {
                {"before", describe(stream, {.from = 0, .until = fault})},
                {"fault", describe(stream, {.from = fault, .until = heal})},
                {"after", describe(stream, {.from = heal, .until = ended_})}};
        return result;
    }

    void write_records() const {
        if (options_.records.empty()) return;
        std::ofstream file(options_.records, std::ios::binary);
        for (std::uint8_t stream = 0; stream < streams; ++stream)
            for (const Probe& probe : probes_[stream]) {
                std::array<char, 24> record{};
                std::memcpy(record.data(), &probe.sent, 8);
                std::memcpy(record.data() + 8, &probe.answered, 8);
                std::memcpy(record.data() + 16, &stream, 1);
                std::memcpy(record.data() + 17, &probe.node, 1);
                file.write(record.data(), record.size());
            }
        if (!file.flush()) throw std::runtime_error(options_.records + " could not be written");
    }

private:
    static constexpr std::uint64_t stdin_key = 100, timer_key = 101, connection_keys = 1000;

    struct Connection {
        int socket = -1;
        std::uint8_t stream = 0;
        std::size_t probe = 0;
    };

    void watch(int file, std::uint64_t key) const {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = key}};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, file, &event) != 0)
            throw std::runtime_error(std::string("epoll: ") + std::strerror(errno));
    }

    void wait(int timeout_ms) {
        std::array<epoll_event, 64> events;
        const int ready = ::epoll_wait(epoll_, events.data(), events.size(), timeout_ms);
        for (int i = 0; i < ready; ++i) {
            const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
            if (key == stdin_key) {
                marks_.read();
                if (marks_.ended()) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
            } else if (key == timer_key) {
                on_tick();
            } else if (key >= connection_keys) {
                on_connection(key - connection_keys);
            } else {
                on_answers(static_cast<std::uint8_t>(key));
            }
        }
    }

    void on_tick() {
        std::uint64_t ticks = 0;
        if (::read(timer_, &ticks, sizeof ticks) != sizeof ticks) return;
        // Ticks that this program slept through are not made up for: a burst tells nothing.
        const std::int64_t now = boot_now();
        if (last_tick_ != 0) stall_ = std::max(stall_, now - last_tick_ - tick_ns);
        last_tick_ = now;
        ask_datagram(udp4);
        ask_datagram(udp6);
        const std::uint64_t before = ticks_;
        ticks_ += ticks;
        if (before / ticks_a_connection != ticks_ / ticks_a_connection) {
            connect(tcp4);
            connect(tcp6);
            close_old(now);
        }
        tell_when_steady(now);
    }

    void ask_datagram(std::uint8_t stream) {
        const Question question{.run = run_,
                                .number = static_cast<std::uint32_t>(probes_[stream].size())};
        probes_[stream].push_back({.sent = boot_now()});
        const SocketAddress& target = targets_[stream];
        // An error (no neighbour, no route) is the outage that is measured: no answer follows.
        [[maybe_unused]] const ssize_t sent =
            ::sendto(udp_[stream], &question, sizeof question, 0, target.get(), target.size());
    }

    void on_answers(std::uint8_t stream) {
        for (;;) {
            std::array<std::uint8_t, sizeof(Question) + 1> bytes;
            Question question{};
            const auto [count, at] = receive(udp_[stream], bytes.data(), bytes.size());
            if (count < 0 && errno != ECONNREFUSED && errno != EHOSTUNREACH) return;
            if (count != static_cast<ssize_t>(bytes.size())) continue;
            std::memcpy(&question, bytes.data(), sizeof question);
            if (question.run == run_ && question.number < probes_[stream].size())
                note(stream, question.number, at, bytes.back());
        }
    }

    void connect(std::uint8_t stream) {
        const SocketAddress& target = targets_[stream - tcp4];
        probes_[stream].push_back({.sent = boot_now()});
        const int socket = ::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ask_for_timestamps(socket);
        const linger reset{.l_onoff = 1, .l_linger = 0};  // no TIME_WAIT: ports would run out
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (::connect(socket, target.get(), target.size()) != 0 && errno != EINPROGRESS) {
            ::close(socket);  // lost
            return;
        }
        connections_.push_back(
            {.socket = socket, .stream = stream, .probe = probes_[stream].size() - 1});
        watch(socket, connection_keys + connections_.size() - 1);
    }

    void on_connection(std::size_t index) {
        Connection& connection = connections_[index];
        if (connection.socket < 0) return;  // closed since it was reported
        std::uint8_t node = 0;
        const auto [count, at] = receive(connection.socket, &node, 1);
        if (count < 0 && errno == EAGAIN) return;
        if (count == 1) note(connection.stream, connection.probe, at, node);
        ::close(connection.socket);  // answered, or refused: lost
        connection.socket = -1;
    }

    void close_old(std::int64_t now) {
        for (; oldest_open_ < connections_.size(); ++oldest_open_) {
            Connection& connection = connections_[oldest_open_];
            if (connection.socket < 0) continue;
            if (now - probes_[connection.stream][connection.probe].sent < connection_ns_max) return;
            ::close(connection.socket);
            connection.socket = -1;
        }
    }

    static std::pair<ssize_t, std::int64_t> receive(int socket, std::uint8_t* bytes,
                                                    std::size_t size) {
        alignas(cmsghdr) std::array<char, 128> control;
        iovec buffer{.iov_base = bytes, .iov_len = size};
        msghdr message{};
        message.msg_iov = &buffer;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t count = ::recvmsg(socket, &message, MSG_DONTWAIT);
        const int reason = errno;
        const std::int64_t at = count < 0 ? 0 : received_at(message);
        errno = reason;
        return {count, at};
    }

    void note(std::uint8_t stream, std::size_t number, std::int64_t at, std::uint8_t node) {
        Probe& probe = probes_[stream][number];
        if (probe.answered != 0) return;
        probe.answered = std::max(at, probe.sent);
        probe.node = node;
    }

    void tell_when_steady(std::int64_t now) {
        if (ready_told_ || ticks_ % ticks_a_connection != 0) return;
        std::set<std::uint8_t> nodes;
        for (const auto& probes : probes_) {
            if (probes.empty() || now - probes.front().sent < steady_ns) return;
            for (std::size_t i = probes.size(); i-- > 0 && now - probes[i].sent < steady_ns;) {
                if (now - probes[i].sent < steady_ns / 10) continue;  // may still be answered
                nodes.insert(probes[i].node);                         // 0: not answered
            }
        }
        if (nodes.size() != 1 || nodes.contains(0)) return;
        std::printf("ready %d\n", *nodes.begin());
        std::fflush(stdout);
        ready_told_ = true;
    }

    std::uint64_t all_lost() const {
        std::uint64_t lost = 0;
        for (const auto& probes : probes_)
            for (const Probe& probe : probes)
                lost += probe.answered == 0 && boot_now() - probe.sent < connection_ns_max;
        return lost;
    }

    nlohmann::json describe(std::uint8_t stream, Phase phase) const {
        const PhaseAnswers answers = answers_in(probes_[stream], phase, ended_);
        return {{"sent", answers.sent},
                {"lost", answers.lost},
                {"outage_ms", to_milliseconds(answers.wait_max)},
                {"outage_from", answers.wait_from},
                {"open", answers.open},
                {"last_node", answers.last_node}};
    }

    Options options_;
    std::array<SocketAddress, 2> targets_;
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC), timer_ = -1;
    std::array<int, 2> udp_{};
    std::array<std::vector<Probe>, streams> probes_;
    std::vector<Connection> connections_;
    std::size_t oldest_open_ = 0;
    RunMarks marks_;
    std::uint32_t run_ = static_cast<std::uint32_t>(::getpid());
    std::uint64_t ticks_ = 0;
    std::int64_t last_tick_ = 0, stall_ = 0, ended_ = 0;
    bool ready_told_ = false;
};

}  // namespace

int main(int count, char** arguments) {
    Options options;
    CLI::App app("Asks a VIP all the time and tells when nobody answered");
    app.add_option("--v4", options.v4, "the VIP's IPv4 address")->required();
    app.add_option("--v6", options.v6, "the VIP's IPv6 address")->required();
    app.add_option("--port", options.port, "of the responders, UDP and TCP")->required();
    app.add_option("--records", options.records, "a file for every probe");
    app.add_option("--seconds-max", options.seconds_max, "ends by itself then")
        ->check(CLI::Range(1U, seconds_limit));
    CLI11_PARSE(app, count, arguments);
    try {
        Prober prober(options);
        prober.run();
        prober.write_records();
        std::printf("%s\n", prober.report().dump().c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "failover_probe: %s\n", error.what());
        return 1;
    }
}
