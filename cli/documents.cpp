#include "cli/documents.hpp"

#include <fmt/format.h>

namespace trivet::cli {
namespace {

using nlohmann::json;

std::string place_text(std::string_view file, model::Position at) {
    return fmt::format("{}:{}:{}", file, at.line, at.column);
}

std::vector<std::string> kind_words() {
    std::vector<std::string> words;
    for (const auto& noun : nouns()) {
        if (noun.configurable()) words.emplace_back(noun.word);
    }
    return words;
}

class Reader {
public:
    explicit Reader(const std::string& name_space) : name_space_(name_space) {}

    void read_file(const TextFile& file) {
        auto nodes = model::parse_yaml(file.text);
        if (!nodes) {
            result_.errors.push_back(nodes.error().to_string(file.name));
            return;
        }
        for (const auto& node : *nodes) {
            if (!node.is_null()) read_document(file.name, node);
        }
    }

    Documents take() { return std::move(result_); }

private:
    void refuse(const std::string& file, model::Position at, const std::string& message) {
        result_.errors.push_back(place_text(file, at) + ": " + message);
    }

    void read_document(const std::string& file, const model::YamlNode& node) {
        if (node.map() == nullptr) {
            return refuse(file, node.at, "an object is expected here, with 'kind: pool' or alike");
        }
        const auto* items = node.map()->find("items");
        if (node.map()->find("kind") != nullptr || items == nullptr) return read_object(file, node);
        if (items->value.list() == nullptr) return refuse(file, items->at, "items: must be a list");
        for (const auto& item : items->value.list()->items) read_object(file, item);
    }

    void read_object(const std::string& file, const model::YamlNode& node) {
        const auto kind = read_kind(file, node);
        if (!kind) return;
        Document document{*kind, model::to_json(node), file};
        auto& fields = document.fields.value;
        if (*kind == Kind::vip && !fields.contains("namespace")) fields["namespace"] = name_space_;
        auto checked_fields = fields;
        // The server's own word for a password that it keeps; only it can tell whether it has one.
        if (*kind == Kind::bgp_peer) checked_fields.erase("password_set");
        if (auto checked = object_from_json(*kind, checked_fields); !checked) {
            const auto& error = checked.error();
            result_.errors.push_back(fmt::format("{}: {}{}{}", document.place_of(error.field),
                                                 error.field, error.field.empty() ? "" : ": ",
                                                 error.message));
            return;
        }
        for (const auto& other : result_.documents) {
            if (other.reference() == document.reference()) {
                return refuse(file, node.at,
                              fmt::format("{} is given twice; it stands already in {}",
                                          document.reference(), other.place()));
            }
        }
        result_.documents.push_back(std::move(document));
    }

    std::optional<Kind> read_kind(const std::string& file, const model::YamlNode& node) {
        const auto* map = node.map();
        if (map == nullptr) {
            refuse(file, node.at, "an object is expected here, with 'kind: pool' or alike");
            return std::nullopt;
        }
        if (const auto* version = map->find("apiVersion")) {
            refuse(file, version->at,
                   "this is a Kubernetes object; MetalLB's are read by 'lbctl import metallb -f'");
            return std::nullopt;
        }
        const auto* entry = map->find("kind");
        if (entry == nullptr || entry->value.scalar() == nullptr) {
            refuse(file, entry == nullptr ? node.at : entry->at,
                   fmt::format("kind: one of {} is expected", fmt::join(kind_words(), ", ")));
            return std::nullopt;
        }
        const auto& word = entry->value.scalar()->text;
        const auto kind = kind_from_string(word);
        if (kind) return kind;
        const auto near = nearest(word, kind_words());
        refuse(file, entry->at,
               fmt::format("kind: '{}' is unknown; {}", word,
                           near ? fmt::format("did you mean '{}'?", *near)
                                : fmt::format("known are {}", fmt::join(kind_words(), ", "))));
        return std::nullopt;
    }

    const std::string& name_space_;
    Documents result_;
};

}  // namespace

std::string Document::place() const { return place_text(file, fields.at); }

std::string Document::place_of(std::string_view field) const {
    return place_text(file, fields.locate(field));
}

Documents read_documents(const std::vector<TextFile>& files, const std::string& name_space) {
    Reader reader(name_space);
    for (const auto& file : files) reader.read_file(file);
    return reader.take();
}

}  // namespace trivet::cli
