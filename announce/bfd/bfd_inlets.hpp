#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "announce/bfd/bfd_socket.hpp"
#include "announce/bfd/echo_link.hpp"

namespace trivet::announce::bfd {

/// Where packets of one place come in.
struct BfdInlet {
    std::unique_ptr<ListeningSocket> socket;
    std::unique_ptr<EchoLink> link;  // of the echo port, where it is permitted
};

/// The sockets that all sessions share: those that are needed are open, as far as they can be. The
/// BFD thread owns it.
class BfdInlets {
public:
    using Place = ListeningSocket::Place;
    using Complain = std::function<void(const std::string& problem)>;

    /// Each inlet's descriptors are added to the epoll `poll` with its address as their tag.
    BfdInlets(const Ports& ports, int poll, Complain complain)
        : ports_(ports), poll_(poll), complain_(std::move(complain)) {}

    /// Opens what is not open, closes what is needed no more. What cannot be opened is tried again
    /// at the next call, and complained of once.
    void set_needed(const std::set<Place>& needed);
    /// Those of a device that has another index now, or none, are closed.
    void forget_device(const std::string& device, std::uint32_t index);

    /// Null: it is not open.
    BfdInlet* find(const Place& place);
    bool is_open(const Place& place) const { return open_.contains(place); }
    /// Why a place that is needed is not open; empty: it is.
    std::string problem(const Place& place) const;
    template <class Visit>
    void for_each(Visit&& visit) {
        for (auto& [place, inlet] : open_) visit(inlet);
    }

private:
    bool open(const Place& place);
    void open_link(const Place& place, BfdInlet& inlet);
    void watch(int descriptor, BfdInlet& inlet) const;
    void note(std::string& problem, std::string text) const;

    Ports ports_;
    int poll_;
    Complain complain_;
    std::map<Place, BfdInlet> open_;
    std::map<Place, std::string> problems_;
    std::string link_problem_;
};

}  // namespace trivet::announce::bfd
