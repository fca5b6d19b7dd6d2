"""Layer-2 announcements seen from the network: the L2Service alone, with real Linux neighbours."""
import json

import harness
import packets
from harness import Skip, wait_for
from l2 import VIP4, VIP6, Service, announced, loopback, network, quick_addresses, sysctl
from packets import OVERRIDE, ROUTER, SOLICITED, Arp, Ndp, Wire, is_advertisement, is_arp_answer


def test_neighbour_entry_has_the_nodes_mac(lab):
    node, client = network(lab)
    service = announced(node, "bind")
    client.run("ping", "-c", "1", "-W", "5", VIP4)
    client.run("ping", "-c", "1", "-W", "5", VIP6)
    assert client.neighbour(VIP4) == node.mac("eth0")
    assert client.neighbour(VIP6) == node.mac("eth0")
    assert client.run("arping", "-c", "1", "-w", "5", "-I", "eth0", VIP4).returncode == 0
    service.stop()


def test_announcements_have_both_forms_and_override(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = announced(node)
    mac = node.mac("eth0")
    gratuitous = {1: None, 2: None}
    unsolicited = None
    for message in wire.messages(5):
        if isinstance(message, Arp) and message.sender == VIP4:
            gratuitous[message.operation] = message
        if isinstance(message, Ndp) and is_advertisement(VIP6)(message):
            unsolicited = message
        if all(gratuitous.values()) and unsolicited:
            break
    for message in gratuitous.values():
        assert message and message.destination == "ff:ff:ff:ff:ff:ff" and message.target == VIP4, vars(message)
        assert message.sender_mac == message.source == mac
    assert unsolicited.valid and unsolicited.flags & OVERRIDE and not unsolicited.flags & (SOLICITED | ROUTER)
    assert unsolicited.destination == "ff02::1" and unsolicited.link_layer == mac
    service.stop()


def test_answers_have_override(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = announced(node)
    mac = node.mac("eth0")
    for options in ({}, {"link_layer": False}, {"destination": VIP6, "destination_mac": packets.mac_bytes(mac)}):
        wire.drain()
        wire.ask_ndp(VIP6, "fd77::2", **options)
        answer = wire.wait_for(f"an answer ({options})", is_advertisement(VIP6, solicited=True))
        assert answer.valid and answer.flags & OVERRIDE and not answer.flags & ROUTER, vars(answer)
        assert answer.link_layer == mac and answer.destination == "fd77::2"
    wire.ask_arp(VIP4, "10.77.0.2")
    answer = wire.wait_for("an ARP reply", is_arp_answer(VIP4, to="10.77.0.2"))
    assert answer.sender_mac == mac and answer.destination == packets.mac_text(wire.mac)
    service.stop()


def test_router_flag_follows_forwarding(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = announced(node)
    node.run("sysctl", "-qw", "net.ipv6.conf.eth0.forwarding=1")

    def is_router():
        wire.ask_ndp(VIP6, "fd77::2")
        return wire.wait_for("an answer", is_advertisement(VIP6, solicited=True)).flags & ROUTER
    wait_for("the router flag", is_router)
    service.stop()


def test_groups_on_an_interface_that_appears_later(lab):
    node, client = network(lab)
    other = lab.bridge("br1")
    neighbour = quick_addresses(lab.host("other"))
    lab.plug(other, neighbour, "eth0", "fd88::2/64")
    service = Service(node).tell("add fd88::50", "add fd88::51 if=eth1", "plan")
    service.wait_phase("fd88::50", "no_interface", "no interface has a subnet that holds fd88::50")
    service.wait_phase("fd88::51", "no_interface", "eth1 does not exist on this node")
    lab.plug(other, node, "eth1", "fd88::1/64")
    for address in ("fd88::50", "fd88::51"):
        assert service.wait_phase(address, "announced")["interfaces"] == ["eth1"]
    groups = {entry.get("address") for entry in json.loads(node.ip("-j", "maddr", "show", "dev", "eth1"))[0]["maddr"]}
    assert {"ff02::1:ff00:50", "ff02::1:ff00:51"} <= groups, groups
    wire = Wire(neighbour)
    wire.ask_ndp("fd88::50", "fd88::2")
    wire.wait_for("an answer", is_advertisement("fd88::50", solicited=True))
    service.tell("del fd88::50")
    wait_for("the group to be left", lambda: "ff02::1:ff00:50" not in node.ip("maddr", "show", "dev", "eth1"))
    service.stop()


def test_silent_where_it_must_be(lab):
    """On the wrong interface, to tagged frames, for addresses not owned; also with the address on lo."""
    node, client = network(lab)
    other = lab.bridge("br1")
    stranger = quick_addresses(lab.host("other"))
    lab.plug(other, stranger, "eth0", "10.88.0.2/24", "fd88::2/64")
    lab.plug(other, node, "eth1", "10.88.0.1/24", "fd88::1/64")
    service = announced(node, "bind")
    service.tell("add 10.88.0.50 bind", "add fd88::50 bind")
    service.wait_phase("10.88.0.50", "announced")
    service.wait_phase("fd88::50", "announced")
    here, there = Wire(client), Wire(stranger)
    # Frames are answered in order: when the last question has its answer, the others will get none.
    there.ask_arp(VIP4, "10.88.0.2")
    there.ask_ndp(VIP6, "fd88::2")
    there.ask_arp("10.88.0.50", "10.88.0.2")
    there.ask_ndp("fd88::50", "fd88::2")
    here.ask_arp(VIP4, "10.77.0.9", tag=5)
    here.ask_ndp(VIP6, "fd77::9", tag=5)
    here.ask_arp(VIP4, "10.77.0.9", tag=0)  # priority tag: another network as well
    here.ask_arp("10.77.0.51", "10.77.0.9")
    here.ask_ndp("fd77::51", "fd77::9")
    here.ask_arp(VIP4, "10.77.0.2")
    here.ask_ndp(VIP6, "fd77::2")
    for wire, arp, ndp, mine in ((there, "10.88.0.50", "fd88::50", "88"), (here, VIP4, VIP6, "77")):
        answers = set()
        for message in wire.messages(5):
            if isinstance(message, Arp) and message.operation == 2:
                assert message.target != "10.77.0.9" and message.sender == arp, vars(message)
                answers.add("arp" if message.target == f"10.{mine}.0.2" else "gratuitous")
            if isinstance(message, Ndp) and message.kind == packets.ADVERTISEMENT:
                assert message.destination != "fd77::9" and message.target == ndp, vars(message)
                answers.add("ndp" if message.flags & SOLICITED else "unsolicited")
            if {"arp", "ndp"} <= answers:
                break
        assert {"arp", "ndp"} <= answers, answers
    service.stop()


def test_mac_change_is_announced(lab):
    node, client = network(lab)
    service = announced(node, "bind")
    client.run("ping", "-c", "1", "-W", "5", VIP4)
    client.run("ping", "-c", "1", "-W", "5", VIP6)
    new = "02:00:00:00:77:01"
    node.ip("link", "set", "eth0", "address", new)
    # The client asks nobody: what it knows changes by announcements alone.
    wait_for("the client to learn the new MAC", lambda: client.neighbour(VIP4) == new and client.neighbour(VIP6) == new)
    service.stop()


def test_conflict_of_an_announced_address(lab):
    node, client = network(lab)
    service = announced(node)
    wire = Wire(client)
    stranger = b"\x02\x00\x00\x00\x66\x01"

    def claim():
        wire.send(packets.arp_frame(1, stranger, VIP4, b"\0" * 6, VIP4))
        wire.send(packets.ndp_frame(stranger, VIP6, VIP6, destination="ff02::1", kind=packets.ADVERTISEMENT,
                                    flags=OVERRIDE))
    # In the first 2 s after a take-over this could be the owner before: then it is defended against only.
    for address in (VIP4, VIP6):
        wait_for("the grace to end", lambda: service.age(address) > 2.1)
    wire.drain()
    claim()
    defence = wire.wait_for("the defence", lambda m: isinstance(m, Arp) and m.sender == VIP4)  # RFC 5227 section 2.4 (b)
    assert defence.sender_mac == node.mac("eth0")
    assert service.status[VIP4]["phase"] == "announced", "one conflict alone is defended"
    claim()
    for address in (VIP4, VIP6):
        status = service.wait_phase(address, "conflict", "take the address off")
        assert status["conflict_mac"] == "02:00:00:00:66:01" and status["interfaces"] == [], status
    service.tell("add 10.77.0.60")
    service.wait_phase("10.77.0.60", "announced")
    wire.drain()
    wire.ask_arp(VIP4, "10.77.0.2")
    wire.ask_arp("10.77.0.60", "10.77.0.2")
    first = wire.wait_for("an answer", lambda m: isinstance(m, Arp) and m.operation == 2 and m.target == "10.77.0.2")
    assert first.sender == "10.77.0.60", "a quarantined address is not answered"
    service.tell("counters")
    wait_for("the counters", lambda: service.counters)
    assert service.counters["conflicts"] >= 4, service.counters
    service.stop()


def test_conflict_found_by_the_probe(lab):
    """A real Linux host has the address: it answers the probe, and nothing is ever announced."""
    node, client = network(lab)
    client.ip("addr", "add", f"{VIP4}/24", "dev", "eth0")
    client.ip("addr", "add", f"{VIP6}/64", "dev", "eth0", "nodad")
    wire = Wire(client)
    service = Service(node).tell("plan", f"add {VIP4}", f"add {VIP6}")
    for address in (VIP4, VIP6):
        assert service.wait_phase(address, "conflict")["conflict_mac"] == client.mac("eth0")
        assert (address, "announced") not in service.history
    wire.socket.setblocking(False)
    claims = [vars(m) for m in wire.messages(0.05)
              if isinstance(m, Arp) and m.sender == VIP4 or isinstance(m, Ndp) and is_advertisement(VIP6)(m)]
    assert claims == [], claims
    service.stop()


def test_withdrawal(lab):
    node, client = network(lab)
    service = announced(node, "bind")
    assert {VIP4, VIP6} <= loopback(node)
    assert (sysctl(node, "arp_ignore"), sysctl(node, "arp_announce")) == ("1", "2")
    service.tell(f"del {VIP6}")
    wait_for("the address to leave lo", lambda: VIP6 not in loopback(node))
    wire = Wire(client)
    wire.ask_ndp(VIP6, "fd77::2")
    wire.ask_ndp("fd77::1", "fd77::2")  # the node's own kernel answers this one
    answer = wire.wait_for("an answer", lambda m: isinstance(m, Ndp) and m.kind == packets.ADVERTISEMENT)
    assert answer.target == "fd77::1"
    assert VIP4 in loopback(node)
    service.stop()
    assert loopback(node) == {"127.0.0.1", "::1"}
    assert (sysctl(node, "arp_ignore"), sysctl(node, "arp_announce")) == ("0", "0")
    wire.drain()
    wire.ask_arp(VIP4, "10.77.0.2")
    wire.ask_arp("10.77.0.1", "10.77.0.2")
    assert wire.wait_for("an answer", lambda m: isinstance(m, Arp) and m.operation == 2).sender == "10.77.0.1"


def test_kill_leaves_nothing_after_restart(lab):
    node, client = network(lab)
    service = announced(node, "bind")
    service.kill()
    assert {VIP4, VIP6} <= loopback(node), "a killed process cannot clean up"
    node.ip("addr", "add", "192.0.2.9/32", "dev", "lo")  # somebody else's
    again = Service(node)
    wait_for("the start", lambda: again.events)
    assert {VIP4, VIP6} <= loopback(node), "nothing is touched before the plan is known"
    again.tell(f"add {VIP4} bind", "plan")
    again.wait_phase(VIP4, "announced")
    assert (VIP4, "probing") not in again.history, "the holder of before takes over without a probe"
    wait_for("the stale address to go", lambda: loopback(node) == {"127.0.0.1", "::1", "192.0.2.9", VIP4})
    assert sysctl(node, "arp_ignore") == "1"
    again.kill()
    # Nobody wants bind any more: now the settings go back, too.
    last = Service(node).tell(f"add {VIP4}", "plan")
    last.wait_phase(VIP4, "announced")
    wait_for("the settings to be restored", lambda: (sysctl(node, "arp_ignore"), sysctl(node, "arp_announce")) == ("0", "0"))
    wait_for("the stale address to go", lambda: loopback(node) == {"127.0.0.1", "::1", "192.0.2.9"})
    last.stop()


def test_settings_that_others_changed_stay(lab):
    node, _ = network(lab)
    service = announced(node, "bind")
    node.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=2")
    service.stop()
    assert (sysctl(node, "arp_ignore"), sysctl(node, "arp_announce")) == ("2", "0")
    assert any("left net.ipv4.conf.all.arp_ignore alone" in line["message"] for line in service.logs)


def test_read_only_settings_are_a_clear_error(lab):
    node, _ = network(lab)
    read_only = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec \"$0\" \"$@\""
    service = Service(node, wrapper=("unshare", "-m", "sh", "-c", read_only))
    service.tell(f"add {VIP4} bind", f"add {VIP6} bind", "plan")
    service.wait_phase(VIP4, "no_interface", "sysctl -w net.ipv4.conf.all.arp_ignore=1")
    service.wait_phase(VIP6, "announced")  # needs no such setting
    assert VIP4 not in loopback(node)
    node.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
    service.wait_phase(VIP4, "announced")  # found out by itself
    service.stop()


def test_lo_is_mended(lab):
    node, _ = network(lab)
    service = announced(node, "bind")
    node.ip("addr", "del", f"{VIP4}/32", "dev", "lo")
    node.ip("addr", "del", f"{VIP6}/128", "dev", "lo")
    wait_for("the addresses to be back", lambda: {VIP4, VIP6} <= loopback(node))
    wait_for("it to tell of it", lambda: any("somebody took" in line["message"] for line in service.logs))
    service.stop()


def test_foreign_address_is_left_and_reported(lab):
    node, _ = network(lab)
    node.ip("addr", "add", f"{VIP4}/32", "dev", "lo")
    service = announced(node, "bind")
    service.wait_phase(VIP4, "announced", f"{VIP4} is also an address of lo, put there by something else")
    node.ip("addr", "add", f"{VIP6}/64", "dev", "eth0", "nodad")
    service.wait_phase(VIP6, "announced", f"{VIP6} is also an address of eth0")
    node.ip("addr", "del", f"{VIP6}/64", "dev", "eth0")
    wait_for("the message to go", lambda: service.status[VIP6]["message"] == "")
    service.stop()
    assert VIP4 in loopback(node) and VIP6 not in loopback(node)


def test_bound_address_is_no_source(lab):
    """Traffic that the node starts by itself must not come from a VIP, where it has any other address."""
    node, client = network(lab)
    service = announced(node, "bind", "if=eth0")
    for target, own in (("10.77.0.2", "10.77.0.1"), ("fd77::2", "fd77::1")):
        route = json.loads(node.ip("-j", "route", "get", target))[0]
        assert route["prefsrc"] == own, route
    # An interface without an address of its own borrows one from lo, where the VIP is the better match.
    node.ip("addr", "add", "192.0.2.9/32", "dev", "lo")
    node.ip("addr", "add", "fd66::9/128", "dev", "lo")
    node.ip("addr", "flush", "dev", "eth0", "scope", "global")
    node.ip("route", "add", "10.77.0.0/24", "dev", "eth0")
    node.ip("route", "add", "fd77::/64", "dev", "eth0")
    for target, own, vip in (("10.77.0.2", "192.0.2.9", VIP4), ("fd77::2", "fd66::9", VIP6)):
        assert vip in loopback(node)
        route = json.loads(node.ip("-j", "route", "get", target))[0]
        assert route["prefsrc"] == own, route
    service.stop()


def test_carrier_loss(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = announced(node)
    node.switch.ip("link", "set", node.port, "down")
    service.wait_phase(VIP4, "no_interface", "eth0 has no carrier")
    service.wait_phase(VIP6, "no_interface", "eth0 has no carrier")
    wire.drain()
    node.switch.ip("link", "set", node.port, "up")
    wire.wait_for("a new announcement", lambda m: isinstance(m, Arp) and m.sender == VIP4)
    wire.wait_for("a new announcement", is_advertisement(VIP6, solicited=False))
    service.wait_phase(VIP4, "announced")
    service.wait_phase(VIP6, "announced")
    assert sum(entry == (VIP4, "announced") for entry in service.history) == 2
    service.stop()


def test_interface_goes_and_comes_back(lab):
    node, client = network(lab)
    service = announced(node)
    for command in (("link", "set", "eth0", "down"), ("link", "set", "eth0", "name", "lan0"),
                    ("link", "set", "lan0", "up"), ("addr", "add", "fd77::1/64", "dev", "lan0", "nodad")):
        node.ip(*command)
    wait_for("the new name", lambda: service.status[VIP4]["interfaces"] == ["lan0"])
    wait_for("the new name", lambda: service.status[VIP6]["interfaces"] == ["lan0"])
    node.ip("link", "del", "lan0")
    service.wait_phase(VIP4, "no_interface", "no interface has a subnet")
    lab.plug(node.switch, node, "eth0", "10.77.0.1/24", "fd77::1/64")
    assert service.wait_phase(VIP4, "announced")["interfaces"] == ["eth0"]
    service.wait_phase(VIP6, "announced")
    wire = Wire(client)
    wire.ask_arp(VIP4, "10.77.0.2")
    assert wire.wait_for("an answer", is_arp_answer(VIP4, to="10.77.0.2")).sender_mac == node.mac("eth0")
    service.stop()


def test_bridge_port_is_skipped(lab):
    node, client = network(lab)
    service = announced(node)
    node.ip("link", "add", "br7", "type", "bridge", "mcast_snooping", "0")
    node.ip("link", "set", "eth0", "master", "br7")
    service.wait_phase(VIP4, "no_interface")
    node.ip("addr", "flush", "dev", "eth0", "scope", "global")
    node.ip("link", "set", "br7", "up")
    node.ip("addr", "add", "10.77.0.1/24", "dev", "br7")
    assert service.wait_phase(VIP4, "announced")["interfaces"] == ["br7"]
    service.tell("add 10.77.0.61 if=eth0")
    service.wait_phase("10.77.0.61", "no_interface", "eth0 is a port of the bridge br7")
    node.ip("link", "set", "eth0", "nomaster")
    service.wait_phase("10.77.0.61", "announced")
    service.stop()


def test_interface_list_is_obeyed(lab):
    node, _ = network(lab)
    service = Service(node, "eth9").tell(f"add {VIP4}", "add 10.77.0.61 if=eth0", "plan")
    service.wait_phase(VIP4, "no_interface", "no interface has a subnet")
    service.wait_phase("10.77.0.61", "no_interface", "is not in the list l2.interfaces")
    service.tell("interfaces eth0")
    service.wait_phase(VIP4, "announced")
    service.wait_phase("10.77.0.61", "announced")
    service.stop()


def test_missing_capability_is_named(lab):
    node = lab.host("node")
    service = Service(node, wrapper=("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"))
    assert service.process.wait(timeout=10) == 1
    wait_for("the reason", lambda: service.events)
    assert service.events[0]["message"].startswith("announcing addresses needs CAP_NET_RAW;"), service.events


def test_scattered_addresses_on_a_small_kernel(lab):
    """Linux 6.1 gives the filters of a socket 20 KiB: a coarser filter serves as well."""
    node, client = network(lab)
    node.run("sysctl", "-w", "net.core.optmem_max=20480", check=False)
    if node.run("cat", "/proc/sys/net/core/optmem_max", check=False).stdout.strip() != "20480":
        raise Skip("net.core.optmem_max is not one of a network namespace here (Linux before 6.9)")
    many4 = [f"10.77.{i}.{7 * i % 251}" for i in range(1, 100)]
    many6 = [f"fd77::{i:x}:{7 * i:x}" for i in range(1, 100)]
    node.ip("addr", "add", "10.77.0.1/16", "dev", "eth0")
    service = Service(node).tell(*(f"add {address}" for address in many4 + many6), "plan")
    for address in many4 + many6:
        service.wait_phase(address, "announced")
    wire = Wire(client)
    for index in (0, 50, 98):
        wire.ask_arp(many4[index], "10.77.0.2")
        wire.wait_for("an answer", is_arp_answer(many4[index], to="10.77.0.2"))
        wire.ask_ndp(many6[index], "fd77::2")
        wire.wait_for("an answer", is_advertisement(many6[index], solicited=True))
    assert not [line for line in service.logs if line["log"] == "error"], service.logs
    service.stop()


harness.main(globals())
