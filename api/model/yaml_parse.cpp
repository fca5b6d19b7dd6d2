// From libfyaml's events to nodes. Events rather than libfyaml's documents, because aliases, tags,
// depth and size are then refused while reading, before anything was built from them.
#include <fmt/format.h>
#include <libfyaml.h>

#include "api/model/yaml.hpp"

namespace trivet::model {
namespace {

struct DestroyParser {
    void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DestroyDiag {
    void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};

/// One collection that is still open, innermost last.
struct Open {
    YamlNode node;
    std::optional<YamlEntry> entry;  // of a map: the key whose value comes next
};

/// Turns events into nodes. One parse owns it.
class Builder {
public:
    Builder(std::string_view source, const YamlLimits& limits) : source_(source), limits_(limits) {}

    /// False when the event is refused; error() says why.
    bool on_event(fy_event& event) {
        if (const auto* mark = fy_event_start_mark(&event)) {
            at_ = {mark->line + 1, mark->column + 1};
        }
        switch (event.type) {
            case FYET_NONE:
            case FYET_STREAM_START:
            case FYET_STREAM_END:
                return true;
            case FYET_DOCUMENT_START:
                return on_document_start();
            case FYET_DOCUMENT_END:
                documents_.push_back(root_ ? std::move(*root_) : YamlNode{at_, YamlScalar{}});
                root_.reset();
                return true;
            case FYET_ALIAS:
                return refuse("aliases (*name) are not read here; write the value out");
            case FYET_SCALAR:
                return on_scalar(event.scalar);
            case FYET_SEQUENCE_START:
                return on_open(event.sequence_start, YamlList{});
            case FYET_MAPPING_START:
                return on_open(event.mapping_start, YamlMap{});
            case FYET_SEQUENCE_END:
            case FYET_MAPPING_END:
                return on_close();
        }
        return refuse("an event that this version does not know");
    }

    const YamlError& error() const { return error_; }
    std::vector<YamlNode> take() { return std::move(documents_); }

private:
    bool refuse(std::string message) {
        error_ = {at_, std::move(message)};
        return false;
    }

    bool on_document_start() {
        if (documents_.size() < limits_.documents) return true;
        return refuse(
            fmt::format("more than {} documents in one file; split it", limits_.documents));
    }

    template <class Data>
    bool plain_properties(const Data& data) {
        if (data.anchor != nullptr) {
            return refuse(
                "anchors (&name) are not read here; write the value out where it is "
                "needed");
        }
        if (data.tag != nullptr) return refuse("tags (!name) are not read here; remove it");
        if (++nodes_ > limits_.nodes) {
            return refuse(fmt::format("more than {} values in one file; split it", limits_.nodes));
        }
        return true;
    }

    bool on_scalar(const fy_event_scalar_data& data) {
        if (!plain_properties(data)) return false;
        YamlScalar scalar;
        if (data.value != nullptr) {
            std::size_t length = 0;
            const char* text = fy_token_get_text(data.value, &length);
            if (text == nullptr) return refuse("a value that cannot be read");
            scalar.style = style_of(fy_scalar_token_get_style(data.value));
            if (length > 0 && is_block(scalar.style) && !is_indented())
                return refuse("indent the text of this block further than its key");
            scalar.text.assign(text, length);
        } else if (!open_.empty() && open_.back().entry) {
            at_ = open_.back().entry->at;  // "key:" with nothing after it
        }
        if (scalar.style == YamlStyle::quoted) --at_.column;  // libfyaml's mark is behind the quote
        // An escape such as "\ud800" gives bytes that are no UTF-8.
        if (scalar.style == YamlStyle::quoted && !valid_utf8(scalar.text)) {
            return refuse("an escape in this string stands for no Unicode character");
        }
        if (is_map_without_key()) return on_key(std::move(scalar));
        return add(YamlNode{at_, std::move(scalar)});
    }

    static bool is_block(YamlStyle style) {
        return style == YamlStyle::literal || style == YamlStyle::folded;
    }

    /// Whether the text of a block, which begins in the line of `at_`, is indented as YAML 1.2
    /// section 8.1.1 wants it. libfyaml 0.7 takes less, reckons the length wrong, and then gives
    /// foreign memory behind the text.
    bool is_indented() const {
        int needed = 1;
        if (!open_.empty()) {
            const Open& parent = open_.back();
            needed = parent.entry ? parent.entry->at.column : parent.node.at.column;
        }
        std::string_view rest = source_;
        for (int line = 1; line < at_.line; ++line) rest.remove_prefix(rest.find('\n') + 1);
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            const auto indent = line.find_first_not_of(" \r");
            if (indent != std::string_view::npos) return static_cast<int>(indent) >= needed;
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        }
        return true;  // empty lines alone
    }

    static YamlStyle style_of(fy_scalar_style style) {
        switch (style) {
            case FYSS_LITERAL:
                return YamlStyle::literal;
            case FYSS_FOLDED:
                return YamlStyle::folded;
            case FYSS_SINGLE_QUOTED:
            case FYSS_DOUBLE_QUOTED:
                return YamlStyle::quoted;
            case FYSS_ANY:
            case FYSS_PLAIN:
            case FYSS_MAX:
                break;
        }
        return YamlStyle::plain;
    }

    static bool valid_utf8(const std::string& text) {
        const auto written =
            nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore);
        return nlohmann::json::parse(written).get_ref<const std::string&>() == text;
    }

    bool is_map_without_key() const {
        return !open_.empty() && open_.back().node.map() != nullptr && !open_.back().entry;
    }

    bool on_key(YamlScalar key) {
        if (key.style == YamlStyle::plain && key.text == "<<") {
            return refuse("merge keys (<<) are not read here; write the values out");
        }
        if (key.is_null()) return refuse("a key without text; give it a name");
        auto& open = open_.back();
        if (const auto* first = open.node.map()->find(key.text)) {
            return refuse(
                fmt::format("key '{}' is given twice; it stands already in line {}, column {}",
                            key.text, first->at.line, first->at.column));
        }
        open.entry = YamlEntry{std::move(key.text), at_, {}};
        return true;
    }

    template <class Data, class Collection>
    bool on_open(const Data& data, Collection collection) {
        if (!plain_properties(data)) return false;
        if (is_map_without_key()) return refuse("a key must be a single word, not a collection");
        if (open_.size() >= static_cast<std::size_t>(limits_.depth)) {
            return refuse(fmt::format("nested more than {} levels deep", limits_.depth));
        }
        open_.push_back({YamlNode{at_, std::move(collection)}, std::nullopt});
        return true;
    }

    bool on_close() {
        auto closed = std::move(open_.back().node);
        open_.pop_back();
        return add(std::move(closed));
    }

    bool add(YamlNode node) {
        if (open_.empty()) {
            root_ = std::move(node);
        } else if (auto& open = open_.back(); open.entry) {
            open.entry->value = std::move(node);
            std::get<YamlMap>(open.node.value).entries.push_back(std::move(*open.entry));
            open.entry.reset();
        } else {
            std::get<YamlList>(open.node.value).items.push_back(std::move(node));
        }
        return true;
    }

    std::string_view source_;
    YamlLimits limits_;
    Position at_{1, 1};
    std::size_t nodes_ = 0;
    std::vector<Open> open_;
    std::optional<YamlNode> root_;
    std::vector<YamlNode> documents_;
    YamlError error_;
};

/// Length of the UTF-8 sequence at the start of `text`; 0 when it is none, or a control character
/// that YAML 1.2 section 5.1 does not print.
std::size_t printable_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto first = byte(0);
    if (first < 0x80) {
        const bool printable = first >= 0x20 || first == '\t' || first == '\n' || first == '\r';
        return printable && first != 0x7f ? 1 : 0;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    const auto second = byte(1);
    if (first == 0xe0 && second < 0xa0) return 0;  // too long a form
    if (first == 0xed && second > 0x9f) return 0;  // a surrogate
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;                    // above U+10FFFF
    if (first == 0xc2 && second < 0xa0 && second != 0x85) return 0;  // C1 controls
    return length;
}

Result<void, YamlError> check_characters(std::string_view text) {
    Position at{1, 1};
    while (!text.empty()) {
        const auto length = printable_length(text);
        if (length == 0) {
            return tl::unexpected(YamlError{
                at, fmt::format("byte 0x{:02x} is no printable UTF-8 character; save the file as "
                                "UTF-8 text",
                                static_cast<std::uint8_t>(text.front()))});
        }
        if (text.front() == '\r' && text.substr(0, 2) != "\r\n")
            return tl::unexpected(
                YamlError{at, "a carriage return alone ends no line here; save the file with LF"});
        if (text.front() == '\n') {
            at = {at.line + 1, 1};
        } else {
            ++at.column;
        }
        text.remove_prefix(length);
    }
    return {};
}

YamlError syntax_error(fy_diag* diag) {
    void* iterator = nullptr;
    if (const auto* error = fy_diag_errors_iterate(diag, &iterator)) {
        return {{error->line, error->column}, error->msg};
    }
    return {{}, "not YAML"};
}

}  // namespace

Result<std::vector<YamlNode>, YamlError> parse_yaml(std::string_view text,
                                                    const YamlLimits& limits) {
    if (text.size() > limits.bytes) {
        return tl::unexpected(YamlError{
            {},
            fmt::format("{} bytes are more than {}; split the file", text.size(), limits.bytes)});
    }
    if (auto checked = check_characters(text); !checked) return tl::unexpected(checked.error());

    fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.output_fn = [](fy_diag*, void*, const char*, std::size_t) {};  // errors are values
    const std::unique_ptr<fy_diag, DestroyDiag> diag{fy_diag_create(&diag_config)};
    if (!diag) throw std::bad_alloc();
    fy_diag_set_collect_errors(diag.get(), true);

    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(
        FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_DISABLE_MMAP_OPT);
    config.diag = diag.get();
    const std::unique_ptr<fy_parser, DestroyParser> parser{fy_parser_create(&config)};
    if (!parser || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) {
        throw std::bad_alloc();
    }
    Builder builder(text, limits);
    while (auto* event = fy_parser_parse(parser.get())) {
        const bool accepted = builder.on_event(*event);
        fy_parser_event_free(parser.get(), event);
        if (!accepted) return tl::unexpected(builder.error());
    }
    if (fy_parser_get_stream_error(parser.get())) return tl::unexpected(syntax_error(diag.get()));
    return builder.take();
}

}  // namespace trivet::model
