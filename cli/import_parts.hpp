#pragma once
#include <set>

#include "cli/import_reader.hpp"

/// The parts of the import, one file each; import_metallb.cpp calls them.
namespace trivet::cli {

/// A ConfigMap; `object` has been taken apart down to `data`.
void import_config_map(ImportContext& context, ImportMap& object);
/// A custom resource of group metallb.io.
void import_resource(ImportContext& context, std::string_view kind, ImportMap& object,
                     model::Position at);
bool is_metallb_resource(std::string_view kind);
/// A Service of type LoadBalancer.
void import_service(ImportContext& context, ImportMap& object, model::Position at);
/// A Namespace: its labels are what a pool's namespace_selectors look at.
void import_namespace(ImportContext& context, ImportMap& object, model::Position at);

/// A pool that names its protocol itself: those of the ConfigMap, and the old AddressPool. Becomes
/// a pool and the advertisements that announce it.
void import_protocol_pool(const ImportContext& context, MetallbForm form, ImportMap& pool,
                          ImportDraft draft, model::Position at);

extern const std::span<const ImportField> bgp_peer_import_fields;
extern const std::span<const ImportField> bfd_profile_import_fields;
extern const std::span<const ImportField> bgp_advertisement_import_fields;
extern const std::span<const ImportField> pool_import_fields;
/// Fields of a peer that need more than copying: the port 0 that means the default, the secret.
void import_peer_extras(const ImportContext& context, ImportMap& peer, MetallbForm form,
                        ImportDraft& draft);

}  // namespace trivet::cli
