#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cloud/kube_meta.hpp"

namespace trivet::cloud {

/// What a whole list changed in a cache. Keys, sorted.
struct CacheChange {
    std::vector<std::string> changed;   // new, different or gone
    std::vector<std::string> vanished;  // of those: not in the list
};

/// Where a reflector puts what it hears. One reflector feeds a cache; others only read it.
class ObjectSink {
public:
    /// Kubernetes is tested with 10,000 Services and 5,000 nodes; a server that sends more than
    /// this is not believed.
    static constexpr std::size_t objects_max = 200'000;

    virtual ~ObjectSink() = default;
    /// A list begins: what was staged before is forgotten.
    virtual void begin_list() = 0;
    /// Errors: invalid_argument, an object without name or resourceVersion; too_large.
    virtual Result<void> stage(const nlohmann::json& object) = 0;
    /// What was staged replaces all, at once.
    virtual CacheChange commit_list() = 0;
    /// The object's key when that changed something. Errors: as stage().
    virtual Result<std::optional<std::string>> put(const nlohmann::json& object) = 0;
    virtual Result<std::optional<std::string>> erase(const nlohmann::json& object) = 0;
};

/// The objects of one kind as the API server has them, for as much as we have heard ("lister").
/// An object that cannot be read stays in it with the reason: it exists, whatever is in it.
template <class T>
class ObjectCache final : public ObjectSink {
public:
    struct Entry {
        std::string resource_version;
        std::optional<T> object;  // nullopt: `problem` says why
        std::string problem;
    };
    using Read = Result<T> (*)(const nlohmann::json& object);

    explicit ObjectCache(Read read) : read_(read) {}

    const std::map<std::string, Entry>& entries() const { return entries_; }
    const Entry* find(const std::string& key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : &found->second;
    }
    /// Null when it is not there or cannot be read.
    const T* object(const std::string& key) const {
        const Entry* entry = find(key);
        return entry != nullptr && entry->object ? &*entry->object : nullptr;
    }

    void begin_list() override { staged_.clear(); }

    Result<void> stage(const nlohmann::json& object) override {
        auto made = make(object);
        if (!made) return fail(made.error());
        staged_.insert_or_assign(std::move(made->first), std::move(made->second));
        return within_limit(staged_.size());
    }

    CacheChange commit_list() override {
        CacheChange change;
        for (const auto& [key, entry] : staged_) {
            const Entry* before = find(key);
            if (before == nullptr || before->resource_version != entry.resource_version)
                change.changed.push_back(key);
        }
        for (const auto& [key, entry] : entries_)
            if (!staged_.contains(key)) change.vanished.push_back(key);
        change.changed.insert(change.changed.end(), change.vanished.begin(), change.vanished.end());
        std::ranges::sort(change.changed);
        entries_ = std::exchange(staged_, {});
        return change;
    }

    Result<std::optional<std::string>> put(const nlohmann::json& object) override {
        auto made = make(object);
        if (!made) return fail(made.error());
        const Entry* before = find(made->first);
        if (before != nullptr && before->resource_version == made->second.resource_version)
            return std::nullopt;
        if (auto within = within_limit(entries_.size()); !within) return fail(within.error());
        std::string key = made->first;
        entries_.insert_or_assign(key, std::move(made->second));
        return key;
    }

    Result<std::optional<std::string>> erase(const nlohmann::json& object) override {
        auto meta = read_meta(object);
        if (!meta) return fail(meta.error());
        std::string key = meta->key();
        if (entries_.erase(key) == 0) return std::nullopt;
        return key;
    }

private:
    Result<std::pair<std::string, Entry>> make(const nlohmann::json& object) const {
        auto meta = read_meta(object);
        if (!meta) return fail(meta.error());
        Entry entry;
        entry.resource_version = meta->resource_version;
        auto read = read_(object);
        if (read)
            entry.object = std::move(*read);
        else
            entry.problem = read.error().message;
        return std::pair(meta->key(), std::move(entry));
    }

    static Result<void> within_limit(std::size_t count) {
        if (count <= objects_max) return {};
        return fail(ErrorCode::too_large, "the API server has more than " +
                                              std::to_string(objects_max) + " objects of one kind");
    }

    Read read_;
    std::map<std::string, Entry> entries_;
    std::map<std::string, Entry> staged_;
};

}  // namespace trivet::cloud
