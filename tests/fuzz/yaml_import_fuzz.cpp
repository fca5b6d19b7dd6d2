// YAML, and everything that lbctl makes of a file: objects for `apply -f`, and MetalLB's
// configuration. What is read must be written back to the same meaning.
#include <cstdint>
#include <string>

#include "api/model/yaml_write.hpp"
#include "cli/documents.hpp"
#include "cli/import_metallb.hpp"
#include "core/assert.hpp"

namespace {

using namespace trivet;

void check_yaml(const std::string& text) {
    const auto documents = model::parse_yaml(text);
    if (!documents) {
        TRIVET_ASSERT(!documents.error().message.empty());
        return;
    }
    for (const auto& document : *documents) {
        const auto value = model::to_json(document).value;
        const auto again = model::parse_yaml(model::to_yaml(value));
        TRIVET_ASSERT(again.has_value());
        TRIVET_ASSERT(again->size() == 1);
        TRIVET_ASSERT(model::to_json(again->front()).value == value);
    }
}

void check_import(const std::string& text) {
    const auto plan = cli::plan_metallb_import({{"file", text}});
    for (const auto& object : plan.objects) {
        TRIVET_ASSERT(object_from_json(object.kind, object.fields.value).has_value());
        TRIVET_ASSERT(!object.reference().empty() && !object.place_of("name").empty());
    }
    for (const auto& remark : plan.report) TRIVET_ASSERT(!remark.to_string().empty());
    for (const auto& remark : plan.errors) TRIVET_ASSERT(!remark.reason.empty());
}

void check_documents(const std::string& text) {
    const auto read = cli::read_documents({{"file", text}}, "default");
    for (const auto& document : read.documents) {
        const auto object = object_from_json(document.kind, document.fields.value);
        TRIVET_ASSERT(object.has_value());
        const auto again = object_from_json(document.kind, to_json(*object));
        TRIVET_ASSERT(again.has_value() && *again == *object);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    check_yaml(text);
    check_import(text);
    check_documents(text);
    return 0;
}
