#pragma once
#include <atomic>
#include <bitset>
#include <map>
#include <memory>
#include <mutex>

#include "dataplane/earlier_gates.hpp"
#include "dataplane/gate.hpp"
#include "dataplane/nft_batch.hpp"
#include "dataplane/nft_ruleset.hpp"
#include "dataplane/nft_tables.hpp"

namespace trivet::dataplane {

/// The gate as a table of nftables at netdev ingress and egress (packet sockets skip arp and output
/// hooks), for where BPF is refused. A group is open while an element with a timeout names it; all
/// its VIPs follow. The kernel counts a timeout in ticks that stop during suspension, from the
/// moment at which it takes the element: docs/internals/gate.md says what that costs.
/// Thread rule: see Gate.
class NftGate final : public Gate {
public:
    /// `earlier` is moved from only on success. Errors: not_allowed; unavailable, the kernel lacks
    /// nftables or its egress hook.
    static Result<std::unique_ptr<Gate>> open(EarlierGates& earlier, const Callbacks& callbacks,
                                              std::string why_not_bpf);
    NftGate(const NftGate&) = delete;
    NftGate& operator=(const NftGate&) = delete;
    ~NftGate() override;

    Result<void> attach(std::uint32_t ifindex) override;
    Result<void> detach(std::uint32_t ifindex) override;
    Result<void> replace_earlier() override;
    Result<void> set_vips(std::span<const VipGroup> vips) override;
    Result<void> erase_vips(std::span<const IpAddress> addresses) override;
    bool set_deadlines(std::span<const GroupDeadlines> groups) noexcept override;
    GateStatus describe() const override;
    GateCounters counters() const override;
    Result<void> remove() override;

private:
    NftGate(NftTables tables, NetlinkSocket socket, std::uint32_t slot, std::string why_not_bpf);
    Result<void> make_table();
    Result<void> prove();
    Result<void> perform(NftBatch& batch, const std::string& what);
    Result<void> put_vips(std::span<const VipGroup> vips);
    void put_verdicts(NftBatch::Change change, const std::map<IpAddress, GateGroup>& vips);
    void put_claims(NftBatch::Change change, const std::map<IpAddress, GateGroup>& vips);

    enum class Renewal : std::uint8_t { done, stalled, refused };
    Renewal renew(std::span<const GroupDeadlines> groups) noexcept;
    Renewal send_renewal(Instant started) noexcept;
    void close_groups(std::span<const GroupDeadlines> groups) noexcept;
    struct Renewed {
        nft::Right right;
        GateGroup group;
        Instant until;
    };
    void put_right(const Renewed& renewed, Instant& sent, Instant now) noexcept;
    void put_closed(nft::Right right, GateGroup group) noexcept;

    NftTables tables_;
    NetlinkSocket socket_;
    std::uint32_t slot_;
    std::string table_;
    std::string why_not_bpf_;
    Duration tick_;
    NftBatch renewal_;
    NftBatch bulk_;
    std::array<GateDeadlines, groups_max> sent_{};  // what the kernel's elements stand for
    std::map<IpAddress, GateGroup> vips_;           // an element has to be removed to be changed
    std::bitset<groups_max> groups_made_;           // whose chains the table has
    std::atomic<std::uint64_t> late_renewals_ = 0;
    std::atomic<int> renewal_error_ = 0;  // errno of the last renewal that failed
    bool removed_ = false;

    mutable std::mutex mutex_;  // what describe() reads while the lease thread attaches
    std::map<std::uint32_t, std::string> attached_;
    std::optional<EarlierGates> earlier_;
};

}  // namespace trivet::dataplane
