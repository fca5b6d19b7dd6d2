#include "dataplane/tc_filters.hpp"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "core/assert.hpp"

namespace trivet::dataplane {

namespace {

// First in line: a filter before ours that answers TC_ACT_OK would let packets past the gate.
constexpr std::uint32_t priority = 1;
// "tr", so that no other tool's handles, which count from 1, meet ours.
constexpr std::uint32_t handle_base = 0x74720000;
constexpr std::uint32_t made_qdisc_bit = 0x100;
constexpr std::size_t request_bytes_max = 512;  // a handful of attributes

const char* program_name(trivet_gate_direction direction) {
    return direction == TRIVET_GATE_INGRESS ? "trivet_ingress" : "trivet_egress";
}

const char* direction_name(trivet_gate_direction direction) {
    return direction == TRIVET_GATE_INGRESS ? "ingress" : "egress";
}

std::uint32_t parent_of(trivet_gate_direction direction) {
    const std::uint32_t minor =
        direction == TRIVET_GATE_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
    return TC_H_MAKE(TC_H_CLSACT, minor);
}

std::string interface_text(std::uint32_t ifindex) {
    char name[IF_NAMESIZE] = {};
    if (if_indextoname(ifindex, name) == nullptr) return "interface " + std::to_string(ifindex);
    return name;
}

void put_qdisc(NetlinkBatch& request, std::uint32_t ifindex) {
    auto& header = request.add_header<tcmsg>();
    header.tcm_family = AF_UNSPEC;
    header.tcm_ifindex = static_cast<int>(ifindex);
    header.tcm_parent = TC_H_CLSACT;
    header.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    request.put_text(TCA_KIND, "clsact");
}

struct FilterPlace {
    std::uint32_t ifindex;
    trivet_gate_direction direction;
    FilterMark mark;
};

void put_filter(NetlinkBatch& request, const FilterPlace& place) {
    auto& header = request.add_header<tcmsg>();
    header.tcm_family = AF_UNSPEC;
    header.tcm_ifindex = static_cast<int>(place.ifindex);
    header.tcm_parent = parent_of(place.direction);
    header.tcm_handle = filter_handle(place.mark);
    header.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
    request.put_text(TCA_KIND, "bpf");
}

/// The filter in a message of a dump, if it is one of ours.
std::optional<GateFilter> our_filter(const nlmsghdr& message, const tcmsg& header,
                                     trivet_gate_direction direction) {
    const auto mark = filter_mark(header.tcm_handle);
    const nlattr* options = find_attribute(message, sizeof(tcmsg), TCA_OPTIONS);
    if (!mark || TC_H_MAJ(header.tcm_info) >> 16 != priority || options == nullptr ||
        attribute_text(find_attribute(message, sizeof(tcmsg), TCA_KIND)) != "bpf" ||
        attribute_text(find_nested(*options, TCA_BPF_NAME)) != program_name(direction))
        return std::nullopt;
    const nlattr* id = find_nested(*options, TCA_BPF_ID);
    return GateFilter{.ifindex = static_cast<std::uint32_t>(header.tcm_ifindex),
                      .direction = direction,
                      .mark = *mark,
                      .program_id = id == nullptr ? 0 : mnl_attr_get_u32(id)};
}

}  // namespace

std::uint32_t filter_handle(FilterMark mark) {
    TRIVET_ASSERT(mark.slot < filter_slots_max);
    return handle_base | (mark.made_qdisc ? made_qdisc_bit : 0) | mark.slot;
}

std::optional<FilterMark> filter_mark(std::uint32_t handle) {
    const std::uint32_t rest = handle ^ handle_base;
    const std::uint32_t slot = rest & ~made_qdisc_bit;
    if (slot >= filter_slots_max) return std::nullopt;
    return FilterMark{.slot = slot, .made_qdisc = (rest & made_qdisc_bit) != 0};
}

Result<TcFilters> TcFilters::open() {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    if (!socket) return fail(socket.error());
    return TcFilters(std::move(*socket));
}

Result<TcFilters::Found> TcFilters::find(std::uint32_t ifindex, trivet_gate_direction direction) {
    NetlinkBatch request(request_bytes_max);
    request.add(RTM_GETTFILTER, 0);
    auto& header = request.add_header<tcmsg>();
    header.tcm_ifindex = static_cast<int>(ifindex);
    header.tcm_parent = parent_of(direction);
    Found found;
    const auto dumped = socket_.dump(request, [&](const nlmsghdr& message) {
        if (mnl_nlmsg_get_payload_len(&message) < sizeof(tcmsg)) return;
        const auto& filter = *static_cast<const tcmsg*>(mnl_nlmsg_get_payload(&message));
        // Handle 0 is the head of a priority's filters, which follow one by one.
        if (filter.tcm_handle == 0) return;
        if (auto ours = our_filter(message, filter, direction))
            found.ours.push_back(*ours);
        else
            ++found.others;
    });
    if (!dumped) return fail(dumped.error());
    return found;
}

Result<std::vector<GateFilter>> TcFilters::list(std::uint32_t ifindex) {
    std::vector<GateFilter> filters;
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        auto found = find(ifindex, direction);
        if (!found) return fail(found.error());
        filters.insert(filters.end(), found->ours.begin(), found->ours.end());
    }
    return filters;
}

Result<std::vector<GateFilter>> TcFilters::list_all() {
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> interfaces(
        if_nameindex(), if_freenameindex);
    if (interfaces == nullptr)
        return fail(ErrorCode::unavailable,
                    std::string("cannot list the interfaces: ") + std::strerror(errno));
    std::vector<GateFilter> filters;
    for (const auto* each = interfaces.get(); each->if_index != 0; ++each) {
        auto of_interface = list(each->if_index);
        if (!of_interface) return fail(of_interface.error());
        filters.insert(filters.end(), of_interface->begin(), of_interface->end());
    }
    return filters;
}

Result<bool> TcFilters::ensure_qdisc(std::uint32_t ifindex) {
    NetlinkBatch request(request_bytes_max);
    request.add(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
    put_qdisc(request, ifindex);
    request.acknowledge();
    const NetlinkAnswer answer = socket_.perform(request);
    if (answer.error == EEXIST) return false;
    if (!answer.ok())
        return fail(netlink_error("make the clsact qdisc of " + interface_text(ifindex), answer));
    return true;
}

Result<void> TcFilters::add(const NewFilter& filter) {
    NetlinkBatch request(request_bytes_max);
    request.add(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL);
    put_filter(request, {filter.ifindex, filter.direction, filter.mark});
    nlattr* options = request.begin_nested(TCA_OPTIONS);
    request.put_u32(TCA_BPF_FD, static_cast<std::uint32_t>(filter.program_fd));
    request.put_text(TCA_BPF_NAME, program_name(filter.direction));
    request.put_u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    request.end_nested(options);
    request.acknowledge();
    const NetlinkAnswer answer = socket_.perform(request);
    if (answer.ok()) return {};
    Error error = netlink_error("put the gate on " + interface_text(filter.ifindex) + ", " +
                                    direction_name(filter.direction),
                                answer);
    if (answer.error == EINVAL || answer.error == EEXIST) {
        error.code = ErrorCode::conflict;
        error.message +=
            "; it needs the clsact qdisc and, in it, priority 1 for BPF: see `tc qdisc show` and "
            "`tc filter show` whether an ingress qdisc or another filter has that place, and move "
            "it";
    }
    return fail(std::move(error));
}

Result<void> TcFilters::remove(const GateFilter& filter) {
    NetlinkBatch request(request_bytes_max);
    request.add(RTM_DELTFILTER, 0);
    put_filter(request, {filter.ifindex, filter.direction, filter.mark});
    request.acknowledge();
    const NetlinkAnswer answer = socket_.perform(request);
    // Without the qdisc (EINVAL) or the interface there is no filter either.
    if (answer.ok() || answer.error == ENOENT || answer.error == ENODEV || answer.error == EINVAL)
        return {};
    return fail(netlink_error("take the gate off " + interface_text(filter.ifindex), answer));
}

Result<void> TcFilters::remove_unused_qdisc(std::uint32_t ifindex) {
    for (const auto direction : {TRIVET_GATE_INGRESS, TRIVET_GATE_EGRESS}) {
        const auto found = find(ifindex, direction);
        if (!found) return fail(found.error());
        if (!found->ours.empty() || found->others != 0) return {};
    }
    NetlinkBatch request(request_bytes_max);
    request.add(RTM_DELQDISC, 0);
    put_qdisc(request, ifindex);
    request.acknowledge();
    const NetlinkAnswer answer = socket_.perform(request);
    if (answer.ok() || answer.error == ENOENT || answer.error == ENODEV || answer.error == EINVAL)
        return {};
    return fail(netlink_error("take the clsact qdisc off " + interface_text(ifindex), answer));
}

}  // namespace trivet::dataplane
