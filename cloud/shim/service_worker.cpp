#include "cloud/shim/service_worker.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>

#include "cloud/shim/clock.hpp"

namespace trivet::cloud {

namespace asio = boost::asio;

namespace {

constexpr Backoff::Limits retry_limits{std::chrono::milliseconds(500), std::chrono::seconds(60)};

ServiceKey service_of(const std::string& key) {
    const auto slash = key.find('/');
    return {key.substr(0, slash), key.substr(slash + 1)};
}

/// RFC 3339.
std::string now_text() {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

const char* kind_of(const Step& step) {
    struct Kinds {
        const char* operator()(const Nothing&) const { return "nothing"; }
        const char* operator()(const PatchService& patch) const {
            return patch.status ? "patch_status" : "patch_service";
        }
        const char* operator()(const PutVip& put) const {
            return put.revision ? "replace_vip" : "create_vip";
        }
        const char* operator()(const DeleteVip&) const { return "delete_vip"; }
        const char* operator()(const EmitEvent&) const { return "event"; }
    };
    return std::visit(Kinds{}, step);
}

}  // namespace

ServiceWorker::ServiceWorker(asio::any_io_executor executor, World world, std::size_t parallel,
                             std::string reporter, std::uint64_t random_seed,
                             std::function<bool()> may_work)
    : executor_(executor),
      world_(world),
      parallel_(parallel),
      reporter_(std::move(reporter)),
      may_work_(std::move(may_work)),
      queue_(retry_limits, random_seed),
      timer_(executor) {}

void ServiceWorker::add(const std::string& service_key) {
    queue_.add(service_key);
    pump();
}

void ServiceWorker::retry_refused() {
    const Instant due = boot_now() + retry_limits.first;  // one retry for many addresses
    for (const std::string& key : refused_) queue_.add_at(key, due);
    if (!refused_.empty()) pump();
}

void ServiceWorker::pump() {
    while (!stopped_ && running_ < parallel_ && may_work_()) {
        auto key = queue_.pop(boot_now());
        if (!key) break;
        ++running_;
        ++counters_.runs;
        asio::co_spawn(executor_, run(std::move(*key)), [this](const std::exception_ptr& failure) {
            if (failure) std::rethrow_exception(failure);  // a bug: the process ends
            --running_;
            pump();
        });
    }
    const auto due = queue_.next_deadline();
    if (stopped_ || !due) return;
    timer_.expires_at(steady_time(*due));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) pump();
    });
}

asio::awaitable<void> ServiceWorker::run(std::string key) {
    const Outcome outcome = co_await take_steps(key);
    if (world_.services.find(key) == nullptr) memory_.erase(key);
    if (outcome == Outcome::failed) {
        ++counters_.failures;
        queue_.failed(key, boot_now());
    } else {
        queue_.done(key);
    }
}

asio::awaitable<ServiceWorker::Outcome> ServiceWorker::take_steps(std::string key) {
    memory_[key].refusal.reset();
    refused_.erase(key);
    for (int count = 0; count < steps_max; ++count) {
        if (stopped_ || !may_work_()) {
            queue_.add(key);
            co_return Outcome::over;
        }
        Decision decision = decide(key, memory_[key]);
        if (std::holds_alternative<Nothing>(decision.step)) {
            memory_[key] = std::move(decision.memory);
            if (decision.look_again) queue_.add_at(key, *decision.look_again);
            if (decision.retry) refused_.insert(key);
            co_return decision.retry ? Outcome::failed : Outcome::done;
        }
        ++counters_.steps[kind_of(decision.step)];
        world_.log.debug("step", {{"service", key}, {"step", to_string(decision.step)}});
        const Outcome outcome = co_await perform(key, decision.step);
        if (outcome == Outcome::done) memory_[key] = std::move(decision.memory);
        if (outcome == Outcome::over || outcome == Outcome::failed) co_return outcome;
    }
    Error endless{ErrorCode::internal, fmt::format("not done after {} steps", steps_max)};
    co_return note_failure(key, "reconciling", endless);
}

Decision ServiceWorker::decide(const std::string& key, const ServiceMemory& memory) const {
    const Service* service = world_.services.object(key);
    const auto slices = world_.slices.slices_of(key);
    const KnownVip* vip = nullptr;
    if (const auto vip_key = vip_key_of(world_.options.cluster, service_of(key)); vip_key)
        vip = world_.vips.find(*vip_key);
    return reconcile({.service = service,
                      .slices = slices,
                      .nodes = world_.nodes,
                      .vip = vip,
                      .options = world_.options,
                      .now = boot_now()},
                     memory);
}

ServiceWorker::Outcome ServiceWorker::note_failure(const std::string& key, std::string_view what,
                                                   const Error& error) {
    world_.log.warning(fmt::format("{}: {}", what, error.message),
                       {{"service", key}, {"next", "tried again later"}});
    return Outcome::failed;
}

// ---- steps --------------------------------------------------------------------------------------

asio::awaitable<ServiceWorker::Outcome> ServiceWorker::perform(std::string key, Step step) {
    if (auto* wanted = std::get_if<PatchService>(&step))
        co_return co_await patch(std::move(key), std::move(*wanted));
    if (auto* wanted = std::get_if<PutVip>(&step))
        co_return co_await put(std::move(key), std::move(*wanted));
    if (auto* wanted = std::get_if<DeleteVip>(&step))
        co_return co_await erase(std::move(key), std::move(*wanted));
    if (auto* wanted = std::get_if<EmitEvent>(&step))
        co_return co_await emit(std::move(key), std::move(*wanted));
    co_return Outcome::done;
}

asio::awaitable<ServiceWorker::Outcome> ServiceWorker::patch(std::string key, PatchService patch) {
    const auto version = [this, &key] {
        const auto* entry = world_.services.find(key);
        return entry == nullptr ? std::string() : entry->resource_version;
    };
    const std::string before = version();
    const auto answer = co_await world_.kube.patch_service(service_of(key), std::move(patch));
    if (!answer) {
        const ErrorCode code = answer.error().code;
        if (code == ErrorCode::conflict || code == ErrorCode::not_found) co_return Outcome::over;
        co_return note_failure(key, "patching the Service", answer.error());
    }
    // Unless the watch was quicker, and has told of this change or of a later one.
    if (version() == before)
        if (const auto put = world_.services.put(*answer); !put)
            co_return note_failure(key, "reading the patched Service", put.error());
    co_return Outcome::done;
}

asio::awaitable<ServiceWorker::Outcome> ServiceWorker::put(std::string key, PutVip put) {
    const ObjectKey vip_key{Kind::vip, put.vip.name_space, put.vip.name};
    PutVip again = put;
    auto answer = co_await world_.trivet.put_vip(std::move(again));
    if (answer) {
        world_.log.info(put.revision ? "VIP changed" : "VIP created",
                        {{"service", key}, {"vip", vip_key.to_string()}});
        world_.vips.put(std::move(*answer));
        co_return Outcome::done;
    }
    if (!is_refusal(answer.error().code))
        co_return note_failure(key, "asking Trivet", answer.error());
    world_.log.info("refused by Trivet: " + answer.error().message, {{"service", key}});
    memory_[key].refusal = Refusal{put.vip, put.revision, answer.error().message};
    auto present = co_await world_.trivet.get_vip(vip_key);
    if (present)
        world_.vips.put(std::move(*present));
    else if (present.error().code == ErrorCode::not_found)
        world_.vips.erase(vip_key, put.revision.value_or(0));
    else
        co_return note_failure(key, "asking Trivet", present.error());
    co_return Outcome::refused;
}

asio::awaitable<ServiceWorker::Outcome> ServiceWorker::erase(std::string key, DeleteVip erase) {
    const KnownVip* known = world_.vips.find(erase.key);
    const std::uint64_t revision = known == nullptr ? 0 : known->revision;
    const auto answer = co_await world_.trivet.erase_vip(erase.key);
    if (!answer) co_return note_failure(key, "giving the VIP back to Trivet", answer.error());
    world_.log.info("VIP given back", {{"service", key}, {"vip", erase.key.to_string()}});
    world_.vips.erase(erase.key, revision);
    co_return Outcome::done;
}

/// An Event that the API server refuses (no permission, a namespace that is going) must not keep a
/// Service from its address: it is told in the log instead.
asio::awaitable<ServiceWorker::Outcome> ServiceWorker::emit(std::string key, EmitEvent emit) {
    const Service* service = world_.services.object(key);
    if (service == nullptr) co_return Outcome::over;
    world_.log.info(fmt::format("{}: {}", to_string(emit.event.reason), emit.event.message),
                    {{"service", key}});
    auto body = event_body(*service, emit.event, now_text(), reporter_);
    const auto answer = co_await world_.kube.post_event(service_of(key), std::move(body));
    if (answer || answer.error().code == ErrorCode::conflict) co_return Outcome::done;
    const ErrorCode code = answer.error().code;
    if (code == ErrorCode::unavailable || code == ErrorCode::timeout ||
        code == ErrorCode::unauthenticated)
        co_return note_failure(key, "writing an Event", answer.error());
    ++counters_.events_refused;
    world_.log.warning("the API server refuses an Event: " + answer.error().message,
                       {{"service", key}});
    co_return Outcome::done;
}

}  // namespace trivet::cloud
