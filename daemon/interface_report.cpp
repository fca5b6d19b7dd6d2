#include "daemon/interface_report.hpp"

#include <algorithm>
#include <utility>

namespace trivet::daemon {

namespace {

/// What of `before` is there still.
std::vector<NodeInterface> remaining(std::vector<NodeInterface> before,
                                     const std::vector<NodeInterface>& now) {
    std::erase_if(before, [&](NodeInterface& interface) {
        const auto found = std::ranges::find(now, interface.name, &NodeInterface::name);
        if (found == now.end()) return true;
        interface.mac = found->mac;
        std::erase_if(interface.prefixes, [&](const Prefix& prefix) {
            return std::ranges::find(found->prefixes, prefix) == found->prefixes.end();
        });
        return false;
    });
    return before;
}

}  // namespace

void InterfaceReport::see(std::vector<NodeInterface> interfaces, Instant now) {
    seen_ = std::move(interfaces);
    if (!told_) told_ = seen_;
    told_ = remaining(std::move(*told_), seen_);
    settles_at_.reset();
    if (told_ != seen_) settles_at_ = now + settle_after;
}

void InterfaceReport::on_time(Instant now) {
    if (!settles_at_ || now < *settles_at_) return;
    settles_at_.reset();
    told_ = seen_;
}

}  // namespace trivet::daemon
