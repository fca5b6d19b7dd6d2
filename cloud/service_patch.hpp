#pragma once
#include <vector>

#include "cloud/kube_service.hpp"
#include "cloud/service_vip.hpp"

/// What a Service is changed by: JSON merge patches (RFC 7386) that carry the resourceVersion that
/// they were made for. When somebody else was quicker the API server answers 409, and the step is
/// computed anew from what is there then.
namespace trivet::cloud {

/// Whether we hold the Service: finalizer and annotation are both there.
bool is_held(const Service& service, const CloudOptions& options);
/// Who holds the Service; empty: nobody.
std::string holder_of(const Service& service);

nlohmann::json hold_patch(const Service& service, const CloudOptions& options);
nlohmann::json let_go_patch(const Service& service);

/// Whether status.loadBalancer shows just these addresses, in any order and whatever else stands
/// beside them.
bool shows(const Service& service, const std::vector<IpAddress>& addresses);
/// For the subresource /status. Entries whose address stays are kept whole, because the API server
/// and others add to them (ipMode); no address at all empties the list.
nlohmann::json status_patch(const Service& service, const std::vector<IpAddress>& addresses);

}  // namespace trivet::cloud
