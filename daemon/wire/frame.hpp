#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/raft/boot_history.hpp"
#include "core/raft/raft.hpp"
#include "core/result.hpp"

/// What nodes send each other over a TLS stream: frames, each with its length in front. A stream
/// carries them one way, from who dialled it to who accepted. The acceptor answers the hello and no
/// more: what it has to say, replies as well, goes over the stream that it dials itself.
namespace trivet::daemon {

constexpr std::uint32_t protocol_version_min = 1;
constexpr std::uint32_t protocol_version_max = 1;

constexpr std::size_t frame_header_bytes = 5;
// The largest entry of the log (16 MiB), with as many smaller ones as fit in one message beside it
// and a configuration of all members.
constexpr std::size_t frame_bytes_max = std::size_t{20} << 20;
// Before the peer is known it gets this much memory; a full boot history takes 2 KiB.
constexpr std::size_t hello_bytes_max = std::size_t{16} << 10;
constexpr std::size_t payload_bytes_max = std::size_t{16} << 20;  // what one entry may hold
constexpr std::size_t name_bytes_max = 253;                       // of a node, of a cluster
constexpr std::size_t reason_bytes_max = 4096;  // what a person reads; longer ones are cut

// The form of the first three is the same in all versions: they find out which one is spoken.

/// The first frame of who dials.
struct Hello {
    std::uint32_t version_min = protocol_version_min;
    std::uint32_t version_max = protocol_version_max;
    std::string cluster_id;
    raft::RaftId id;
    raft::RaftId to;  // whom it means to reach
    std::string node;
    std::string address;  // HOST:PORT where it listens: who does not know its members yet dials it
    raft::BootHistory boots;
};

/// The answer to Hello.
struct Welcome {
    std::uint32_t version = 0;
    raft::RaftId id;
    std::string node;
    raft::BootHistory boots;
};

/// Or this one; then the stream is closed.
struct Refusal {
    std::string reason;
};

struct RaftFrame {
    raft::Message message;
};

// What a node asks the leader for. `id` is the asker's, and stands in the Reply.

struct ProposeRequest {
    std::uint64_t id = 0;
    std::string payload;
};

struct ReadRequest {
    std::uint64_t id = 0;
};

struct ChangeRequest {
    std::uint64_t id = 0;
    raft::MembershipChange change;
};

struct TransferRequest {
    std::uint64_t id = 0;
    raft::RaftId to;
};

/// To each of these four.
struct Reply {
    std::uint64_t id = 0;
    LogIndex index;
    std::optional<Error> error = {};  // nullopt: it was done
};

using Frame = std::variant<Hello, Welcome, Refusal, RaftFrame, ProposeRequest, ReadRequest,
                           ChangeRequest, TransferRequest, Reply>;

/// With its header. Reasons and errors are cut at reason_bytes_max; names, payloads and messages
/// within their limits are the caller's duty, for no peer would read a longer one.
std::string encode(const Frame& frame);

struct FrameHeader {
    std::uint32_t body_bytes = 0;  // behind the header; compare it with the limit before reading on
    std::uint8_t type = 0;
};

/// `bytes` has frame_header_bytes.
FrameHeader decode_header(std::string_view bytes);
/// Errors: invalid_argument, for whatever encode() cannot have written, and what is wrong. Copies
/// nothing before it is known to be there.
Result<Frame> decode_frame(std::uint8_t type, std::string_view body);

struct VersionRange {
    std::uint32_t min = protocol_version_min;
    std::uint32_t max = protocol_version_max;
};

/// The highest that both speak; nullopt: none.
std::optional<std::uint32_t> common_version(VersionRange ours, VersionRange theirs);

}  // namespace trivet::daemon
