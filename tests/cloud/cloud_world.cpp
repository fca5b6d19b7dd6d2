#include "tests/cloud/cloud_world.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace trivet::cloud::test {

using nlohmann::json;

namespace {

constexpr int steps_max = 30;  // of one Service, with all its Events; more is a loop

std::string joined(const std::vector<IpAddress>& addresses) {
    std::string text;
    for (const IpAddress address : addresses)
        text += (text.empty() ? "" : " ") + address.to_string();
    return text;
}

}  // namespace

// ---- what people do -----------------------------------------------------------------------------

Result<void> CloudWorld::apply(Action action) {
    const WallTime time{std::chrono::floor<std::chrono::milliseconds>(now_.time_since_epoch())};
    return trivet_.apply(LogIndex(++index_), {time, {std::move(action)}}).result;
}

Result<void> CloudWorld::try_pool(const std::string& name, const std::string& fields, bool force) {
    return apply(
        PutObject{trivet::test::object(Kind::pool, R"({"name": ")" + name + "\", " + fields + "}"),
                  PutMode::create_or_replace,
                  force,
                  {}});
}

void CloudWorld::pool(const std::string& name, const std::string& fields) {
    const auto put = try_pool(name, fields);
    ASSERT_TRUE(put) << put.error().message;
}

Result<void> CloudWorld::put_vip(const std::string& text) {
    return apply(
        PutObject{trivet::test::object(Kind::vip, text), PutMode::create_or_replace, false, {}});
}

void CloudWorld::erase_vip(const std::string& name_space, const std::string& name) {
    EXPECT_TRUE(apply(DeleteObject{{Kind::vip, name_space, name}}));
}

void CloudWorld::settle(const std::string& name) {
    json& object = services_.at(name);
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    const json& meta = object["metadata"];
    if (meta.contains("deletionTimestamp") && !meta.contains("finalizers")) services_.erase(name);
}

void CloudWorld::create(const std::string& name, const std::string& patch) {
    ASSERT_FALSE(exists(name));
    services_[name] = service_json(name, patch);
    services_[name]["metadata"]["uid"] = "uid-" + std::to_string(version_ + 1);
    settle(name);
}

void CloudWorld::change(const std::string& name, const std::string& patch) {
    services_.at(name).merge_patch(json_of(patch));
    settle(name);
}

void CloudWorld::erase(const std::string& name) {
    services_.at(name)["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    settle(name);
}

// ---- the shim -----------------------------------------------------------------------------------

std::optional<KnownVip> CloudWorld::known_vip(const std::string& name) const {
    const VipRecord* record = trivet_.find_vip(options_.cluster + ".shop", name);
    if (record == nullptr) return std::nullopt;
    json object = to_json(Object(record->vip));
    object["revision"] = record->revision;
    json& status = object["status"];
    status["phase"] = record->pending() ? "pending" : conflict_.empty() ? "announced" : "conflict";
    status["reason"] = record->pending() ? trivet_.why_pending(*record) : conflict_;
    status["owner"] = record->pending() ? "" : owner_;
    status["addresses"] = json::array();
    for (const IpAddress address : record->assigned)
        status["addresses"].push_back(address.to_string());
    return must(read_known_vip(object));
}

int CloudWorld::run(const std::string& name, std::optional<int> killed_after) {
    memory_[name].refusal.reset();
    retry_ = false;
    look_again_.reset();
    for (int step = 0; step < steps_max; ++step) {
        if (killed_after == step) {
            memory_.clear();
            return step;
        }
        std::optional<Service> service;
        if (exists(name)) service = must(read_service(services_.at(name)));
        const std::optional<KnownVip> vip = known_vip(name);
        std::vector<const EndpointSlice*> slices;
        for (const EndpointSlice& slice : slices_)
            if (slice.service_key() == "shop/" + name) slices.push_back(&slice);
        const Decision decision = reconcile({.service = service ? &*service : nullptr,
                                             .slices = slices,
                                             .nodes = nodes_,
                                             .vip = vip ? &*vip : nullptr,
                                             .options = options_,
                                             .now = now_},
                                            memory_[name]);
        if (std::holds_alternative<Nothing>(decision.step)) {
            memory_[name] = decision.memory;
            retry_ = decision.retry;
            look_again_ = decision.look_again;
            return step;
        }
        steps_.push_back(to_string(decision.step));
        if (perform(name, decision.step, memory_[name])) memory_[name] = decision.memory;
    }
    ADD_FAILURE() << "Service " << name << " is never done; the last step: " << steps_.back();
    return steps_max;
}

int CloudWorld::run_all(std::optional<int> killed_after) {
    int count = 0;
    std::vector<std::string> names;
    for (const auto& [name, object] : services_) names.push_back(name);
    for (const std::string& name : names) {
        std::optional<int> left;
        if (killed_after) left = *killed_after - count;
        count += run(name, left);
        if (killed_after == count) break;
    }
    return count;
}

bool CloudWorld::perform(const std::string& name, const Step& step, ServiceMemory& memory) {
    if (const auto* patch = std::get_if<PatchService>(&step)) {
        patch_service(name, *patch);
    } else if (const auto* put = std::get_if<PutVip>(&step)) {
        const auto done =
            apply(PutObject{put->vip, put->revision ? PutMode::create_or_replace : PutMode::create,
                            false, put->revision});
        if (done) return true;
        EXPECT_TRUE(is_refusal(done.error().code)) << done.error().message;
        memory.refusal = Refusal{put->vip, put->revision, done.error().message};
        return false;
    } else if (const auto* erase = std::get_if<DeleteVip>(&step)) {
        const auto done = apply(DeleteObject{erase->key});
        EXPECT_TRUE(done) << done.error().message;
    } else if (const auto* emit = std::get_if<EmitEvent>(&step)) {
        if (event_names_.insert(emit->event.name).second)
            events_.push_back(std::string(to_string(emit->event.reason)) + ": " +
                              emit->event.message);
    }
    return true;
}

void CloudWorld::patch_service(const std::string& name, const PatchService& patch) {
    json& object = services_.at(name);
    ASSERT_EQ(patch.body.at("metadata").at("resourceVersion"),
              object.at("metadata").at("resourceVersion"))
        << "a patch must say what it was made for";
    if (patch.status) {
        object["status"].merge_patch(patch.body.at("status"));
        json& load_balancer = object["status"]["loadBalancer"];
        if (load_balancer.contains("ingress"))  // what newer servers add by themselves
            for (json& entry : load_balancer["ingress"])
                if (!entry.contains("ipMode")) entry["ipMode"] = "VIP";
    } else {
        json body = patch.body;
        object.merge_patch(body);
    }
    settle(name);
}

// ---- what there is ------------------------------------------------------------------------------

std::string CloudWorld::shown(const std::string& name) const {
    std::string text;
    for (const Ingress& ingress : must(read_service(services_.at(name))).ingress)
        text += (text.empty() ? "" : " ") + ingress.ip;
    return text;
}

std::string CloudWorld::held(const std::string& name_space, const std::string& name) const {
    const VipRecord* record = trivet_.find_vip(name_space, name);
    if (record == nullptr) return "no VIP";
    return record->pending() ? "pending" : joined(record->assigned);
}

const Vip* CloudWorld::vip(const std::string& name) const {
    const VipRecord* record = trivet_.find_vip(options_.cluster + ".shop", name);
    return record == nullptr ? nullptr : &record->vip;
}

std::string CloudWorld::picture() const {
    std::string text;
    for (auto [name, object] : services_) {
        object["metadata"].erase("resourceVersion");
        object["metadata"].erase("uid");
        text += object.dump() + "\n";
    }
    for (const auto& [key, record] : trivet_.vips()) {
        json object = to_json(Object(record.vip));
        object["labels"].erase(service_uid_label);
        text += key.to_string() + " " + joined(record.assigned) + " " + object.dump() + "\n";
    }
    std::vector<std::string> events = events_;
    std::ranges::sort(events);
    for (const std::string& event : events) text += event + "\n";
    return text;
}

}  // namespace trivet::cloud::test
