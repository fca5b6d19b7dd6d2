#include "announce/arp_sysctls.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include "announce/durable_file.hpp"

namespace trivet::announce {

namespace {

constexpr std::size_t value_bytes_max = 64, memory_bytes_max = 4096;
constexpr std::array<ArpSysctl, 2> settings{ArpSysctl::arp_ignore, ArpSysctl::arp_announce};

std::string sysctl_name(const std::string& interface, ArpSysctl setting) {
    return fmt::format("net.ipv4.conf.{}.{}", interface, to_string(setting));
}

/// errno, or 0. A plain write: files of /proc/sys cannot be replaced by renaming.
int write_value(const std::string& path, int value) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    const std::string text = std::to_string(value) + "\n";
    const int failure = ::write(fd, text.data(), text.size()) < 0 ? errno : 0;
    ::close(fd);
    return failure;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

}  // namespace

std::string ArpSysctls::path(const std::string& interface, ArpSysctl setting) const {
    return fmt::format("{}/net/ipv4/conf/{}/{}", paths_.proc_sys, interface, to_string(setting));
}

std::optional<int> ArpSysctls::read(const std::string& interface, ArpSysctl setting) const {
    const auto text = read_file(path(interface, setting), value_bytes_max);
    if (!text) return std::nullopt;
    const std::string digits = trimmed(*text);
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

Result<void> ArpSysctls::ensure() {
    if (auto loaded = load(); !loaded) log_("warning", loaded.error().message);
    for (const ArpSysctl setting : settings)
        if (auto done = ensure(setting); !done) return done;
    return {};
}

Result<void> ArpSysctls::ensure(ArpSysctl setting) {
    const auto all = read("all", setting);
    if (!all) return fail(ErrorCode::unavailable, "cannot read " + path("all", setting));
    const int wanted = wanted_value(setting);
    if (keeps_quiet(setting, *all)) return check_interfaces(setting, *all);

    // Remember first: a crash in between then restores a value that was never changed.
    ArpSysctlMemory::Change& change = memory_->changes[setting];
    if (change.ours == 0) change.before = *all;
    change.ours = wanted;
    if (auto saved = save(); !saved) return fail(saved.error());
    if (const int failure = write_value(path("all", setting), wanted); failure != 0)
        return fail(
            ErrorCode::not_allowed,
            fmt::format("delivery bind needs {0} = {1}, it is {2}, and it cannot be changed "
                        "({3}); set it on the host: sysctl -w {0}={1}",
                        sysctl_name("all", setting), wanted, *all, std::strerror(failure)));
    log_(
        "warning",
        fmt::format("changed {} from {} to {}, so that the kernel does not answer for addresses of "
                    "delivery bind on the wrong interface; it is restored when there are none",
                    sysctl_name("all", setting), *all, wanted));
    return check_interfaces(setting, wanted);
}

Result<void> ArpSysctls::check_interfaces(ArpSysctl setting, int all) {
    std::error_code error;
    const std::filesystem::path folder(paths_.proc_sys + "/net/ipv4/conf");
    for (auto entry = std::filesystem::directory_iterator(folder, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string interface = entry->path().filename().string();
        const auto own = read(interface, setting);  // nothing: the interface is just going away
        if (own && !keeps_quiet(setting, std::max(*own, all)))
            return fail(ErrorCode::not_allowed,
                        fmt::format("delivery bind does not work while {} is {}, a value that the "
                                    "kernel does not define; set it to 0",
                                    sysctl_name(interface, setting), *own));
    }
    return {};
}

bool ArpSysctls::has_changes() {
    if (auto loaded = load(); !loaded) log_("warning", loaded.error().message);
    return !memory_->changes.empty();
}

void ArpSysctls::restore() {
    if (!has_changes()) return;
    for (const auto& [setting, change] : memory_->changes) {
        const auto now = read("all", setting);
        if (now && *now == change.before) continue;
        if (!now || *now != change.ours) {
            log_(
                "warning",
                fmt::format("left {} alone: it was changed to {} by somebody else (before lbd: {})",
                            sysctl_name("all", setting), now ? std::to_string(*now) : "nothing",
                            change.before));
            continue;
        }
        if (const int failure = write_value(path("all", setting), change.before); failure != 0) {
            log_("error", fmt::format("cannot set {} back to {}: {}", sysctl_name("all", setting),
                                      change.before, std::strerror(failure)));
            return;  // remembered still, so the next start tries again
        }
        log_("info", fmt::format("set {} back to {}", sysctl_name("all", setting), change.before));
    }
    memory_->changes.clear();
    if (paths_.memory_file.empty()) return;
    if (auto removed = remove_durably(paths_.memory_file); !removed)
        log_("error", removed.error().message);
}

Result<void> ArpSysctls::load() {
    if (memory_) return {};
    const auto boot_id = read_file(paths_.proc_sys + "/kernel/random/boot_id", value_bytes_max);
    memory_ = ArpSysctlMemory{.boot_id = boot_id ? trimmed(*boot_id) : "", .changes = {}};
    if (paths_.memory_file.empty()) return {};
    const auto text = read_file(paths_.memory_file, memory_bytes_max);
    if (!text && text.error().code == ErrorCode::not_found) return {};
    if (!text) return fail(text.error());
    auto stored = ArpSysctlMemory::decode(*text);
    if (!stored)
        return fail(ErrorCode::corrupt,
                    stored.error().message + " (" + paths_.memory_file +
                        "); net.ipv4.conf.all.arp_ignore and arp_announce stay as they are");
    if (stored->boot_id == memory_->boot_id) memory_ = std::move(*stored);
    return {};
}

Result<void> ArpSysctls::save() {
    if (paths_.memory_file.empty()) return {};
    return write_durably(paths_.memory_file, memory_->encode(), 0600);
}

}  // namespace trivet::announce
