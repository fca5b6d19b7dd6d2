#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/model/objects.hpp"

namespace trivet::cloud {

struct WatchEvent {
    enum class Type : std::uint8_t { added, modified, deleted, bookmark, error };

    Type type = Type::added;
    nlohmann::json object;  // of error: a Status
};

/// Cuts the body of a watch into events: JSON objects, one a line, in chunks that end anywhere.
/// After an error the stream is of no use. One reflector owns it.
class WatchStream {
public:
    /// An object has at most 1.5 MiB in etcd; JSON and the event around it make it no larger than
    /// this. It bounds what an event may hold of our memory.
    static constexpr std::size_t event_bytes_max = 3u << 20;

    void feed(std::string_view bytes);
    /// The next whole event; nullopt: the rest has not arrived. Types that newer servers may add
    /// are passed over. Errors: invalid_argument, no JSON or no event; too_large.
    Result<std::optional<WatchEvent>> next();
    void reset();

private:
    Result<std::optional<WatchEvent>> decode(std::string_view line);

    std::string received_;
    std::size_t begin_ = 0;    // of what next() has not looked at
    std::size_t scanned_ = 0;  // no newline between begin_ and here
};

}  // namespace trivet::cloud
