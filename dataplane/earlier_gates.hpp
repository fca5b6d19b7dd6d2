#pragma once
#include <cstdint>
#include <vector>

#include "core/result.hpp"
#include "dataplane/gate.hpp"
#include "dataplane/nft_tables.hpp"
#include "dataplane/tc_filters.hpp"

namespace trivet::dataplane {

/// The gates of either kind that earlier processes left in this network namespace. They are found
/// by what is attached to the interfaces, so that neither a file nor a mounted bpffs is needed.
/// Owned by the gate that takes their place; not thread-safe.
class EarlierGates {
public:
    /// Finds them and closes them (H1). Closing those of BPF takes CAP_SYS_ADMIN, without which
    /// their maps cannot be opened; then `warning` says that they close at their own deadlines.
    /// Errors: as netlink_error.
    static Result<EarlierGates> find_and_close();

    std::size_t count() const;
    const std::string& warning() const { return warning_; }
    /// A slot that none of them has. Errors: exhausted.
    Result<std::uint32_t> free_slot() const;
    /// Takes them away; the qdiscs stay.
    Result<void> remove();

private:
    EarlierGates(TcFilters tc, NftTables nft) : tc_(std::move(tc)), nft_(std::move(nft)) {}
    Result<void> close();

    TcFilters tc_;
    NftTables nft_;
    std::vector<GateFilter> filters_;
    std::vector<std::uint32_t> tables_;
    std::string warning_;
};

}  // namespace trivet::dataplane
