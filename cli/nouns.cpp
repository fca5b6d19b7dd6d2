#include "cli/nouns.hpp"

#include "api/model/rest_client.hpp"
#include "cli/backend_text.hpp"
#include "cli/selector_text.hpp"

namespace trivet::cli {
namespace {

using nlohmann::json;

Cell at(const json& object, std::string_view path) { return {brief(at_path(object, path))}; }

Tone tone_of_phase(std::string_view phase) {
    if (phase == "announced") return Tone::good;
    if (phase == "conflict") return Tone::bad;
    return phase == "pending" ? Tone::warning : Tone::plain;
}

Cell phase(const json& vip) {
    auto cell = at(vip, "status.phase");
    cell.tone = tone_of_phase(cell.text);
    return cell;
}

/// The addresses a VIP has, else those it wants.
Cell vip_addresses(const json& vip) {
    const auto given = at_path(vip, "status.addresses");
    return given.empty() ? at(vip, "addresses") : Cell{brief(given)};
}

/// "3 of 51"; what the server does not tell is left out.
Cell pool_use(const json& pool) {
    const auto assigned = at_path(pool, "status.assigned");
    const auto total = at_path(pool, "status.total");
    if (assigned.is_null() || total.is_null()) return {"-"};
    return {brief(assigned) + " of " + brief(total)};
}

/// The first of these fields that an object has.
Cell first_of(const json& object, std::initializer_list<const char*> paths) {
    for (const char* path : paths)
        if (!at_path(object, path).is_null()) return at(object, path);
    return {"-"};
}

Cell peer_place(const json& peer) {
    return first_of(peer, {"peer_address", "interface", "peer_prefix"});
}

/// Of the node that answers.
Cell peer_state(const json& peer) {
    auto cell = at(peer, "status.state");
    cell.tone = cell.text == "established" ? Tone::good : Tone::warning;
    return cell;
}

Cell peer_asn(const json& peer) { return first_of(peer, {"peer_asn", "dynamic_asn"}); }

template <std::size_t N>
struct Literal {
    char text[N];
    constexpr Literal(const char (&literal)[N]) { std::copy_n(literal, N, text); }
};

/// A cell that shows the field at a path.
template <Literal path>
Cell field(const json& object) {
    return at(object, path.text);
}

std::vector<Noun> make_nouns() {  // NOLINT(readability-function-size): a table
    const Column name{"NAME", false, field<"name">};
    const Column labels{"LABELS", true, field<"labels">};
    return {
        {Kind::name_space,
         "namespace",
         "namespaces",
         "labels that pools select namespaces by",
         {name, {"LABELS", false, field<"labels">}}},
        {Kind::pool,
         "pool",
         "pools",
         "ranges of addresses that VIPs are taken from",
         {name,
          {"ADDRESSES", false, field<"addresses">},
          {"USED", false, pool_use},
          {"AUTO-ASSIGN", false, field<"auto_assign">},
          {"AVOID-BUGGY-IPS", true, field<"avoid_buggy_ips">},
          {"PRIORITY", true, field<"priority">},
          {"NAMESPACES", true, field<"namespaces">},
          {"COOLING", true, field<"status.cooling">},
          {"ANNOUNCED-BY", true, field<"status.announced_by">},
          labels}},
        {Kind::community,
         "community",
         "communities",
         "names for BGP communities",
         {name, {"COMMUNITIES", false, field<"communities">}, labels}},
        {Kind::bfd_profile,
         "bfd-profile",
         "bfd-profiles",
         "timers of BFD sessions",
         {name,
          {"RECEIVE-INTERVAL", false, field<"receive_interval">},
          {"TRANSMIT-INTERVAL", false, field<"transmit_interval">},
          {"DETECT-MULTIPLIER", false, field<"detect_multiplier">},
          {"PASSIVE-MODE", true, field<"passive_mode">},
          labels}},
        {Kind::bgp_peer,
         "bgp-peer",
         "bgp-peers",
         "routers that BGP sessions are held with",
         {name,
          {"PEER", false, peer_place},
          {"PEER-ASN", false, peer_asn},
          {"MY-ASN", false, field<"my_asn">},
          {"STATE", false, peer_state},
          {"BFD", false, field<"status.bfd">},
          {"ADVERTISED", false, field<"status.advertised">},
          {"NODE", true, field<"status.node">},
          {"BFD-PROFILE", true, field<"bfd_profile">},
          {"NODE-SELECTORS", true, field<"node_selectors">},
          {"WARNINGS", true, field<"status.warnings">},
          labels}},
        {Kind::l2_advertisement,
         "l2-advertisement",
         "l2-advertisements",
         "which pools are announced by ARP and NDP, from which nodes and interfaces",
         {name,
          {"POOLS", false, field<"pools">},
          {"POOL-SELECTORS", false, field<"pool_selectors">},
          {"NODE-SELECTORS", false, field<"node_selectors">},
          {"INTERFACES", false, field<"interfaces">},
          labels}},
        {Kind::bgp_advertisement,
         "bgp-advertisement",
         "bgp-advertisements",
         "which pools are announced by BGP, with which attributes",
         {name,
          {"POOLS", false, field<"pools">},
          {"POOL-SELECTORS", false, field<"pool_selectors">},
          {"PEERS", false, field<"peers">},
          {"LOCAL-PREF", true, field<"local_pref">},
          {"MED", true, field<"med">},
          {"PREPEND", true, field<"prepend">},
          {"COMMUNITIES", true, field<"communities">},
          {"NODE-SELECTORS", true, field<"node_selectors">},
          {"WARNINGS", true, field<"status.warnings">},
          labels}},
        {Kind::vip,
         "vip",
         "vips",
         "virtual addresses: claim, look at, release",
         {{"NAMESPACE", false, field<"namespace">},
          name,
          {"ADDRESSES", false, vip_addresses},
          {"PHASE", false, phase},
          {"OWNER", false, field<"status.owner">},
          {"POOL", true, field<"pool">},
          {"PORTS", true, field<"ports">},
          {"STANDBYS", true, field<"status.standbys">},
          {"INTERFACES", true, field<"status.interfaces">},
          {"DELIVERY", true, field<"delivery">},
          {"REASON", true, field<"status.reason">},
          labels}},
        {Kind::node,
         "node",
         "nodes",
         "machines that run lbd",
         {name,
          {"DRAINED", false, field<"drained">},
          {"WEIGHT", true, field<"weight">},
          {"WITNESS", true, field<"witness">},
          {"INTERFACES", true, field<"interfaces">},
          {"LABELS", false, field<"labels">}}},
    };
}

/// A label selector, a backend, a port, a community: objects that have a short form of their own.
std::string brief_object(const json& object) {
    if (object.contains("match_labels") || object.contains("match_expressions")) {
        return selector_to_text(object);
    }
    if (object.contains("target_port")) return backend_to_text(object);
    if (object.contains("port")) {
        return brief(object["port"]) + "/" + brief(at_path(object, "protocol"));
    }
    if (object.contains("prefixes"))
        return brief(at_path(object, "name")) + " (" + brief(object["prefixes"]) + ")";
    std::string text;
    for (const auto& [key, value] : object.items()) {
        if (!text.empty()) text += ",";
        text += key + "=" + brief(value);
    }
    return text;
}

}  // namespace

const std::vector<Noun>& nouns() {
    static const auto table = make_nouns();
    return table;
}

const Noun& noun_of(Kind kind) {
    return *std::find_if(nouns().begin(), nouns().end(),
                         [kind](const Noun& noun) { return noun.kind == kind; });
}

std::string reference(const Noun& noun, const json& object) {
    std::string text(noun.word);
    if (noun.namespaced()) text += "/" + brief(at_path(object, "namespace"));
    return text + "/" + brief(at_path(object, "name"));
}

std::string rest_path(const Noun& noun, const json& object) {
    const auto name = object.value("name", std::string());
    if (!noun.namespaced()) return model::url_path({"v1", noun.plural, name});
    return model::url_path({"v1", noun.plural, object.value("namespace", std::string()), name});
}

std::string brief(const json& value) {
    if (value.is_null()) return "-";
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        return text.empty() ? "-" : text;
    }
    if (value.is_structured() && value.empty()) return "-";
    if (value.is_object()) return brief_object(value);
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const auto& item : value) {
        if (!text.empty()) text += item.is_object() && !item.contains("port") ? "; " : ",";
        text += brief(item);
    }
    return text;
}

json at_path(const json& object, std::string_view path) {
    const json* here = &object;
    while (!path.empty()) {
        const auto step = path.substr(0, path.find('.'));
        if (!here->is_object()) return nullptr;
        const auto found = here->find(step);
        if (found == here->end()) return nullptr;
        here = &*found;
        path.remove_prefix(std::min(path.size(), step.size() + 1));
    }
    return *here;
}

}  // namespace trivet::cli
