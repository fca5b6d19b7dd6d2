// A snapshot of the state: the input as it is, and with the checksum that a fuzzer cannot guess. No
// crash, and what decodes encodes to the same bytes.
#include <cstdint>
#include <openssl/sha.h>
#include <string>
#include <string_view>

#include "core/assert.hpp"
#include "core/state_snapshot.hpp"

namespace {

void check(std::string_view bytes) {
    const auto rows = trivet::decode_snapshot(bytes);
    if (!rows) return;
    TRIVET_ASSERT(trivet::encode_snapshot(*rows) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string bytes(reinterpret_cast<const char*>(data), size);
    check(bytes);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(data, size, digest);
    bytes.append(reinterpret_cast<const char*>(digest), sizeof digest);
    check(bytes);
    return 0;
}
