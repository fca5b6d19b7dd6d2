#include "cloud/slice_index.hpp"

namespace trivet::cloud {

std::set<std::string> SliceIndex::update(const std::vector<std::string>& changed) {
    std::set<std::string> touched;
    for (const std::string& key : changed) {
        if (const auto before = service_of_.find(key); before != service_of_.end()) {
            touched.insert(before->second);
            const auto slices = slices_of_.find(before->second);
            slices->second.erase(key);
            if (slices->second.empty()) slices_of_.erase(slices);
            service_of_.erase(before);
        }
        const EndpointSlice* slice = cache_.object(key);
        if (slice == nullptr) continue;
        const std::string service = slice->service_key();
        if (service.empty()) continue;
        touched.insert(service);
        service_of_.emplace(key, service);
        slices_of_[service].insert(key);
    }
    return touched;
}

std::vector<const EndpointSlice*> SliceIndex::slices_of(const std::string& service_key) const {
    std::vector<const EndpointSlice*> slices;
    const auto found = slices_of_.find(service_key);
    if (found == slices_of_.end()) return slices;
    for (const std::string& key : found->second)
        if (const EndpointSlice* slice = cache_.object(key)) slices.push_back(slice);
    return slices;
}

}  // namespace trivet::cloud
