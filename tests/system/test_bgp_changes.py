"""What lbd says to its BGP peers when VIPs, advertisements and peers change: exactly the difference, in one session.

A witness reads every message on the routers' interfaces; see bgp_scene.py for what each step demands.
"""
import functools
import os

import harness
from bgp_network import addresses, prefixes
from bgp_scene import Scene, aggregated

SOAK = os.environ.get("TRIVET_SOAK") == "1"
COUNT = 1000 if SOAK else 250  # VIPs; each has a route of both families, and those of IPv6 need several UPDATEs
VIPS = range(1, COUNT + 1)
NOBODY = [{"match_labels": {"kubernetes.io/hostname": "n9"}}]
EVERYBODY = [{"match_labels": {"kubernetes.io/hostname": "n1"}}]
OTHER_CONFIGURATION_CHANGE, PEER_DECONFIGURED = 6, 3  # RFC 4486


def announcing(lab):
    """A scene with VIPs that are announced."""
    scene = Scene(lab)
    scene.step(f"{COUNT} VIPs created", scene.vips(VIPS), **scene.tables(prefixes(VIPS)))
    return scene


# ---- VIPs ----------------------------------------------------------------------------------------
UNSEEN = {  # what BGP does not carry
    "ports": {"ports": [{"port": 443, "protocol": "tcp"}]}, "labels": {"labels": {"tier": "web"}},
    "traffic_policy": {"traffic_policy": "local"}, "preferred_nodes": {"preferred_nodes": ["n1"]},
    "sharing_key": {"sharing_key": "together"}, "delivery": {"delivery": "bind"}, "no field": {},
}


def elsewhere(number):
    """Other addresses, for a VIP that moves."""
    return addresses(number + 20000)


def test_vips(lab):
    scene = announcing(lab)
    scene.step("the same again", scene.vips(VIPS))
    more = range(1, COUNT + 2)
    scene.step("one VIP created", scene.vips(more[-1:]), **scene.tables(prefixes(more)))
    for what, fields in UNSEEN.items():
        scene.step(f"{what} of {COUNT} VIPs changed", scene.vips(VIPS, **fields))
    scene.step("eligible_nodes leave the node out", scene.vips(VIPS, eligible_nodes=["n9"]),
               **scene.tables(prefixes(more[-1:])))
    scene.step("eligible_nodes name the node", scene.vips(VIPS, eligible_nodes=["n1"]), **scene.tables(prefixes(more)))
    moved = [number + 20000 for number in VIPS]
    scene.step(f"addresses of {COUNT} VIPs changed", scene.vips(VIPS, elsewhere),
               **scene.tables(prefixes([*moved, more[-1]])))
    remove_one_by_one(scene, more, moved)


def remove_one_by_one(scene, numbers, moved):
    """The first ones with a look at each, the others as fast as calls are answered: they may share UPDATEs then."""
    left = [*moved, numbers[-1]]

    def delete(some):
        for number in some:
            scene.delete(f"vips/default/v{number}")

    for number in numbers[:3]:
        left.pop(0)
        scene.step("one VIP removed", functools.partial(delete, [number]), **scene.tables(prefixes(left)))
    scene.step(f"{len(left)} VIPs removed one by one", functools.partial(delete, numbers[3:]), packed=False,
               **scene.tables(prefixes([])))


# ---- bgp-advertisement: what routes carry --------------------------------------------------------
COLOURS = {"kind": "community", "name": "colours",
           "communities": [{"name": "blue", "value": "65000:100"}, {"name": "green", "value": "large:65000:1:2"}]}
RT = {"extended_communities": {"rt:65009:100"}}
EVERYTHING = {"local_pref": 200, "med": 7, "prepend": 1, "communities": ["65009:100", "large:65009:1:2"],
              "extended_communities": ["rt:65009:100"]}
ATTRIBUTES = {  # what: (fields of the advertisement, what routes carry then)
    "local_pref": ({"local_pref": 250}, {"local_pref": 250}),
    "local_pref as if none were given": ({"local_pref": 100}, {}),
    "no local_pref": ({}, {}),
    "med": ({"med": 50}, {"med": 50}),
    "med 0": ({"med": 0}, {"med": 0}),
    "no med": ({}, {}),
    "prepend": ({"prepend": 2}, {"prepend": 2}),
    "no prepend": ({"prepend": 0}, {}),
    "communities": ({"communities": ["65009:200", "65009:100"]}, {"communities": {"65009:100", "65009:200"}}),
    "communities in another order": ({"communities": ["65009:100", "65009:200"]},
                                     {"communities": {"65009:100", "65009:200"}}),
    "well-known communities": ({"communities": ["no-export", "NO_ADVERTISE"]},
                               {"communities": {"65535:65281", "65535:65282"}}),
    "large communities": ({"communities": ["65009:100", "large:65009:1:2"]},
                          {"communities": {"65009:100"}, "large_communities": {"65009:1:2"}}),
    "aliases": ({"communities": ["blue", "green"]}, {"communities": {"65000:100"}, "large_communities": {"65000:1:2"}}),
    "no communities": ({}, {}),
    "extended_communities": ({"extended_communities": ["rt:65009:100"]}, RT),
    "extended_communities in octets": ({"extended_communities": ["0x0002fdf100000064"]}, RT),
    "extended_communities of four-octet ASes": (
        {"extended_communities": ["rt:4200000009:5", "soo:65009:7"]},
        {"extended_communities": {"rt:4200000009:5", "soo:65009:7"}}),
    "everything": (EVERYTHING, {"local_pref": 200, "med": 7, "prepend": 1, "communities": {"65009:100"},
                                "large_communities": {"65009:1:2"}, **RT}),
    "graceful_shutdown": ({"graceful_shutdown": True}, {"communities": {"65535:0"}, "local_pref": 0}),
    "nothing": ({}, {}),
    "labels": ({"labels": {"tier": "front"}}, {}),
}


def test_attributes(lab):
    scene = announcing(lab)
    scene.apply(COLOURS)
    for what, (fields, shape) in ATTRIBUTES.items():
        scene.step(what, [scene.advertisement(**fields)], **scene.tables(prefixes(VIPS), **shape))


def test_aliases(lab):
    """The advertisement stays as it is; what its words stand for changes."""
    scene = announcing(lab)
    every, nothing = prefixes(VIPS), prefixes([])

    def colours(**values):
        return [{**COLOURS, "communities": [{"name": name, "value": value} for name, value in values.items()]}]

    scene.step("an alias that nobody defines", [scene.advertisement(communities=["blue", "65009:1"])],
               **scene.tables(nothing))
    scene.step("the alias defined", colours(blue="65000:100"),
               **scene.tables(every, communities={"65000:100", "65009:1"}))
    scene.step("another value", colours(blue="65000:200"), **scene.tables(every, communities={"65000:200", "65009:1"}))
    scene.step("a large value", colours(blue="large:65000:2:3"),
               **scene.tables(every, communities={"65009:1"}, large_communities={"65000:2:3"}))
    scene.step("the value that the route has already", colours(blue="65009:1"),
               **scene.tables(every, communities={"65009:1"}))
    scene.step("another alias beside it", colours(blue="65009:1", green="65000:5"))
    scene.step("the alias deleted", lambda: scene.delete("communities/colours"), **scene.tables(nothing))
    scene.step("the alias not used", [scene.advertisement()], **scene.tables(every))


# ---- bgp-advertisement: prefixes -----------------------------------------------------------------
def test_aggregation(lab):
    scene = announcing(lab)
    every = prefixes(VIPS)
    for lengths in ((24, 128), (24, 120), (20, 120), (16, 112), (30, 126), (32, 128)):
        length, length_v6 = lengths
        fields = {"aggregation_length": length, "aggregation_length_v6": length_v6}
        scene.step(f"aggregation_length {length}, {length_v6}", [scene.advertisement(**fields)],
                   **scene.tables(aggregated(every, *lengths)))
        for listener in scene.listeners.values():
            listener.check_never_without()
    scene.step("aggregation_length 16, 112 again", [scene.advertisement(
        aggregation_length=16, aggregation_length_v6=112)], **scene.tables(aggregated(every, 16, 112)))
    scene.step("one more VIP within", scene.vips([COUNT + 1]))
    scene.step("one VIP less within", lambda: scene.delete("vips/default/v1"))


def test_second_advertisement(lab):
    """Two that make the same routes are merged; of other lengths they make routes of their own."""
    scene = announcing(lab)
    every = prefixes(VIPS)
    wide = aggregated(every, 24, 120)
    first, second = {"65009:100"}, {"65009:200"}
    scene.step("the first", [scene.advertisement(communities=["65009:100"], local_pref=250)],
               **scene.tables(every, communities=first, local_pref=250))
    merged = scene.tables(every, communities=first | second, local_pref=250)
    scene.step("a second", [scene.advertisement("second", communities=["65009:200"])], **merged)
    scene.step("the second, with what the first gives", [
        scene.advertisement("second", communities=["65009:200", "65009:100"], local_pref=250)])
    scene.step("the second contradicts and is refused", lambda: scene.apply(
        scene.advertisement("second", communities=["65009:200"], local_pref=50), status=409))
    alone = scene.tables(every, communities=first, local_pref=250)
    beside = scene.tables(wide, communities=second, local_pref=50)
    scene.step("the second aggregates", [scene.advertisement(
        "second", communities=["65009:200"], local_pref=50, aggregation_length=24, aggregation_length_v6=120)],
        **{name: {**alone[name], **beside[name]} for name in alone})
    scene.step("the second for one peer", [scene.advertisement(
        "second", communities=["65009:200"], peers=["internal"])],
        external=alone["external"], internal=merged["internal"])
    scene.step("the first deleted", lambda: scene.delete("bgp-advertisements/all"), external={},
               internal=scene.routes("internal", every, communities=second))
    scene.step("the second deleted", lambda: scene.delete("bgp-advertisements/second"), internal={})
    scene.step("one for all again", [scene.advertisement()], **scene.tables(every))


# ---- bgp-advertisement: whose routes, from where, to whom ----------------------------------------
ANNEX_PREFIXES = {"ipv4": {f"10.89.0.{n}/32" for n in (1, 2, 3)}, "ipv6": {f"fd89::{n}/128" for n in (1, 2, 3)}}
FRONT, BACK = ([{"match_labels": {"tier": tier}}] for tier in ("front", "back"))


def annex():
    """A second pool and its VIPs, which no advertisement selects yet."""
    vips = [{"kind": "vip", "name": f"a{n}", "namespace": "default", "addresses": [f"10.89.0.{n}", f"fd89::{n}"]}
            for n in (1, 2, 3)]
    return [pool("annex", "back", "10.89.0.0/28", "fd89::/124"), *vips]


def pool(name, tier, *ranges):
    return {"kind": "pool", "name": name, "addresses": ranges, "labels": {"tier": tier}}


def test_pools(lab):
    scene = announcing(lab)
    lan = prefixes(VIPS)
    both = {family: lan[family] | ANNEX_PREFIXES[family] for family in lan}
    scene.step("a pool that is not selected", annex())
    scene.step("pool_selectors that choose the same", [scene.advertisement(pool_selectors=FRONT)])
    scene.step("pools beside pool_selectors", [scene.advertisement(pools=["annex"], pool_selectors=FRONT)],
               **scene.tables(both))
    scene.step("pools", [scene.advertisement(pools=["annex"])], **scene.tables(ANNEX_PREFIXES))
    scene.step("pool_selectors", [scene.advertisement(pool_selectors=BACK)])
    lan_ranges = "10.88.0.0/16", "fd88::/112"
    scene.step("labels of a pool", [pool("lan", "back", *lan_ranges)], **scene.tables(both))
    scene.step("labels of a pool, back", [pool("lan", "front", *lan_ranges)], **scene.tables(ANNEX_PREFIXES))
    scene.step("a pool more", [scene.advertisement(pools=["annex", "lan"])], **scene.tables(both))


def test_selectors(lab):
    scene = announcing(lab)
    every, even = prefixes(VIPS), prefixes(VIPS[1::2])
    labels = {"labels": {"group": "even"}}
    scene.step("labels of VIPs that nobody asks for", scene.vips(VIPS[1::2], **labels))
    by_label = scene.advertisement(vip_selectors=[{"match_labels": {"group": "even"}}])
    scene.step("vip_selectors", [by_label], **scene.tables(even))
    scene.step("labels of one VIP", scene.vips(VIPS[:1], **labels), **scene.tables(prefixes([1, *VIPS[1::2]])))
    scene.step("no vip_selectors", [scene.advertisement()], **scene.tables(every))
    scene.step("node_selectors without the node", [scene.advertisement(node_selectors=NOBODY)],
               **scene.tables(prefixes([])))
    scene.step("node_selectors with the node", [scene.advertisement(node_selectors=EVERYBODY)], **scene.tables(every))
    scene.step("no node_selectors", [scene.advertisement()])
    scene.step("peers: the external one", [scene.advertisement(peers=["external"])], internal={})
    scene.step("peers: the internal one", [scene.advertisement(peers=["internal"])], external={},
               internal=scene.routes("internal", every))
    scene.step("peers: both", [scene.advertisement(peers=["internal", "external"])],
               external=scene.routes("external", every))
    scene.step("no peers", [scene.advertisement()])


# ---- bgp-peer ------------------------------------------------------------------------------------
SESSION = {  # what a session consists of
    "hold_time": {"hold_time": 60}, "keepalive_time": {"keepalive_time": 7}, "router_id": {"router_id": "10.99.0.77"},
    "source_address": {"source_address": "10.99.0.1"}, "prefixes_max": {"prefixes_max": 5000},
    "enable_graceful_restart": {"enable_graceful_restart": True},
}


def test_peers(lab):
    scene = announcing(lab)
    every = prefixes(VIPS)

    def external(**fields):
        return [scene.peer("external", **fields)]

    scene.step("a peer as it was", external())
    scene.step("labels of a peer", external(labels={"rack": "a"}))
    scene.step("node_selectors that choose the node", external(node_selectors=EVERYBODY))
    scene.step("bfd_profile", external(bfd_profile="fast"))
    scene.step("the bfd-profile itself", [{"kind": "bfd-profile", "name": "fast", "transmit_interval": 300}])
    scene.step("no bfd_profile", external())
    scene.step("graceful_shutdown of a peer", external(graceful_shutdown=True),
               external=scene.routes("external", every, communities={"65535:0"}))
    scene.step("no graceful_shutdown", external(), external=scene.routes("external", every))
    for what, fields in SESSION.items():
        scene.begin_anew(what, external(**fields), "external", OTHER_CONFIGURATION_CHANGE)
    scene.end("node_selectors that leave the node out", external(node_selectors=NOBODY), "external", PEER_DECONFIGURED)
    scene.begin_anew("no node_selectors", external(), "external")
    scene.end("the peer deleted", lambda: scene.delete("bgp-peers/external"), "external", PEER_DECONFIGURED)
    scene.begin_anew("the peer created", external(), "external")


harness.main(globals())
