#pragma once
#include <string>
#include <vector>

#include "api/model/yaml.hpp"
#include "cli/nouns.hpp"
#include "cli/text_file.hpp"

namespace trivet::cli {

/// One object of a file that `apply -f` reads, checked by its codec.
struct Document {
    Kind kind = Kind::pool;
    model::LocatedJson fields;  // with kind, name and, for a VIP, namespace
    std::string file;

    std::string reference() const { return cli::reference(noun_of(kind), fields.value); }
    std::string place() const;                           // "lan.yaml:3:1"
    std::string place_of(std::string_view field) const;  // of a field's path, as "addresses[1]"
};

struct Documents {
    std::vector<Document> documents;
    std::vector<std::string> errors;  // all there are, each "FILE:LINE:COLUMN: ..."
};

/// Pure. A document is an object with its `kind`, or `items`, a list of those (as `export -o json`
/// prints). VIPs without a namespace get `name_space`. Empty documents are skipped.
Documents read_documents(const std::vector<TextFile>& files, const std::string& name_space);

}  // namespace trivet::cli
