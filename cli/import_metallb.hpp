#pragma once
#include <string>
#include <vector>

#include "api/model/yaml.hpp"
#include "cli/text_file.hpp"

namespace trivet::cli {

/// An object that the import creates.
struct PlannedObject {
    Kind kind = Kind::pool;
    model::LocatedJson fields;  // with kind, name and, for a VIP, namespace; only what was given
    std::string file;
    std::string origin;  // "IPAddressPool 'lan'": what it was made of

    std::string reference() const;                       // "pool/lan"
    std::string place_of(std::string_view field) const;  // "metallb.yaml:8:7"
};

/// Something in the files that a reader must know of: a field without a counterpart, or an error.
struct ImportRemark {
    std::string file;
    model::Position at;
    std::string origin;  // "BGPPeer 'tor1'"; empty: the file
    std::string field;   // "spec.nodeSelectors[0].matchLabels"; empty: all of it
    std::string reason;

    std::string to_string() const;
};

struct ImportPlan {
    std::vector<PlannedObject> objects;  // in the order in which they can be created
    std::vector<ImportRemark> report;    // what is not imported, or differs here, and why
    std::vector<ImportRemark> errors;    // not empty: nothing may be created
};

/// What MetalLB's configuration (the ConfigMap of v0.12, the custom resources since v0.13) and
/// Services of type LoadBalancer become. Pure. Every field of every object is in the plan or in the
/// report: what no code asks for is reported as unknown.
ImportPlan plan_metallb_import(const std::vector<TextFile>& files);

}  // namespace trivet::cli
