// What the shim does about VIPs whose Service is gone.
#include <boost/asio/co_spawn.hpp>

#include "cloud/shim/clock.hpp"
#include "cloud/shim/shim.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;

namespace {

/// Looking at everything takes milliseconds with 10,000 Services, and changes come in crowds.
constexpr std::chrono::seconds look_pause{1};

}  // namespace

void Shim::plan_garbage() {
    if (garbage_planned_ || stopped_) return;
    garbage_planned_ = true;
    garbage_timer_.expires_after(look_pause);
    garbage_timer_.async_wait([this](const boost::system::error_code& error) {
        garbage_planned_ = false;
        if (!error) look_for_garbage();
    });
}

void Shim::look_for_garbage() {
    if (!may_work()) return;
    std::set<ObjectKey> vips, services;
    for (const auto& [key, known] : vips_.vips())
        if (made_by_us(known.vip, options_.cloud)) vips.insert(key);
    for (const auto& [key, entry] : services_.entries()) {  // also those that cannot be read
        const auto slash = key.find('/');
        const ServiceKey service{key.substr(0, slash), key.substr(slash + 1)};
        if (auto vip = vip_key_of(options_.cloud.cluster, service)) services.insert(*vip);
    }
    const Instant now = boot_now();
    const auto plan = garbage_.look({.vips = vips, .services = services, .lists = lists()}, now);
    if (plan.held_back != held_back_ && !plan.held_back.empty()) log_.error(plan.held_back);
    held_back_ = plan.held_back;
    if (plan.wants_list) reflectors_[0]->relist();
    for (const ObjectKey& vip : plan.release)
        if (releasing_.insert(vip).second) spawn(release(vip));
    const auto due = garbage_.next_deadline();
    if (!due || garbage_planned_) return;
    garbage_timer_.expires_at(steady_time(*due));
    garbage_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) look_for_garbage();
    });
}

/// After one more look at the Service itself.
asio::awaitable<void> Shim::release(ObjectKey vip) {
    const auto done = [this, &vip] {
        releasing_.erase(vip);
        plan_garbage();
    };
    const auto service = service_key_of(options_.cloud.cluster, vip);
    if (!service) co_return done();  // of none of ours: it is in nobody's way
    const auto present = co_await kube_.get(KubeApi::service_target(*service));
    if (present || present.error().code != ErrorCode::not_found || !may_work()) co_return done();
    const KnownVip* known = vips_.find(vip);
    const std::uint64_t revision = known == nullptr ? 0 : known->revision;
    const auto erased = co_await trivet_.erase_vip(vip);
    if (erased) {
        ++released_;
        log_.info("a VIP without a Service was given back", {{"vip", vip.to_string()}});
        vips_.erase(vip, revision);
    } else {
        log_.warning("a VIP without a Service could not be given back: " + erased.error().message,
                     {{"vip", vip.to_string()}});
    }
    done();
}

}  // namespace trivet::cloud
