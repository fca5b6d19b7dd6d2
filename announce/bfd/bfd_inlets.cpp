#include "announce/bfd/bfd_inlets.hpp"

#include <sys/epoll.h>

#include "core/assert.hpp"

namespace trivet::announce::bfd {

void BfdInlets::set_needed(const std::set<Place>& needed) {
    const auto is_spare = [&needed](const auto& each) { return !needed.contains(each.first); };
    std::erase_if(open_, is_spare);  // closed descriptors leave the epoll by themselves
    std::erase_if(problems_, is_spare);
    for (const Place& place : needed)
        if (!open_.contains(place) && open(place)) problems_.erase(place);
}

void BfdInlets::forget_device(const std::string& device, std::uint32_t index) {
    std::erase_if(open_, [&](const auto& each) {
        return each.first.device == device && each.second.socket->device_index() != index;
    });
}

BfdInlet* BfdInlets::find(const Place& place) {
    const auto found = open_.find(place);
    return found == open_.end() ? nullptr : &found->second;
}

std::string BfdInlets::problem(const Place& place) const {
    const auto found = problems_.find(place);
    return found == problems_.end() ? "" : found->second;
}

bool BfdInlets::open(const Place& place) {
    std::vector<ListeningSocket*> siblings;
    for (const auto& [other, inlet] : open_)
        if (other.channel == place.channel && other.family == place.family)
            siblings.push_back(inlet.socket.get());
    for (ListeningSocket* sibling : siblings) sibling->share(true);
    auto opened = ListeningSocket::open(
        place, ports_.of(place.channel),
        siblings.empty() ? ListeningSocket::Sharing::alone : ListeningSocket::Sharing::with_ours);
    for (ListeningSocket* sibling : siblings) sibling->share(false);
    if (!opened) {
        note(problems_[place], opened.error().message);
        return false;
    }
    BfdInlet& inlet = open_[place];
    inlet.socket = std::move(*opened);
    watch(inlet.socket->descriptor(), inlet);
    if (place.channel == Channel::echo) open_link(place, inlet);
    return true;
}

void BfdInlets::open_link(const Place& place, BfdInlet& inlet) {
    auto opened = EchoLink::open(
        {.family = place.family, .device_index = inlet.socket->device_index()}, ports_.echo);
    if (!opened) return note(link_problem_, opened.error().message);
    inlet.link = std::move(*opened);
    watch(inlet.link->descriptor(), inlet);
}

void BfdInlets::watch(int descriptor, BfdInlet& inlet) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &inlet;
    TRIVET_ASSERT(::epoll_ctl(poll_, EPOLL_CTL_ADD, descriptor, &event) == 0);
}

void BfdInlets::note(std::string& problem, std::string text) const {
    if (problem == text) return;
    problem = std::move(text);
    complain_(problem);
}

}  // namespace trivet::announce::bfd
