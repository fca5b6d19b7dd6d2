#pragma once
#include <optional>
#include <string>

#include "announce/arp_sysctl_memory.hpp"
#include "announce/log_limit.hpp"
#include "core/result.hpp"

namespace trivet::announce {

/// Keeps the kernel from answering ARP for addresses of delivery bind while there are any, through
/// net.ipv4.conf.all.arp_ignore and arp_announce; gives back the former values when there are none.
/// Not thread-safe.
///
/// `all` and not single interfaces: the kernel would answer on every interface, also on those that
/// appear later and on those that announce nothing.
class ArpSysctls {
public:
    struct Paths {
        std::string proc_sys = "/proc/sys";
        std::string memory_file;  // empty: changes are not remembered across a crash
    };

    ArpSysctls(Paths paths, Log log) : paths_(std::move(paths)), log_(std::move(log)) {}

    /// Verifies, and changes what must be changed, with a warning.
    /// Errors: not_allowed, the settings are wrong and cannot be changed (a container).
    Result<void> ensure();
    /// Gives back what ensure() changed, in this run or before a crash. A value that somebody else
    /// changed meanwhile is left alone, with a warning.
    void restore();
    /// Whether there is something to give back.
    bool has_changes();

private:
    Result<void> ensure(ArpSysctl setting);
    Result<void> check_interfaces(ArpSysctl setting, int all);
    Result<void> load();
    Result<void> save();
    std::string path(const std::string& interface, ArpSysctl setting) const;
    std::optional<int> read(const std::string& interface, ArpSysctl setting) const;

    Paths paths_;
    Log log_;
    std::optional<ArpSysctlMemory> memory_;  // nullopt: not read yet
};

}  // namespace trivet::announce
