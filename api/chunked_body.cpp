#include "api/chunked_body.hpp"

#include <algorithm>

#include "api/http_text.hpp"

namespace trivet::api {

namespace {

constexpr std::size_t size_digits_max = 8;  // 4 GiB, far above any body limit; leading zeros count

auto refuse(std::string detail, unsigned status = 400) {
    return tl::unexpected(Refusal{status, std::move(detail)});
}

}  // namespace

Result<std::size_t, Refusal> ChunkedBody::on_bytes(std::string_view received, std::string& body) {
    std::size_t used = 0;
    while (used < received.size() && state_ != State::done) {
        if (state_ == State::data) {
            const auto size = std::min(chunk_, received.size() - used);
            body.append(received.substr(used, size));
            used += size;
            chunk_ -= size;
            if (chunk_ == 0) state_ = State::data_cr;
            continue;
        }
        if (auto taken = on_byte(received[used]); !taken)
            return tl::unexpected(std::move(taken).error());
        ++used;
    }
    return used;
}

Result<void, Refusal> ChunkedBody::on_byte(char c) {
    const auto expect = [&](char wanted, State next) -> Result<void, Refusal> {
        if (c != wanted) return refuse("a chunk does not end with CR LF where its size says");
        state_ = next;
        return {};
    };
    switch (state_) {
        case State::size:
            return on_size(c);
        case State::size_lf:
            size_digits_ = 0;
            return expect('\n', chunk_ == 0 ? State::last_cr : State::data);
        case State::data_cr:
            return expect('\r', State::data_lf);
        case State::data_lf:
            return expect('\n', State::size);
        case State::last_cr:
            if (c != '\r') return refuse("trailer fields are not taken");
            return expect('\r', State::last_lf);
        case State::last_lf:
            return expect('\n', State::done);
        case State::data:
        case State::done:
            break;
    }
    return refuse("data after the last chunk");  // on_bytes() keeps these two from getting here
}

Result<void, Refusal> ChunkedBody::on_size(char c) {
    if (c == '\r' && size_digits_ > 0) {
        if (chunk_ > body_bytes_ - received_)
            return refuse(
                "the body may have " + std::to_string(body_bytes_) + " bytes; send less at a time",
                413);
        received_ += chunk_;
        state_ = State::size_lf;
        return {};
    }
    if (c == ';' || is_space(c)) return refuse("chunk extensions are not taken");
    if (!is_hex_digit(c)) return refuse("the size of a chunk is not a hexadecimal number");
    if (++size_digits_ > size_digits_max) return refuse("the size of a chunk has too many digits");
    chunk_ = chunk_ * 16 + hex_value(c);
    return {};
}

}  // namespace trivet::api
