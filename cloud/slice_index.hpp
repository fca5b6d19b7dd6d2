#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cloud/kube_slice.hpp"
#include "cloud/object_cache.hpp"

namespace trivet::cloud {

/// Which EndpointSlices belong to a Service, so that a change of one is a look at one Service.
class SliceIndex {
public:
    explicit SliceIndex(const ObjectCache<EndpointSlice>& cache) : cache_(cache) {}

    /// `changed` as the reflector of the slices says. The keys of the Services to look at: those
    /// that the slices belong to, and those that they belonged to before.
    std::set<std::string> update(const std::vector<std::string>& changed);
    std::vector<const EndpointSlice*> slices_of(const std::string& service_key) const;

private:
    const ObjectCache<EndpointSlice>& cache_;
    std::map<std::string, std::string> service_of_;           // by key of the slice
    std::map<std::string, std::set<std::string>> slices_of_;  // inverse of service_of_
};

}  // namespace trivet::cloud
