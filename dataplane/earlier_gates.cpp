#include "dataplane/earlier_gates.hpp"

#include <bpf/bpf.h>
#include <cerrno>
#include <cstring>
#include <set>

#include "dataplane/file_descriptor.hpp"

namespace trivet::dataplane {

namespace {

// The gate's program has four; a later version may have some more.
constexpr std::size_t program_maps_max = 16;

Error refused(const std::string& what, int error) {
    return {error == EPERM ? ErrorCode::not_allowed : ErrorCode::unavailable,
            "cannot " + what + ": " + std::strerror(error) +
                (error == EPERM ? "; that takes the capability CAP_SYS_ADMIN" : "")};
}

/// Writes zero into every element, if this is the map of the deadlines.
Result<void> close_map(std::uint32_t id) {
    const FileDescriptor map(bpf_map_get_fd_by_id(id));
    if (map.get() < 0) return fail(refused("open a map of an earlier gate", -map.get()));
    bpf_map_info info{};
    std::uint32_t size = sizeof info;
    if (const int error = bpf_obj_get_info_by_fd(map.get(), &info, &size); error != 0)
        return fail(refused("describe a map of an earlier gate", -error));
    if (std::string_view(info.name) != "deadlines" || info.type != BPF_MAP_TYPE_ARRAY) return {};
    const std::vector<std::byte> zeros(info.value_size);
    for (std::uint32_t group = 0; group < info.max_entries; ++group)
        if (const int error = bpf_map_update_elem(map.get(), &group, zeros.data(), BPF_ANY))
            return fail(refused("close an earlier gate", -error));
    return {};
}

Result<void> close_program(std::uint32_t id) {
    const FileDescriptor program(bpf_prog_get_fd_by_id(id));
    if (program.get() == -ENOENT) return {};  // it went away meanwhile, and took its gate along
    if (program.get() < 0)
        return fail(refused("open the program of an earlier gate", -program.get()));
    std::array<std::uint32_t, program_maps_max> maps{};
    bpf_prog_info info{};
    info.nr_map_ids = maps.size();
    info.map_ids = reinterpret_cast<std::uint64_t>(maps.data());
    std::uint32_t size = sizeof info;
    if (const int error = bpf_obj_get_info_by_fd(program.get(), &info, &size); error != 0)
        return fail(refused("describe the program of an earlier gate", -error));
    for (const std::uint32_t map :
         std::span(maps).first(std::min<std::size_t>(info.nr_map_ids, maps.size())))
        if (auto closed = close_map(map); !closed) return closed;
    return {};
}

}  // namespace

Result<EarlierGates> EarlierGates::find_and_close() {
    auto tc = TcFilters::open();
    if (!tc) return fail(tc.error());
    auto nft = NftTables::open();
    if (!nft) return fail(nft.error());
    EarlierGates gates(std::move(*tc), std::move(*nft));
    auto filters = gates.tc_.list_all();
    if (!filters) return fail(filters.error());
    gates.filters_ = std::move(*filters);
    auto tables = gates.nft_.slots();
    if (!tables) return fail(tables.error());
    gates.tables_ = std::move(*tables);
    if (auto closed = gates.close(); !closed) return fail(closed.error());
    return gates;
}

Result<void> EarlierGates::close() {
    for (const std::uint32_t slot : tables_)
        if (auto closed = nft_.close(slot); !closed) return closed;
    std::set<std::uint32_t> programs;
    for (const GateFilter& filter : filters_) programs.insert(filter.program_id);
    for (const std::uint32_t id : programs) {
        auto closed = close_program(id);
        if (closed) continue;
        if (closed.error().code != ErrorCode::not_allowed) return closed;
        warning_ =
            "a gate that an earlier process left open closes at its own deadline, or when "
            "this one has been given the VIPs and interfaces, whichever comes first: " +
            closed.error().message;
    }
    return {};
}

std::size_t EarlierGates::count() const {
    std::set<std::uint32_t> slots(tables_.begin(), tables_.end());
    for (const GateFilter& filter : filters_) slots.insert(filter.mark.slot);
    return slots.size();
}

Result<std::uint32_t> EarlierGates::free_slot() const {
    std::set<std::uint32_t> taken(tables_.begin(), tables_.end());
    for (const GateFilter& filter : filters_) taken.insert(filter.mark.slot);
    for (std::uint32_t slot = 0; slot < filter_slots_max; ++slot)
        if (!taken.contains(slot)) return slot;
    return fail(ErrorCode::exhausted,
                "there are " + std::to_string(filter_slots_max) +
                    " gates of earlier processes that were never replaced: take them away with "
                    "`lbd --remove-gate`");
}

Result<void> EarlierGates::remove() {
    for (const GateFilter& filter : filters_)
        if (auto removed = tc_.remove(filter); !removed) return removed;
    filters_.clear();
    for (const std::uint32_t slot : tables_)
        if (auto removed = nft_.remove(slot); !removed) return removed;
    tables_.clear();
    return {};
}

}  // namespace trivet::dataplane
