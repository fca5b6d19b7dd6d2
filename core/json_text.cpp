// parse_json(): text to JSON without recursion, with limits and places.
#include <fmt/format.h>

#include "core/object_json.hpp"

namespace trivet {

namespace {

using nlohmann::json;

constexpr std::size_t text_bytes_max = 4u << 20;  // twice the largest command; a body has 1 MiB

/// Reads the text and counts, so that events can be placed.
class CountingIterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++() {
        *reached_ = ++at_;
        return *this;
    }
    CountingIterator operator++(int) {
        CountingIterator before = *this;
        ++*this;
        return before;
    }
    friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
        return a.at_ == b.at_;
    }
    friend bool operator!=(const CountingIterator& a, const CountingIterator& b) {
        return !(a == b);
    }

private:
    const char* at_;
    const char** reached_;
};

/// Builds the value from the parser's events with a stack of its own. Holds the first error.
class Builder : public nlohmann::json_sax<json> {
public:
    Builder(std::string_view text, int depth_max) : text_(text), depth_max_(depth_max) {}

    bool null() override { return place(nullptr); }
    bool boolean(bool value) override { return place(value); }
    bool number_integer(number_integer_t value) override { return place(value); }
    bool number_unsigned(number_unsigned_t value) override { return place(value); }
    bool number_float(number_float_t value, const string_t&) override { return place(value); }
    bool string(string_t& value) override { return place(std::move(value)); }
    bool binary(binary_t&) override { return refuse(ErrorCode::invalid_argument, "no JSON"); }

    bool start_object(std::size_t) override { return open(json::object()); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        if (stack_.back()->contains(name))
            return refuse(ErrorCode::invalid_argument, "key '" + name + "' occurs twice");
        key_ = std::move(name);
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const json::exception& error) override {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
        std::string message = error.what();
        if (const std::size_t id = message.find("] "); id != std::string::npos)
            message.erase(0, id + 2);
        if (message.starts_with("parse error")) message.erase(0, message.find(": ") + 2);
        // It quotes what was read, which may be no UTF-8, and messages travel as JSON.
        for (char& c : message)
            if (static_cast<unsigned char>(c) >= 0x80) c = '?';
        return refuse(ErrorCode::invalid_argument, std::move(message));
    }

    const char** reached() { return &reached_; }
    bool failed() const { return error_.has_value(); }
    Error take_error() { return std::move(*error_); }
    json take_value() { return std::move(root_); }

private:
    template <class Value>
    bool place(Value&& value) {
        add(json(std::forward<Value>(value)));
        return true;
    }

    json* add(json value) {
        if (stack_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        json& parent = *stack_.back();
        if (parent.is_array()) {
            parent.push_back(std::move(value));
            return &parent.back();
        }
        return &(parent[key_] = std::move(value));
    }

    bool open(json value) {
        if (static_cast<int>(stack_.size()) >= depth_max_)
            return refuse(ErrorCode::too_large,
                          fmt::format("the JSON is nested more than {} levels deep", depth_max_));
        stack_.push_back(add(std::move(value)));
        return true;
    }

    bool close() {
        stack_.pop_back();
        return true;
    }

    bool refuse(ErrorCode code, std::string message) {
        std::size_t line = 1;
        std::size_t column = 0;
        for (const char* c = text_.data(); c < reached_; ++c) {
            ++column;
            if (*c == '\n') {
                ++line;
                column = 0;
            }
        }
        error_ = Error{code, fmt::format("line {}, column {}: {}", line, column, message)};
        return false;
    }

    std::string_view text_;
    int depth_max_;
    const char* reached_ = text_.data();
    json root_;
    std::vector<json*> stack_;  // a child's address holds while it is the last of its parent
    std::string key_;
    std::optional<Error> error_;
};

}  // namespace

Result<json> parse_json(std::string_view text, int depth_max) {
    if (text.size() > text_bytes_max)
        return fail(ErrorCode::too_large, fmt::format("the JSON has {} bytes; at most {} are read",
                                                      text.size(), text_bytes_max));
    Builder builder(text, depth_max);
    const char* begin = text.data();
    const char* end = begin + text.size();
    json::sax_parse(CountingIterator(begin, builder.reached()),
                    CountingIterator(end, builder.reached()), &builder);
    if (builder.failed()) return fail(builder.take_error());
    return builder.take_value();
}

}  // namespace trivet
