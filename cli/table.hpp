#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trivet::cli {

enum class Tone : std::uint8_t { plain, good, warning, bad };

struct Cell {
    std::string text;
    Tone tone = Tone::plain;
};

/// Lines of cells with aligned columns, for people. A value type.
class Table {
public:
    explicit Table(std::vector<std::string_view> titles);  // none: a table without a head
    void add(std::vector<Cell> row);                       // as many cells as there are titles
    std::string to_string(bool colour) const;

private:
    std::vector<std::vector<Cell>> rows_;
};

/// `text` on one line and without control characters, so that what a server says cannot drive a
/// terminal.
std::string one_line(std::string_view text);

}  // namespace trivet::cli
