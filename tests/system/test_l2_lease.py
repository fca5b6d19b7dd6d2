"""Leases as the network sees them: silence without one, announcements with one, and who else claims what."""
import json
import socket
import statistics
import struct
import time

import harness
import packets
from harness import wait_for
from l2 import VIP4, VIP6, Service, loopback, network, quick_addresses
from packets import OVERRIDE, SOLICITED, Arp, Ndp, Wire, is_advertisement, is_arp_answer

OTHER4 = "10.77.0.60"  # open all the time: its answer tells that the questions before it got none
OWNER, STRANGER = b"\x02\x00\x00\x00\x00\x02", b"\x02\x00\x00\x00\x66\x01"
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33


class Stamped:
    """Announcements with the time at which the kernel got them; large enough for ten thousand at once."""

    def __init__(self, host):
        self.wire = Wire(host)
        self.wire.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.wire.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def announcements(self, timeout):
        """(time in ns, address in bytes): an ARP request for the sender itself, or an advertisement."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.wire.socket.settimeout(left)
            try:
                frame, ancillary, _, _ = self.wire.socket.recvmsg(2048, 64)
            except TimeoutError:
                return
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            stamp = seconds * 10**9 + nanoseconds
            if frame[12:14] == b"\x08\x06" and frame[21] == 1 and frame[28:32] == frame[38:42]:
                yield stamp, frame[28:32]
            elif frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == packets.ADVERTISEMENT:
                yield stamp, frame[62:78]

    def first_seen(self, count, timeout):
        """When each address was first announced, once there are so many of each family; by its length in bytes."""
        first = {4: {}, 16: {}}
        for stamp, address in self.announcements(timeout):
            first[len(address)].setdefault(address, stamp)
            if all(len(each) >= count for each in first.values()):
                break
        return first


def claims(wire, seconds):
    """Whatever claims VIP4 or VIP6 within that time, or probes for VIP4."""
    return [vars(m) for m in wire.messages(seconds)
            if isinstance(m, Arp) and (m.sender == VIP4 or (m.sender, m.target) == ("0.0.0.0", VIP4))
            or is_advertisement(VIP6)(m)]


def assert_quiet(wire, seconds):
    seen = claims(wire, seconds)
    assert seen == [], seen


def candidate(node, *options):
    """A service with OTHER4 open in group 1, and VIP4 and VIP6 in group 2, which is closed."""
    service = Service(node).tell(f"add {OTHER4}", *(f"add {vip} group=2 {' '.join(options)}" for vip in (VIP4, VIP6)), "plan")
    service.wait_phase(OTHER4, "announced")
    for vip in (VIP4, VIP6):
        assert service.wait_phase(vip, "standby")["interfaces"] == ["eth0"]
    return service


def wait_both(service, phase):
    for vip in (VIP4, VIP6):
        service.wait_phase(vip, phase)


def ask_both(wire):
    wire.ask_arp(VIP4, "10.77.0.2")
    wire.ask_ndp(VIP6, "fd77::2")
    wire.ask_arp(OTHER4, "10.77.0.2")


def assert_no_answer(wire):
    """Nothing but questions (also the node's own) about the VIPs, until OTHER4 is answered for."""
    ask_both(wire)
    for message in wire.messages(8):
        if is_arp_answer(OTHER4, to="10.77.0.2")(message):
            return
        assert not (isinstance(message, Arp) and message.sender == VIP4), vars(message)
        assert not is_advertisement(VIP6)(message), vars(message)
    raise AssertionError("no answer for the address that is open")


def claim_vips(wire, mac):
    wire.send(packets.arp_frame(2, mac, VIP4, mac, VIP4))
    wire.send(packets.ndp_frame(mac, "fe80::66", VIP6, destination="ff02::1", kind=packets.ADVERTISEMENT, flags=OVERRIDE))


def test_standby_is_silent(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = candidate(node, "bind", "planned")
    assert_no_answer(wire)
    wire.ask_arp(VIP4)  # a probe (RFC 5227)
    assert_no_answer(wire)
    assert loopback(node) == {"127.0.0.1", "::1"}
    assert not [entry for entry in service.history if entry[0] != OTHER4 and entry[1] not in ("standby", "no_interface")]
    groups = node.ip("maddr", "show", "dev", "eth0")
    assert "ff02::1:ff00:50" in groups, groups  # prepared all the same
    service.stop()


def test_open_close_open(lab):
    node, client = network(lab)
    service = candidate(node, "take_over")
    for _ in range(2):
        wire, stamped = Wire(client), Stamped(client)
        service.tell("lease 2 open")
        wait_both(service, "announced")
        times = {packets.v4(VIP4): [], packets.v6(VIP6): []}
        for stamp, address in stamped.announcements(1.5):
            if address in times:
                times[address].append(stamp / 1e9)
        for each in times.values():  # 0, 100 ms, 1.1 s; each may be late by what the machine is late
            assert len(each) == 3 and 0.03 < each[1] - each[0] < 0.5 and 0.7 < each[2] - each[1] < 1.3, times
        ask_both(wire)
        wire.wait_for("an answer", is_arp_answer(VIP4, to="10.77.0.2"))
        wire.ask_ndp(VIP6, "fd77::2")
        wire.wait_for("an answer", is_advertisement(VIP6, solicited=True))
        service.tell("lease 2 closed")
        wait_both(service, "standby")
        wire.drain()
        assert_no_answer(wire)
        assert_quiet(wire, 1.2)  # the next announcement would have come by now
    service.stop()


def test_first_opening_probes_and_later_ones_do_not(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = candidate(node, "planned")
    service.tell("lease 2 open")
    wire.wait_for("a probe", lambda m: isinstance(m, Arp) and m.target == VIP4 and m.sender == "0.0.0.0")
    wait_both(service, "announced")
    service.tell("lease 2 closed")
    wait_both(service, "standby")
    wire.drain()
    service.tell("lease 2 open")
    wait_both(service, "announced")
    wire.wait_for("an announcement", lambda m: isinstance(m, Arp) and m.sender == VIP4)
    assert [phase for address, phase in service.history if address == VIP4].count("probing") == 1, service.history
    service.stop()


def test_bound_address_lingers(lab):
    node, client = network(lab)
    service = candidate(node, "bind", "take_over")
    service.tell("lease 2 open")
    wait_both(service, "announced")
    assert {VIP4, VIP6} <= loopback(node), "a few are bound before they are announced"
    wire = Wire(client)
    begin = time.monotonic()
    service.tell("lease 2 closed")
    wait_both(service, "standby")
    assert_no_answer(wire)
    wait_for("the addresses to leave lo", lambda: not {VIP4, VIP6} & loopback(node))
    assert 0.9 < time.monotonic() - begin < 4, time.monotonic() - begin
    assert_no_answer(wire)

    # Back within the linger: it stays.
    service.tell("lease 2 open")
    wait_both(service, "announced")
    service.tell("lease 2 closed", "lease 2 open")
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert {VIP4, VIP6} <= loopback(node)
    # Out of the plan: the node is no candidate any more.
    service.tell(f"del {VIP4}")
    wait_for("the address to leave lo", lambda: VIP4 not in loopback(node))
    assert VIP6 in loopback(node)
    service.stop()
    assert loopback(node) == {"127.0.0.1", "::1"}


def test_move_between_open_groups_is_not_noticed(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = Service(node).tell(*(f"add {vip} bind" for vip in (VIP4, VIP6)), "plan", "lease 2 open")
    wait_both(service, "announced")
    wait_for("the last announcement of the schedule", lambda: not claims(wire, 2.5), timeout=20)
    history = list(service.history)
    service.tell(*(f"add {vip} bind group=2" for vip in (VIP4, VIP6)), "lease 1 closed")
    service.tell("lease 3 open", *(f"add {vip} bind group=3" for vip in (VIP4, VIP6)), "lease 2 closed")
    assert_quiet(wire, 1.5)
    assert service.history == history and {VIP4, VIP6} <= loopback(node)
    wire.ask_arp(VIP4, "10.77.0.2")
    wire.wait_for("an answer", is_arp_answer(VIP4, to="10.77.0.2"))
    # To a group that is closed: silent at once.
    service.tell(*(f"add {vip} bind group=2" for vip in (VIP4, VIP6)))
    wait_both(service, "standby")
    wire.drain()
    wire.ask_arp(VIP4, "10.77.0.2")
    assert_quiet(wire, 0.5)
    # Closed and opened again in a moment: announced anew, for somebody else may have been there.
    service.tell("lease 2 open")
    wait_both(service, "announced")
    wait_for("the last announcement of the schedule", lambda: not claims(wire, 2.5), timeout=20)
    service.tell("lease 2 closed", "lease 2 open")
    wire.wait_for("an announcement", lambda m: isinstance(m, Arp) and m.sender == VIP4)
    wire.wait_for("an announcement", is_advertisement(VIP6, solicited=False))
    service.stop()


def test_claims_of_others_are_seen(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = candidate(node, "take_over")
    for mac in (OWNER, STRANGER):
        for _ in range(3):
            claim_vips(wire, mac)
        for vip in (VIP4, VIP6):
            wait_for(f"{vip} to be seen", lambda: (vip, packets.mac_text(mac)) in service.seen)
    assert len(service.seen) == len(set(service.seen)), service.seen  # the same again is not reported
    assert service.status[VIP4]["phase"] == "standby"
    service.tell("counters")
    wait_for("the counters", lambda: service.counters)
    assert service.counters["conflicts"] == 0, service.counters
    service.stop()


def test_owner_that_says_nothing_is_asked(lab):
    node, client = network(lab)
    client.ip("addr", "add", f"{VIP4}/24", "dev", "eth0")
    client.ip("addr", "add", f"{VIP6}/64", "dev", "eth0", "nodad")
    wire = Wire(client)
    service = candidate(node, "take_over")
    question = wire.wait_for("a question", lambda m: isinstance(m, Arp) and m.target == VIP4)
    assert question.sender == "10.77.0.1" and question.operation == 1, vars(question)
    for vip in (VIP4, VIP6):
        wait_for(f"{vip} to be seen", lambda: (vip, client.mac("eth0")) in service.seen)
    service.stop()


def test_late_frame_of_the_owner_before(lab):
    node, client = network(lab)
    wire = Wire(client)
    service = candidate(node, "take_over")
    service.tell("lease 2 open")
    wait_both(service, "announced")
    wire.drain()
    for _ in range(5):
        claim_vips(wire, OWNER)
    wire.wait_for("the defence", lambda m: isinstance(m, Arp) and m.sender == VIP4 and m.sender_mac == node.mac("eth0"))
    wire.wait_for("the defence", is_advertisement(VIP6, solicited=False))
    ask_both(wire)
    wire.wait_for("an answer", is_arp_answer(VIP4, to="10.77.0.2"))
    assert (VIP4, "conflict") not in service.history and (VIP6, "conflict") not in service.history
    for vip in (VIP4, VIP6):
        wait_for("the grace to end", lambda: service.age(vip) > 2.1)
    claim_vips(wire, STRANGER)
    claim_vips(wire, STRANGER)
    wait_both(service, "conflict")
    service.stop()


def test_hand_over_loses_no_packet(lab):
    """From one node to another while a client pings every 5 ms."""
    node, client = network(lab)
    other = quick_addresses(lab.host("other"))
    lab.plug(node.switch, other, "eth0", "10.77.0.3/24", "fd77::3/64")
    services = {host: candidate(host, "bind", "take_over") for host in (node,)}
    services[other] = Service(other).tell(*(f"add {vip} group=2 bind take_over" for vip in (VIP4, VIP6)), "plan")
    wait_both(services[other], "standby")
    services[node].tell("lease 2 open")
    wait_both(services[node], "announced")
    pings = [client.start("ping", "-q", "-i", "0.005", "-c", "600", "-W", "1", vip, stdout=-1, text=True) for vip in (VIP4, VIP6)]
    wire = Wire(client)
    for _ in range(50):
        next(wire.frames(2))
    for source, target in ((node, other), (other, node)):
        services[source].tell("lease 2 closed")
        wait_both(services[source], "standby")
        services[target].tell("lease 2 open")
        wait_both(services[target], "announced")
        assert pings[0].poll() is None, "the pings ended too early to show anything"
        wait_for("the client to follow", lambda: client.neighbour(VIP4) == target.mac("eth0") == client.neighbour(VIP6))
    for ping in pings:
        out, _ = ping.communicate(timeout=30)
        assert " 600 received" in out, out
    for service in services.values():
        service.stop()


def test_ten_thousand_at_once(lab):
    """Prints how long it takes from the call until each has been announced once, by ARP and by NDP."""
    node, client = network(lab)
    node.ip("addr", "add", "10.78.0.1/16", "dev", "eth0")
    for count, option in ((10_000, ""), (1_000, "bind")):
        service = Service(node).tell(f"many 10.78.1.0 {count} group=2 take_over {option}",
                                     f"many fd77::1:0 {count} group=2 take_over {option}", "plan")
        wait_for("all to stand by", lambda: len(service.status) == 2 * count, timeout=60)
        first, last = "ff02::1:ff01:0", f"ff02::1:ff01:{count - 1:x}"
        wait_for("the groups", lambda: {first, last} <= set(node.ip("maddr", "show", "dev", "eth0").split()), timeout=60)
        service.tell("quiet")
        times = {4: [], 16: []}
        for _ in range(3):
            stamped = Stamped(client)
            service.tell("lease 2 open")
            seen = stamped.first_seen(count, timeout=20)
            for length, each in seen.items():
                assert len(each) == count, f"{len(each)} of {count} addresses of {length} bytes"
                times[length].append((max(each.values()) - service.leases[-1]) / 1e6)
            if option:
                wait_for("all to be on lo", lambda: len(loopback(node)) == 2 * count + 2, timeout=20)
            service.tell("lease 2 closed")
            if option:
                wait_for("all to leave lo", lambda: len(loopback(node)) == 2, timeout=20)
        for length, each in times.items():
            print(f"{count} addresses {option or 'without bind'}, {'ARP' if length == 4 else 'NDP'}: last first frame after "
                  f"{statistics.median(each):.0f} ms (median of {len(each)}, worst {max(each):.0f} ms)")
        service.stop()


harness.main(globals())
