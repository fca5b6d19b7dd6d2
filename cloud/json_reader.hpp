#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/model/objects.hpp"

namespace trivet::cloud {

/// Reads one JSON object of an API server field by field. Unlike core's FieldReader it passes over
/// what it does not know, because servers are newer and older than we are, and takes null for
/// absent, as Kubernetes does. finish() reports the first field of a wrong type or beyond a limit;
/// outputs of absent fields stay as they are. Lives on the stack of the function that reads.
class JsonReader {
public:
    static constexpr std::size_t text_bytes_max = 4096;  // names have 253, tokens and messages more

    using ReadItem = std::function<Result<void>(const nlohmann::json& item, std::string path)>;

    /// `path` leads to the object, as "spec.ports[0]"; empty for the whole.
    explicit JsonReader(const nlohmann::json& object, std::string path = {});

    /// The field; null when it is absent or null.
    const nlohmann::json* find(std::string_view name) const;

    void text(std::string_view name, std::string& out, std::size_t bytes_max = text_bytes_max);
    void boolean(std::string_view name, bool& out);
    void texts(std::string_view name, std::vector<std::string>& out, std::size_t items_max);
    void map(std::string_view name, std::map<std::string, std::string>& out, std::size_t items_max);
    void list(std::string_view name, std::size_t items_max, const ReadItem& read_item);
    /// Calls `read` with a reader of the object in this field, if there is one.
    void object(std::string_view name, const std::function<void(JsonReader&)>& read);

    template <std::unsigned_integral Int>
    void integer(std::string_view name, Int& out, Int min, Int max) {
        std::uint64_t value = out;
        if (read_unsigned(name, value, min, max)) out = static_cast<Int>(value);
    }

    /// Keeps `error` unless there is one already.
    void refuse(std::string_view name, std::string message);
    std::string path_of(std::string_view name) const;
    Result<void> finish() const;

private:
    bool read_unsigned(std::string_view name, std::uint64_t& out, std::uint64_t min,
                       std::uint64_t max);
    void wrong_type(std::string_view name, std::string_view wanted);
    bool within(std::string_view name, std::size_t size, std::size_t most);

    const nlohmann::json& object_;
    std::string path_;
    std::optional<Error> error_;  // the first
};

}  // namespace trivet::cloud
