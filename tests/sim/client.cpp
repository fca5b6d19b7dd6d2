#include "tests/sim/client.hpp"

namespace trivet::sim {

using std::chrono::milliseconds;

void Client::start() { next(); }

void Client::next() {
    if (is_stopped_) return;
    Random& random = around_.world.random();
    ++number_;
    is_write_ = random.chance(0.6);
    command_ = {name_, number_, static_cast<std::uint32_t>(random.below(around_.profile.keys)),
                is_write_ ? around_.new_token() : 0};
    History::Call call;
    call.key = command_.key;
    call.is_write = is_write_;
    call.token = command_.token;
    call.began = around_.world.now();
    call_ = around_.history.begin(std::move(call));
    attempt(number_);
}

void Client::attempt(std::uint64_t number) {
    if (number != number_ || finished_ == number) return;
    const std::uint64_t attempt = ++attempt_;
    const auto back = [this, number](auto reply) {
        around_.answer([this, number, reply = std::move(reply)] {
            if (const auto* refused = std::get_if<NotLeader>(&reply))
                return again(number, refused->leader);
            if (std::holds_alternative<Unknown>(reply)) return again(number, {});
            if constexpr (std::is_same_v<std::decay_t<decltype(reply)>, ReadReply>)
                on_answer(number, std::get<TokenList>(reply));
            else
                on_answer(number, {});
        });
    };
    around_.call(target_, [this, command = command_, is_write = is_write_, back](Node& node) {
        if (!node.is_up()) return;
        if (is_write)
            node.write(command, [back](WriteReply reply) { back(std::move(reply)); });
        else
            node.read(command.key, [back](ReadReply reply) { back(std::move(reply)); });
    });
    around_.world.in(around_.world.random().between(milliseconds{100}, milliseconds{500}),
                     [this, number, attempt] {
                         if (attempt == attempt_) again(number, {});
                     });
}

void Client::again(std::uint64_t number, raft::RaftId leader) {
    if (number != number_ || finished_ == number) return;
    const auto place = around_.place_of(leader);
    target_ = place ? *place : around_.world.random().below(around_.nodes());
    ++attempt_;  // the timeout of the last one counts no more
    around_.world.in(around_.world.random().between(milliseconds{2}, milliseconds{25}),
                     [this, number] { attempt(number); });
}

void Client::on_answer(std::uint64_t number, TokenList seen) {
    if (number != number_ || finished_ == number) return;
    finished_ = number;
    around_.history.end(call_, around_.world.now(), std::move(seen));
    around_.world.in(around_.world.random().between(milliseconds{1}, around_.profile.client_pause),
                     [this] { next(); });
}

}  // namespace trivet::sim
