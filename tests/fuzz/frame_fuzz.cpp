// What nodes send each other: the input is the type of a frame, and its body. No crash, and what
// decodes encodes to the same bytes.
#include <cstdint>
#include <string_view>

#include "core/assert.hpp"
#include "daemon/wire/frame.hpp"

using namespace trivet;
using namespace trivet::daemon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto frame = decode_frame(data[0], body);
    if (!frame) return 0;
    const std::string bytes = encode(*frame);
    const FrameHeader header = decode_header(std::string_view(bytes).substr(0, frame_header_bytes));
    TRIVET_ASSERT(header.type == data[0]);
    TRIVET_ASSERT(header.body_bytes == body.size());
    TRIVET_ASSERT(std::string_view(bytes).substr(frame_header_bytes) == body);
    return 0;
}
