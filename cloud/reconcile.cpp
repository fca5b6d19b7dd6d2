#include "cloud/reconcile.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "cloud/service_patch.hpp"

namespace trivet::cloud {

namespace {

using Reason = ServiceEvent::Reason;

std::string listed(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> texts;
    for (const IpAddress address : addresses) texts.push_back(address.to_string());
    return fmt::format("{}", fmt::join(texts, " and "));
}

std::string vip_text(const ObjectKey& key) {
    return fmt::format("VIP '{}/{}'", key.name_space, key.name);
}

/// The look at one Service. Lives as long as reconcile().
class Look {
public:
    Look(const ReconcileInput& in, const ServiceMemory& memory)
        : in_(in), service_(*in.service), memory_(memory) {}

    Decision decide() {
        return asks_us(service_, in_.options) && !service_.meta.deleting() ? serve() : release();
    }

private:
    bool vip_is_ours() const { return in_.vip != nullptr && made_by_us(in_.vip->vip, in_.options); }

    Decision after(Step step) const { return {std::move(step), memory_}; }
    Decision nothing() const { return after(Nothing{}); }

    /// The Event, unless it was the last that people were told; else what `then` says.
    template <class Then>
    Decision tell(Reason reason, std::string message, std::string_view occasion, Then then) {
        ServiceEvent event = make_event(service_, reason, std::move(message), occasion);
        std::string& told = memory_.told[reason];
        if (told == event.name) return then();
        told = event.name;
        return after(EmitEvent{std::move(event)});
    }

    // ---- a Service that asks for an address ----

    Decision serve() {
        if (const std::string holder = holder_of(service_);
            !holder.empty() && holder != in_.options.cluster)
            return tell(Reason::conflict, held_by_another(holder), "",
                        [this] { return nothing(); });
        if (in_.vip != nullptr && !vip_is_ours())
            return tell(Reason::conflict, not_ours(), "", [this] { return retry(); });
        auto wanted = vip_of(service_, in_.slices, in_.nodes, in_.options,
                             in_.vip != nullptr ? &in_.vip->vip : nullptr);
        if (!wanted)  // what it has stays until the Service makes sense again
            return tell(Reason::allocation_failed, wanted.error().message, "",
                        [this] { return show(Trouble::told); });
        if (!is_held(service_, in_.options))
            return after(PatchService{hold_patch(service_, in_.options)});
        if (in_.vip != nullptr && in_.vip->vip == *wanted) return show(Trouble::none);
        return put(std::move(*wanted));
    }

    Decision put(Vip wanted) {
        std::optional<std::uint64_t> revision;
        if (in_.vip != nullptr) revision = in_.vip->revision;
        const auto& refusal = memory_.refusal;
        if (!refusal || refusal->vip != wanted || refusal->revision != revision)
            return after(PutVip{std::move(wanted), revision});
        return tell(Reason::allocation_failed, refusal->message, "", [this] {
            Decision decision = show(Trouble::told);
            decision.retry = true;
            return decision;
        });
    }

    /// Whether people were told already why they do not get what they want.
    enum class Trouble : std::uint8_t { none, told };

    /// What Trivet has given, in the Service's status and in Events.
    Decision show(Trouble trouble) {
        if (in_.vip == nullptr) return nothing();
        const KnownVip& known = *in_.vip;
        const auto patch = [this, &known] {
            if (shows(service_, known.addresses)) return watch_owner();
            return after(PatchService{status_patch(service_, known.addresses), true});
        };
        const bool pending = known.addresses.empty();
        if (pending && trouble == Trouble::none)
            return tell(Reason::allocation_failed, known.reason, "", patch);
        if (pending) return patch();
        if (trouble == Trouble::none) memory_.told.erase(Reason::allocation_failed);
        if (!shows(service_, known.addresses))
            return tell(Reason::allocated,
                        fmt::format("{} has {}", vip_text(known.key()), listed(known.addresses)),
                        std::to_string(known.revision), patch);
        if (known.phase == KnownVip::Phase::conflict)
            return tell(Reason::conflict, known.reason, "", patch);
        return watch_owner();
    }

    /// At most once a minute; what has come back by then was no change.
    Decision watch_owner() {
        const std::string& owner = in_.vip->owner;
        if (owner.empty() || owner == memory_.owner) return nothing();
        if (memory_.owner.empty()) {  // the first that we see is no change
            memory_.owner = owner;
            return nothing();
        }
        if (memory_.owner_told && in_.now < *memory_.owner_told + owner_event_interval) {
            Decision later = nothing();
            later.look_again = *memory_.owner_told + owner_event_interval;
            return later;
        }
        ServiceEvent event = make_event(service_, Reason::owner_changed,
                                        fmt::format("{} has moved from node '{}' to node '{}'",
                                                    vip_text(in_.vip->key()), memory_.owner, owner),
                                        std::to_string(in_.now.time_since_epoch().count()));
        memory_.owner = owner;
        memory_.owner_told = in_.now;
        return after(EmitEvent{std::move(event)});
    }

    // ---- a Service that asks for none, or not us, or is being deleted ----

    Decision release() {
        if (!is_ours()) return nothing();
        if (!service_.meta.deleting() && shows_ours())
            return after(PatchService{status_patch(service_, {}), true});
        if (vip_is_ours()) {
            const auto erase = [this] { return after(DeleteVip{in_.vip->key()}); };
            if (in_.vip->addresses.empty()) return erase();
            return tell(Reason::released,
                        fmt::format("{} gives {} back", vip_text(in_.vip->key()),
                                    listed(in_.vip->addresses)),
                        std::to_string(in_.vip->revision), erase);
        }
        if (service_.meta.has_finalizer(cleanup_finalizer) || !holder_of(service_).empty())
            return after(PatchService{let_go_patch(service_)});
        return nothing();
    }

    /// A finalizer alone proves nothing where another controller may have set it.
    bool is_ours() const {
        const std::string holder = holder_of(service_);
        if (!holder.empty()) return holder == in_.options.cluster;
        return vip_is_ours() ||
               (asks_us(service_, in_.options) && service_.meta.has_finalizer(cleanup_finalizer));
    }

    /// Whether the status shows what we have put there. Another controller may have come already.
    bool shows_ours() const {
        if (service_.ingress.empty()) return false;
        if (!service_.is_load_balancer()) return true;
        return vip_is_ours() &&
               std::ranges::all_of(service_.ingress, [this](const Ingress& ingress) {
                   const auto address = IpAddress::parse(ingress.ip);
                   return address && std::ranges::find(in_.vip->addresses, *address) !=
                                         in_.vip->addresses.end();
               });
    }

    // ---- words ----

    Decision retry() const {
        Decision decision = nothing();
        decision.retry = true;
        return decision;
    }

    std::string not_ours() const {
        return fmt::format(
            "{} exists already and was not made for cluster '{}': delete it, or rename the Service",
            vip_text(in_.vip->key()), in_.options.cluster);
    }

    std::string held_by_another(const std::string& holder) const {
        return fmt::format(
            "the shim of cluster '{}' holds this Service, and this one is of cluster '{}': run "
            "them with one --cluster, or with classes of their own",
            holder, in_.options.cluster);
    }

    const ReconcileInput& in_;
    const Service& service_;
    ServiceMemory memory_;
};

}  // namespace

Decision reconcile(const ReconcileInput& input, const ServiceMemory& memory) {
    if (input.service == nullptr) return {Nothing{}, {}};
    return Look(input, memory).decide();
}

bool is_refusal(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::not_allowed:
        case ErrorCode::not_found:
        case ErrorCode::conflict:
        case ErrorCode::exhausted:
        case ErrorCode::too_large:
            return true;
        case ErrorCode::unauthenticated:
        case ErrorCode::insufficient_storage:
        case ErrorCode::not_leader:
        case ErrorCode::unavailable:
        case ErrorCode::timeout:
        case ErrorCode::corrupt:
        case ErrorCode::internal:
            return false;
    }
    return false;
}

std::string to_string(const Step& step) {
    struct Words {
        std::string operator()(const Nothing&) const { return "nothing"; }
        std::string operator()(const PatchService& patch) const {
            return fmt::format("patch {} {}", patch.status ? "status" : "service",
                               patch.body.dump());
        }
        std::string operator()(const PutVip& put) const {
            return fmt::format("{} {}", put.revision ? "replace" : "create",
                               vip_text(key_of(put.vip)));
        }
        std::string operator()(const DeleteVip& erase) const {
            return "delete " + vip_text(erase.key);
        }
        std::string operator()(const EmitEvent& emit) const {
            return fmt::format("event {}: {}", to_string(emit.event.reason), emit.event.message);
        }
    };
    return std::visit(Words{}, step);
}

}  // namespace trivet::cloud
