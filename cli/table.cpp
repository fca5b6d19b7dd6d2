#include "cli/table.hpp"

namespace trivet::cli {
namespace {

constexpr std::size_t gap = 2;

std::string_view escape_of(Tone tone) {  // ECMA-48 §8.3.117
    switch (tone) {
        case Tone::plain:
            return "";
        case Tone::good:
            return "\x1b[32m";
        case Tone::warning:
            return "\x1b[33m";
        case Tone::bad:
            return "\x1b[31m";
    }
    return "";
}

/// Characters, not bytes, so that a name in another script does not push its column aside.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<std::uint8_t>(c) & 0xc0) != 0x80;  // counts no continuation bytes
    }));
}

}  // namespace

Table::Table(std::vector<std::string_view> titles) {
    if (titles.empty()) return;
    std::vector<Cell> head;
    for (const auto title : titles) head.push_back({std::string(title)});
    rows_.push_back(std::move(head));
}

void Table::add(std::vector<Cell> row) {
    for (auto& cell : row) cell.text = one_line(cell.text);
    rows_.push_back(std::move(row));
}

std::string Table::to_string(bool colour) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], width(row[i].text));
        }
    }
    std::string text;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            const auto escape = colour ? escape_of(row[i].tone) : std::string_view{};
            text += escape;
            text += row[i].text;
            if (!escape.empty()) text += "\x1b[0m";
            if (i + 1 < row.size()) text.append(widths[i] - width(row[i].text) + gap, ' ');
        }
        text += '\n';
    }
    return text;
}

std::string one_line(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return result;
}

}  // namespace trivet::cli
