#include "cloud/shim/shim.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;

namespace {

constexpr const char* discovery_target = "/apis/discovery.k8s.io";
constexpr std::chrono::seconds second_list_after{1};
constexpr Backoff::Limits discovery_backoff{std::chrono::milliseconds(400),
                                            std::chrono::seconds(30)};

}  // namespace

Shim::Shim(asio::any_io_executor executor, Options options, std::shared_ptr<const HttpOrigin> kube,
           TrivetClient::Origins trivet, ShimLog& log)
    : executor_(executor),
      options_(std::move(options)),
      log_(log),
      kube_origin_(kube),
      kube_(executor, kube, options_.workers),
      trivet_(executor, trivet, options_.workers),
      services_(read_service),
      slices_(read_endpoint_slice),
      kube_nodes_(read_kube_node),
      slice_index_(slices_),
      vips_(executor, trivet, trivet_, options_.cloud.cluster, options_.random_seed,
            {.on_vip = [this](const ObjectKey& key) { on_vip(key); },
             .on_nodes = [this] { on_nodes(); },
             .on_trouble = [this](const std::string& why) { log_.warning("Trivet: " + why, {}); }}),
      worker_(executor,
              {options_.cloud, services_, slice_index_, node_map_, vips_, kube_, trivet_, log_},
              options_.workers, options_.reporter, options_.random_seed,
              [this] { return may_work(); }),
      garbage_(options_.garbage),
      garbage_timer_(executor),
      discovery_timer_(executor) {
    if (options_.election)
        lease_.emplace(executor, *options_.election, kube_, log_, [this] { on_progress(); });
}

void Shim::spawn(Waiting<void> task) {
    ++tasks_;
    asio::co_spawn(executor_, std::move(task), [this](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);  // a bug: the process ends
        --tasks_;
    });
}

void Shim::start() {
    spawn(vips_.run());
    spawn(discover());
    if (lease_) spawn(lease_->run());
}

void Shim::stop() {
    stopped_ = true;
    worker_.stop();
    vips_.stop();
    for (const auto& reflector : reflectors_) reflector->stop();
    garbage_timer_.cancel();
    discovery_timer_.cancel();
    if (lease_) lease_->stop();
}

// ---- what is there ------------------------------------------------------------------------------

bool Shim::leads() const { return !lease_ || lease_->leads(); }

bool Shim::is_synced() const {
    const auto is_listed = [](const auto& driver) { return driver->reflector().synced(); };
    return !reflectors_.empty() && vips_.synced() && std::ranges::all_of(reflectors_, is_listed) &&
           std::ranges::none_of(doubts_, &Doubt::is_open);
}

/// Before everything is in view, nodes that were not heard of yet would take VIPs away from them.
bool Shim::may_work() const { return !stopped_ && is_synced() && leads(); }

std::vector<std::string> Shim::lacks() const {
    static constexpr std::array<const char*, 3> names{"Services", "EndpointSlices", "nodes"};
    std::vector<std::string> lines;
    if (reflectors_.empty())
        lines.push_back("the API server was not reached yet: " + discovery_error_);
    for (std::size_t i = 0; i < reflectors_.size(); ++i) {
        const Reflector& reflector = reflectors_[i]->reflector();
        if (!reflector.synced())
            lines.push_back(
                fmt::format("no whole list of {} yet: {}", names[i], reflector.last_error()));
        else if (doubts_[i].is_open)
            lines.push_back(
                fmt::format("a list of {} came back empty, and is read again", names[i]));
    }
    if (!vips_.synced()) lines.push_back("no list of Trivet's VIPs yet: " + vips_.last_error());
    return lines;
}

std::size_t Shim::unreadable_services() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        services_.entries(), [](const auto& entry) { return !entry.second.object; }));
}

std::uint64_t Shim::lists() const {
    return reflectors_.empty() ? 0 : reflectors_[0]->reflector().lists();
}

Shim::Counters Shim::counters() const {
    Counters counters{.garbage_released = released_,
                      .kube_calls = kube_.requests(),
                      .trivet_calls = trivet_.requests(),
                      .trivet_watches = vips_.watches()};
    for (const auto& reflector : reflectors_) counters.list_watch_requests += reflector->requests();
    return counters;
}

// ---- reflectors ---------------------------------------------------------------------------------

/// Which version of EndpointSlices the server has; then everything else can begin.
asio::awaitable<void> Shim::discover() {
    Backoff backoff(discovery_backoff, options_.random_seed);
    for (unsigned failures = 1; !stopped_; ++failures) {
        const auto group = co_await kube_.get(discovery_target);
        if (stopped_) co_return;
        Result<std::string> path = "";
        if (group)
            path = endpoint_slice_path(*group);
        else
            path = fail(group.error());
        if (path) co_return begin_reflectors(*path);
        if (discovery_error_ != path.error().message)
            log_.warning("the API server: " + path.error().message, {{"server", kube_.title()}});
        discovery_error_ = path.error().message;
        discovery_timer_.expires_after(
            std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                backoff.delay(failures)));
        co_await discovery_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

Reflector::Options Shim::reflector_options(std::string path) {
    return {.path = std::move(path), .random_seed = options_.random_seed + reflectors_.size()};
}

void Shim::begin_reflectors(const std::string& slice_path) {
    const auto add = [this](const std::string& path, ObjectSink& sink,
                            ReflectorDriver::OnChange on_change) {
        reflectors_.push_back(std::make_unique<ReflectorDriver>(
            executor_, kube_origin_, reflector_options(path), sink, std::move(on_change)));
    };
    add("/api/v1/services", services_,
        [this](const ReflectorActions& actions) { on_services(actions); });
    add(slice_path, slices_, [this](const ReflectorActions& actions) {
        doubt_empty_list(1, actions, slices_.entries().empty());
        on_slices(actions);
    });
    add("/api/v1/nodes", kube_nodes_, [this](const ReflectorActions& actions) {
        doubt_empty_list(2, actions, kube_nodes_.entries().empty());
        on_nodes();
        on_progress();
    });
    for (const auto& reflector : reflectors_) spawn(reflector->run());
}

/// Of a missing Service the garbage collector is careful. EndpointSlices and nodes that are missing
/// say who may announce: a whole list without any, which a running cluster does not have, is read
/// twice before anything follows from it.
void Shim::doubt_empty_list(std::size_t reflector, const ReflectorActions& actions, bool is_empty) {
    if (!actions.listed) return;
    Doubt& doubt = doubts_[reflector];
    const bool was_open = doubt.is_open;
    doubt.is_open = is_empty && !was_open && !doubt.is_settled;
    doubt.is_settled = is_empty && !doubt.is_open;
    if (doubt.is_open) spawn(list_again(reflector));
}

asio::awaitable<void> Shim::list_again(std::size_t reflector) {
    asio::steady_timer timer(executor_, second_list_after);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!stopped_) reflectors_[reflector]->relist();
}

void Shim::on_services(const ReflectorActions& actions) {
    for (const std::string& key : actions.changed) {
        const auto* entry = services_.find(key);
        if (entry != nullptr && !entry->object)
            log_.warning("a Service that cannot be read keeps what it has: " + entry->problem,
                         {{"service", key}});
        worker_.add(key);
    }
    plan_garbage();
    on_progress();
}

void Shim::on_slices(const ReflectorActions& actions) {
    for (const std::string& key : slice_index_.update(actions.changed)) worker_.add(key);
    on_progress();
}

void Shim::on_nodes() {
    std::vector<const KubeNode*> known;
    for (const auto& [name, entry] : kube_nodes_.entries())
        if (entry.object) known.push_back(&*entry.object);
    NodeMap map(known, vips_.nodes());
    const bool same = map.decides_like(node_map_);
    node_map_ = std::move(map);
    if (same) return;
    for (const auto& [key, entry] : services_.entries()) worker_.add(key);
}

void Shim::on_vip(const ObjectKey& vip) {
    if (const auto service = service_key_of(options_.cloud.cluster, vip))
        worker_.add(service->to_string());
    if (vips_.find(vip) == nullptr) worker_.retry_refused();
    plan_garbage();
    on_progress();
}

void Shim::on_progress() {
    const bool is_ready = may_work();
    if (is_ready != was_ready_)
        log_.info(is_ready ? "this shim works" : "this shim waits",
                  {{"services", std::to_string(services())}, {"vips", std::to_string(vips())}});
    was_ready_ = is_ready;
    if (!is_ready) return;
    worker_.pump();
    plan_garbage();
}

}  // namespace trivet::cloud
