#include "cli/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <istream>

#include "api/model/yaml.hpp"

namespace trivet::cli {
namespace {

Outcome<std::string> read_all(std::istream& stream, const std::string& name) {
    constexpr auto bytes_max = model::YamlLimits{}.bytes;
    std::string text(bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (stream.bad()) {
        return fail_with({ExitCode::failure,
                          fmt::format("'{}' cannot be read: {}", name, std::strerror(errno))});
    }
    if (text.size() > bytes_max) {
        return fail_with({ExitCode::failure, fmt::format("'{}' has more than {} MiB; split it",
                                                         name, bytes_max / 1024 / 1024)});
    }
    return text;
}

Outcome<std::string> read_one(const std::string& name, const Surroundings& surroundings) {
    if (name == "-") return read_all(surroundings.in, name);
    std::error_code ignored;  // then opening tells what is wrong
    if (std::filesystem::is_directory(name, ignored)) {
        return fail_with({ExitCode::failure, fmt::format("'{}' is a folder", name),
                          "name the files in it, as -f folder/*.yaml"});
    }
    std::ifstream file(name, std::ios::binary);
    if (!file) {
        return fail_with({ExitCode::failure,
                          fmt::format("'{}' cannot be read: {}", name, std::strerror(errno))});
    }
    return read_all(file, name);
}

}  // namespace

Outcome<std::vector<TextFile>> read_files(const std::vector<std::string>& names,
                                          const Surroundings& surroundings) {
    std::vector<TextFile> files;
    for (const auto& name : names) {
        auto text = read_one(name, surroundings);
        if (!text) return tl::unexpected(text.error());
        files.push_back({name == "-" ? "(standard input)" : name, std::move(*text)});
    }
    return files;
}

}  // namespace trivet::cli
