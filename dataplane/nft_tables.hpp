#pragma once
#include <cstdint>
#include <vector>

#include "core/result.hpp"
#include "dataplane/gate.hpp"
#include "dataplane/nft_batch.hpp"

namespace trivet::dataplane {

/// The gate's tables in nftables of this network namespace: finding, closing, counting, removing.
/// Not thread-safe.
class NftTables {
public:
    /// Errors: as netlink_error.
    static Result<NftTables> open();

    /// The slots of our tables; none where the kernel has no nftables.
    Result<std::vector<std::uint32_t>> slots();
    Result<void> close(std::uint32_t slot);
    /// One that is gone already is no error.
    Result<void> remove(std::uint32_t slot);
    Result<bool> has_chain(std::uint32_t slot, const std::string& chain);
    Result<GateCounters> counters(std::uint32_t slot);

private:
    explicit NftTables(NetlinkSocket socket) : socket_(std::move(socket)) {}
    Result<void> perform(NftBatch& batch, const char* what);

    NetlinkSocket socket_;
};

}  // namespace trivet::dataplane
