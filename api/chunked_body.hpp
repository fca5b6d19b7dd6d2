#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/request_check.hpp"

namespace trivet::api {

/// Takes a chunked body apart (RFC 9112 section 7.1), strictly: no chunk extensions, no trailer
/// fields, no bare LF. Our own because Beast 1.81 reads extensions of any length, and adds trailer
/// fields to the header fields that were checked before. Pure; one per request.
class ChunkedBody {
public:
    explicit ChunkedBody(std::size_t body_bytes) : body_bytes_(body_bytes) {}

    /// Appends the data in `received` to `body`, and returns how many bytes it used: all, unless
    /// the body ended. Errors: 400, malformed; 413, more than `body_bytes`.
    Result<std::size_t, Refusal> on_bytes(std::string_view received, std::string& body);
    bool done() const { return state_ == State::done; }

private:
    enum class State : std::uint8_t {
        size,
        size_lf,
        data,
        data_cr,
        data_lf,
        last_cr,
        last_lf,
        done
    };

    Result<void, Refusal> on_byte(char c);
    Result<void, Refusal> on_size(char c);

    std::size_t body_bytes_;
    std::size_t received_ = 0;  // data in the chunks so far, this one included
    std::size_t chunk_ = 0;     // what is left of this chunk
    std::size_t size_digits_ = 0;
    State state_ = State::size;
};

}  // namespace trivet::api
