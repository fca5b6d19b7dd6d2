"""The kernel's gate on real interfaces: both kinds, over veth, seen from the other end of the cable."""
import errno
import json
import os
import queue
import subprocess
import threading
import time

import harness
import packets
from harness import Skip, run, wait_for
from packets import ADVERTISEMENT, Wire, arp_frame, ndp_frame, v4, v6

PROGRAM = os.environ.get("TRIVET_GATE", "gate_main")
FOREIGN_FILTER = os.environ.get("TRIVET_FOREIGN_FILTER", "foreign_filter_main")
VIP4, VIP6, OTHER4, OTHER6 = "10.77.0.50", "fd77::50", "10.77.0.60", "fd77::60"
NODE4, NODE6, CLIENT4, CLIENT6 = "10.77.0.1", "fd77::1", "10.77.0.2", "fd77::2"
ZERO = b"\0" * 6


class Gate:
    """One gate in a namespace, driven by lines on its standard input."""

    def __init__(self, host, kind, wrapper=()):
        self.host, self.logs, self.lines = host, [], queue.Queue()
        self.process = host.start(*wrapper, PROGRAM, kind, text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        threading.Thread(target=self.read, daemon=True).start()
        self.opened = self.answer()

    def read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if "log" in line:
                self.logs.append(line)
            else:
                self.lines.put(line)
        self.lines.put(None)

    def answer(self, timeout=20):
        line = self.lines.get(timeout=timeout)
        assert line is not None, f"the gate ended with {self.process.wait(timeout=10)}"
        return line

    def send(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command):
        self.send(command)
        return self.answer()

    def do(self, *commands):
        for command in commands:
            answer = self.ask(command)
            assert answer.get("done"), f"{command}: {answer}"
        return self

    def stop(self):
        """Ends it; whatever a sanitizer found is in the exit code."""
        self.process.stdin.close()
        assert self.process.wait(timeout=15) == 0, f"exit code {self.process.returncode}"

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=10)


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wait_until(instant_ns):
    """Waits for the deadline itself, on the clock that the gate uses."""
    while (left := instant_ns - boot_ns()) > 0:
        time.sleep(left / 1e9)


class Cable:
    """A node with gate on one end of a veth pair, a client on the other; frames are counted at both ends."""

    def __init__(self, lab, suffix=""):
        self.node, self.client = lab.host("node" + suffix), lab.host("client" + suffix)
        for host in (self.node, self.client):
            host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        self.node.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.client.netns)
        for host, own4, own6 in ((self.node, NODE4, NODE6), (self.client, CLIENT4, CLIENT6)):
            host.ip("link", "set", "eth0", "up")
            host.ip("addr", "add", f"{own4}/24", "dev", "eth0")
            host.ip("addr", "add", f"{own6}/64", "dev", "eth0", "nodad")
        wait_for("the cable", lambda: "LOWER_UP" in self.node.ip("link", "show", "eth0"))
        self.at_node, self.at_client = Wire(self.node), Wire(self.client)
        self.count, self.kind = 0, None

    def passes_out(self, frame):
        """Whether a frame that a packet socket of the node sends comes out at the client."""
        return self.passes(self.at_node, self.at_client, frame)

    def passes(self, sender, receiver, frame):
        self.count += 1
        end = (b"\xff" * 6 + sender.mac + b"\x88\xb5" + self.count.to_bytes(4, "big")).ljust(60, b"\0")
        receiver.drain()
        try:
            sender.send(frame)
        except OSError as error:
            # nftables tells the sender. BPF must not: the announcer would wait and send it later.
            assert error.errno == errno.ENOBUFS and self.kind == "nftables", error
            return False
        sender.send(end)  # IEEE 802 local experimental: no gate stops it
        if frame[12:14] == b"\x81\x00":
            frame = frame[:12] + frame[16:]  # a packet socket is given the frame without its tag
        for received in receiver.frames(5):
            if received[:len(end)] == end:
                return False
            if received[:len(frame)] == frame:
                # What is behind it must not be taken for the next one's.
                return True
        raise AssertionError("the frame that ends the wait did not arrive")

    def drops(self, gate, frame):
        """What the gate counts when the client sends a frame to the node: {kind: number}.

        A packet socket sees what comes in before the gate does, so the gate itself is asked.
        """
        before = gate.ask("counters")["ingress"]
        assert self.passes(self.at_client, self.at_node, frame), "the cable lost a frame"
        after = gate.ask("counters")["ingress"]
        return {kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]}


def ipv4_frame(source_mac, source, destination, destination_mac):
    header = bytes([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]) + v4(source) + v4(destination)
    checksum = packets.checksum(header)
    header = header[:10] + checksum.to_bytes(2, "big") + header[12:]
    return destination_mac + source_mac + b"\x08\x00" + header + bytes([0, 9, 0, 9, 0, 8, 0, 0])


def ipv6_frame(source_mac, source, destination, destination_mac):
    header = bytes([0x60, 0, 0, 0, 0, 8, 17, 64]) + v6(source) + v6(destination)
    return destination_mac + source_mac + b"\x86\xdd" + header + bytes([0, 9, 0, 9, 0, 8, 0, 0])


def gate_on(cable, kind, *commands):
    gate = Gate(cable.node, kind)
    cable.kind = kind
    assert gate.opened == {"opened": kind}, gate.opened
    return gate.do(f"vip {VIP4} 1 {VIP6} 1", "attach eth0", *commands)


def frames_out(cable):
    """(name, frame, right it needs) of what the node may say."""
    mac, peer = cable.at_node.mac, cable.at_client.mac
    every = b"\x33\x33\0\0\0\1"
    return (
        ("ARP reply", arp_frame(2, mac, VIP4, peer, CLIENT4), "announce"),
        ("ARP announcement", arp_frame(1, mac, VIP4, ZERO, VIP4), "announce"),
        ("ARP probe", arp_frame(1, mac, "0.0.0.0", ZERO, VIP4), "announce"),
        ("ARP request", arp_frame(1, mac, NODE4, ZERO, VIP4), None),
        ("ARP reply for another", arp_frame(2, mac, OTHER4, peer, CLIENT4), None),
        ("NA", ndp_frame(mac, NODE6, VIP6, every, "ff02::1", ADVERTISEMENT), "announce"),
        ("DAD probe", ndp_frame(mac, "::", VIP6, link_layer=False), "announce"),
        ("NS", ndp_frame(mac, NODE6, VIP6), None),
        ("NS from the VIP", ndp_frame(mac, VIP6, CLIENT6), "announce"),
        ("NA for another", ndp_frame(mac, NODE6, OTHER6, every, "ff02::1", ADVERTISEMENT), None),
        ("IPv4 from the VIP", ipv4_frame(mac, VIP4, CLIENT4, peer), "accept"),
        ("IPv4 to the VIP", ipv4_frame(mac, NODE4, VIP4, peer), None),
        ("IPv4 from another", ipv4_frame(mac, OTHER4, CLIENT4, peer), None),
        ("IPv6 from the VIP", ipv6_frame(mac, VIP6, CLIENT6, peer), "accept"),
        ("IPv6 from another", ipv6_frame(mac, OTHER6, CLIENT6, peer), None),
        ("tagged ARP reply", arp_frame(2, mac, VIP4, peer, CLIENT4, tag=7), None),
    )


def frames_in(cable):
    """(name, frame, right it needs, what counts it) of what the node may hear."""
    mac, peer = cable.at_client.mac, cable.at_node.mac
    return (
        ("ARP request", arp_frame(1, mac, CLIENT4, ZERO, VIP4), "announce", "arp"),
        ("ARP probe", arp_frame(1, mac, "0.0.0.0", ZERO, VIP4), "announce", "arp"),
        ("ARP request with a priority tag", arp_frame(1, mac, CLIENT4, ZERO, VIP4, tag=0), "announce", "arp"),
        ("ARP request in a VLAN", arp_frame(1, mac, CLIENT4, ZERO, VIP4, tag=7), None, None),
        ("ARP claim", arp_frame(1, mac, VIP4, ZERO, VIP4), None, None),
        ("ARP reply that claims", arp_frame(2, mac, VIP4, peer, NODE4), None, None),
        ("ARP request for another", arp_frame(1, mac, CLIENT4, ZERO, OTHER4), None, None),
        ("NS", ndp_frame(mac, CLIENT6, VIP6), "announce", "ndp"),
        ("DAD probe", ndp_frame(mac, "::", VIP6, link_layer=False), "announce", "ndp"),
        ("NA that claims", ndp_frame(mac, VIP6, VIP6, b"\x33\x33\0\0\0\1", "ff02::1", ADVERTISEMENT), None, None),
        ("NS for another", ndp_frame(mac, CLIENT6, OTHER6), None, None),
        ("IPv4 to the VIP", ipv4_frame(mac, CLIENT4, VIP4, peer), "accept", "ipv4"),
        ("IPv4 to another", ipv4_frame(mac, CLIENT4, OTHER4, peer), None, None),
        ("IPv6 to the VIP", ipv6_frame(mac, CLIENT6, VIP6, peer), "accept", "ipv6"),
        ("IPv6 to another", ipv6_frame(mac, CLIENT6, OTHER6, peer), None, None),
    )


LONG = 600_000  # milliseconds: open for the whole of a test


def check_every_frame(cable, gate, rights):
    for name, frame, right in frames_out(cable):
        expected = right is None or right in rights
        assert cable.passes_out(frame) == expected, f"out: {name} with {rights}, expected to pass: {expected}"
    for name, frame, right, counter in frames_in(cable):
        expected = {} if right is None or right in rights else {counter: 1}
        dropped = cable.drops(gate, frame)
        assert dropped == expected, f"in: {name} with {rights}: dropped {dropped}, expected {expected}"


def rights_are_checked_both_ways(lab, kind):
    cable = Cable(lab)
    gate = gate_on(cable, kind)
    check_every_frame(cable, gate, ())  # H1: closed from the beginning
    gate.do(f"open 1 {LONG} {LONG}")
    check_every_frame(cable, gate, ("announce", "accept"))
    gate.do(f"open 1 0 {LONG}")
    check_every_frame(cable, gate, ("accept",))
    gate.do("open 1 0 0")
    check_every_frame(cable, gate, ())
    counted = gate.ask("counters")["egress"]
    assert counted == {"arp": 9, "ndp": 9, "ipv4": 2, "ipv6": 2, "stacked_tags": 0}, counted
    gate.do(f"erase {VIP4} {VIP6}")
    check_every_frame(cable, gate, ("announce", "accept"))  # an ordinary address again
    gate.stop()


def test_bpf_rights_are_checked_both_ways(lab):
    rights_are_checked_both_ways(lab, "bpf")


def test_nftables_rights_are_checked_both_ways(lab):
    rights_are_checked_both_ways(lab, "nftables")


def closes_at_the_deadline_by_itself(lab, kind):
    """The holder is stopped, so that nobody but the kernel can close the gate."""
    cable = Cable(lab)
    gate = gate_on(cable, kind)
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    data = ipv6_frame(cable.at_node.mac, VIP6, CLIENT6, cable.at_client.mac)
    for length_ms in (300, 1200, 5000):  # longer where the machine is too slow to look in between
        opened = gate.ask(f"open 1 {length_ms} {2 * length_ms}")
        gate.process.send_signal(harness.signal.SIGSTOP)
        passed = cable.passes_out(reply) and cable.passes_out(data)
        in_time = boot_ns() < opened["announce_until"] - 50_000_000  # nftables closes some ticks earlier
        assert passed or not in_time
        wait_until(opened["announce_until"])
        assert not cable.passes_out(reply), "announced after announce_until"
        passed = cable.passes_out(data)
        in_time &= boot_ns() < opened["accept_until"] - 50_000_000
        assert passed or not in_time, "closed before accept_until"
        wait_until(opened["accept_until"])
        assert not cable.passes_out(data), "accepted after accept_until"
        gate.process.send_signal(harness.signal.SIGCONT)
        if in_time:
            gate.stop()
            return
    raise AssertionError("the machine is too slow for this test")


def test_bpf_closes_at_the_deadline_by_itself(lab):
    closes_at_the_deadline_by_itself(lab, "bpf")


def test_nftables_closes_at_the_deadline_by_itself(lab):
    closes_at_the_deadline_by_itself(lab, "nftables")


LEASE_MS = 400  # five times the default, because the machine may be loaded


def stays_open_while_it_is_renewed(lab, kind):
    """A holder that renews every 20 ms: no frame is dropped, also at the moments of renewal."""
    cable = Cable(lab)
    gate = gate_on(cable, kind)
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    for _ in range(5):
        renewed, sent, dropped = renew_for_a_while(cable, gate, reply)
        if renewed["longest_gap_ms"] < LEASE_MS - 20:  # otherwise the machine did not let it renew
            break
    else:
        raise AssertionError("the machine is too slow for this test")
    late = gate.ask("describe")["late_renewals"]  # nftables closes for a moment what it was told late
    assert late == 0 if kind == "bpf" else True
    assert dropped <= late, f"{dropped} of {sent} frames were dropped, with {late} late renewals"
    assert not cable.passes_out(reply)
    print(f"{kind}: {renewed['renewals']} renewals, {late} late, the slowest took {renewed['worst_ms']:.3f} ms; {sent} frames")
    gate.stop()


def renew_for_a_while(cable, gate, reply):
    """What the holder says of its renewals, and how many frames were sent and dropped meanwhile."""
    assert gate.ask(f"renew 1 20 {LEASE_MS}") == {"renewing": 1}
    end = boot_ns() + 2_000_000_000
    sent = dropped = 0
    while boot_ns() < end:
        dropped += not cable.passes_out(reply)
        sent += 1
    renewed = gate.ask("open 1 0 0")
    assert renewed["failures"] == 0, renewed
    assert gate.answer()["done"]
    return renewed, sent, dropped


def test_bpf_stays_open_while_it_is_renewed(lab):
    stays_open_while_it_is_renewed(lab, "bpf")


def test_nftables_stays_open_while_it_is_renewed(lab):
    stays_open_while_it_is_renewed(lab, "nftables")


def a_killed_holder_leaves_a_closing_gate_that_the_next_replaces(lab, kinds):
    before, after = kinds
    cable = Cable(lab)
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    gate = gate_on(cable, before, "open 1 300 300")
    deadline = boot_ns() + 300_000_000
    gate.kill()
    wait_until(deadline)
    assert not cable.passes_out(reply), "open after the deadline"

    gate = gate_on(cable, before, f"open 1 {LONG} {LONG}")
    assert not cable.passes_out(reply), "both gates are to let a packet pass until the first is taken away"
    gate.do("replace")
    assert cable.passes_out(reply)
    gate.kill()
    assert cable.passes_out(reply), "the gate stays in place, and open until its deadline"

    heir = Gate(cable.node, after)
    cable.kind = after
    assert heir.opened == {"opened": after}, heir.opened
    assert not cable.passes_out(reply), "H1: closed before open() returned"
    assert heir.ask("describe")["earlier_gates"] == 1
    heir.do(f"vip {VIP4} 1 {VIP6} 1", "attach eth0")
    assert not cable.passes_out(reply)
    heir.do("replace")
    assert heir.ask("describe")["earlier_gates"] == 0
    check_every_frame(cable, heir, ())
    heir.do(f"open 1 {LONG} {LONG}")
    check_every_frame(cable, heir, ("announce", "accept"))
    heir.stop()
    assert not cable.passes_out(reply), "a stopped node stays gated"


def test_bpf_is_replaced_after_kill_9(lab):
    a_killed_holder_leaves_a_closing_gate_that_the_next_replaces(lab, ("bpf", "bpf"))


def test_nftables_is_replaced_after_kill_9(lab):
    a_killed_holder_leaves_a_closing_gate_that_the_next_replaces(lab, ("nftables", "nftables"))


def test_bpf_is_replaced_by_nftables_after_kill_9(lab):
    a_killed_holder_leaves_a_closing_gate_that_the_next_replaces(lab, ("bpf", "nftables"))


def test_nothing_passes_while_gates_are_replaced(lab):
    """A holder that is killed and started again and again; the VIP is never open, and no frame gets through."""
    cable = Cable(lab)
    gate = gate_on(cable, "bpf")
    stop, leaked = threading.Event(), []
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)

    def flood():
        while not stop.is_set():
            try:
                cable.at_node.send(reply)
            except OSError as error:
                assert error.errno == errno.ENOBUFS  # nftables says that it dropped it

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        for kind in ("bpf", "nftables", "bpf", "nftables", "bpf"):
            gate.kill()
            gate = gate_on(cable, kind, "replace")
            wait_for("the gate to drop", lambda: gate.ask("counters")["egress"]["arp"] > 0)
    finally:
        stop.set()
        flooding.join()
    cable.at_node.send((b"\xff" * 6 + cable.at_node.mac + b"\x88\xb5").ljust(60, b"\0"))
    for frame in cable.at_client.frames(5):
        if frame[12:14] == b"\x88\xb5":
            break
        if frame[:len(reply)] == reply:
            leaked.append(frame)
    else:
        raise AssertionError("the last frame did not arrive")
    assert not leaked, f"{len(leaked)} frames passed"
    gate.stop()


def test_without_sys_admin_the_earlier_gate_is_closed_by_the_new_one(lab):
    """The service has CAP_BPF and CAP_NET_ADMIN, not CAP_SYS_ADMIN, which the maps of others ask for."""
    if run("sh", "-c", "command -v capsh", check=False).returncode != 0:
        raise Skip("needs capsh (libcap2-bin)")
    cable = Cable(lab)
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    gate_on(cable, "bpf", f"open 1 {LONG} {LONG}").kill()
    heir = Gate(cable.node, "bpf", wrapper=("capsh", "--drop=cap_sys_admin", "--", "-c", 'exec "$0" "$@"'))
    assert heir.opened == {"opened": "bpf"}, heir.opened
    assert any("CAP_SYS_ADMIN" in line["message"] for line in heir.logs), heir.logs
    assert "CAP_SYS_ADMIN" in heir.ask("describe")["warning"]
    heir.do(f"vip {VIP4} 1 {VIP6} 1", "attach eth0")
    assert not cable.passes_out(reply), "closed when the VIPs and interfaces are given"
    heir.do("replace", f"open 1 {LONG} {LONG}")
    assert cable.passes_out(reply)
    assert heir.ask("describe")["warning"] == ""
    heir.stop()


def test_where_bpf_is_refused_nftables_holds_the_gate(lab):
    if run("sh", "-c", "command -v capsh", check=False).returncode != 0:
        raise Skip("needs capsh (libcap2-bin)")
    cable = Cable(lab)
    refused = ("capsh", "--drop=cap_bpf,cap_sys_admin", "--", "-c", 'exec "$0" "$@"')
    gate = Gate(cable.node, "automatic", wrapper=refused)
    assert gate.opened == {"opened": "nftables"}, gate.opened
    assert [line["log"] for line in gate.logs] == ["warning"], gate.logs
    assert "not safe across suspend" in gate.logs[0]["message"] and "CAP_BPF" in gate.logs[0]["message"]
    assert "CAP_BPF" in gate.ask("describe")["why_not_bpf"]
    gate.stop()
    strict = Gate(cable.node, "bpf", wrapper=refused)
    assert "CAP_BPF" in strict.opened["error"], strict.opened


def test_without_net_admin_there_is_no_gate(lab):
    if run("sh", "-c", "command -v capsh", check=False).returncode != 0:
        raise Skip("needs capsh (libcap2-bin)")
    gate = Gate(lab.host("node"), "automatic",
                wrapper=("capsh", "--drop=cap_net_admin", "--", "-c", 'exec "$0" "$@"'))
    assert "CAP_NET_ADMIN" in gate.opened["error"], gate.opened
    assert gate.process.wait(timeout=10) == 1


def filters(host, direction):
    return host.run("tc", "filter", "show", "dev", "eth0", direction).stdout


def test_filters_of_others_survive_and_run(lab):
    cable = Cable(lab)
    node = cable.node
    node.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
    node.run(FOREIGN_FILTER, "eth0")
    foreign = (b"\xff" * 6 + cable.at_node.mac + b"\x88\xb6").ljust(60, b"\0")
    gate = gate_on(cable, "bpf")
    cable.kind = None

    def foreign_filter_runs():
        try:
            return not cable.passes_out(foreign)
        except AssertionError as error:
            return "No buffer space" in str(error)  # it drops aloud

    assert foreign_filter_runs(), "the gate keeps frames from the filter behind it"
    assert cable.passes_out(arp_frame(2, cable.at_node.mac, OTHER4, cable.at_client.mac, CLIENT4))
    assert not cable.passes_out(arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4))
    gate.do("detach eth0")
    assert "trivet" not in filters(node, "egress") and "foreign" in filters(node, "egress")
    gate.do("attach eth0", "remove")
    assert "trivet" not in filters(node, "egress") and "foreign" in filters(node, "egress")
    assert "clsact" in node.run("tc", "qdisc", "show", "dev", "eth0").stdout, "not ours to take away"
    assert foreign_filter_runs()
    gate.stop()


def test_a_place_that_is_taken_is_an_error(lab):
    cable = Cable(lab)
    cable.node.run("tc", "qdisc", "add", "dev", "eth0", "ingress")
    gate = Gate(cable.node, "bpf")
    answer = gate.ask("attach eth0")
    assert "eth0" in answer["error"] and "tc qdisc show" in answer["error"], answer
    assert gate.ask("describe")["interfaces"] == []
    assert "trivet" not in filters(cable.node, "ingress"), "half a gate was left"
    gate.stop()


def trace_of(node):
    """What a gate could leave behind in a namespace."""
    return (node.run("tc", "qdisc", "show").stdout.replace("\n", ";"), filters(node, "ingress"),
            filters(node, "egress"), node.run("nft", "list", "ruleset").stdout)


def remove_leaves_no_trace(lab, kind):
    cable = Cable(lab)
    cable.node.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2")
    before = trace_of(cable.node)
    gate_on(cable, kind, "attach eth1", f"open 1 {LONG} {LONG}").kill()
    gate = gate_on(cable, kind)
    assert trace_of(cable.node) != before
    gate.do("remove")
    assert trace_of(cable.node) == before
    gate.stop()
    # Also without a gate of one's own, as at uninstalling.
    gate_on(cable, kind).kill()
    assert json.loads(cable.node.run(PROGRAM, "remove_all").stdout) == {"done": True}
    assert trace_of(cable.node) == before
    assert json.loads(cable.node.run(PROGRAM, "remove_all").stdout) == {"done": True}


def test_bpf_remove_leaves_no_trace(lab):
    remove_leaves_no_trace(lab, "bpf")


def test_nftables_remove_leaves_no_trace(lab):
    remove_leaves_no_trace(lab, "nftables")


def namespaces_do_not_disturb_each_other(lab, kind):
    one, two = Cable(lab), Cable(lab, "2")
    first = gate_on(one, kind, f"open 1 {LONG} {LONG}")
    second = gate_on(two, kind)
    reply = arp_frame(2, one.at_node.mac, VIP4, one.at_client.mac, CLIENT4)
    other = arp_frame(2, two.at_node.mac, VIP4, two.at_client.mac, CLIENT4)
    assert second.ask("describe")["earlier_gates"] == 0
    assert one.passes_out(reply) and not two.passes_out(other)
    second.kill()
    second = gate_on(two, kind, "replace", "remove")
    assert one.passes_out(reply) and two.passes_out(other)
    first.do("open 1 0 0")
    assert not one.passes_out(reply)
    first.stop()
    second.stop()


def test_bpf_namespaces_do_not_disturb_each_other(lab):
    namespaces_do_not_disturb_each_other(lab, "bpf")


def test_nftables_namespaces_do_not_disturb_each_other(lab):
    namespaces_do_not_disturb_each_other(lab, "nftables")


def interfaces_come_and_go(lab, kind):
    cable = Cable(lab)
    node = cable.node
    gate = gate_on(cable, kind)
    node.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2")
    index = json.loads(node.ip("-j", "link", "show", "eth1"))[0]["ifindex"]
    gate.do("attach eth1")
    node.ip("link", "del", "eth1")
    gate.do(f"attach {index}", f"detach {index}", f"detach {index}", "attach 99999", "detach 99999")
    assert [i["name"] for i in gate.ask("describe")["interfaces"]] == ["eth0"]
    # The name again, with another index.
    node.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2")
    gate.do("attach eth1")
    assert all(i["in_place"] for i in gate.ask("describe")["interfaces"])
    answer = gate.ask("attach lo")
    assert "not an Ethernet interface" in answer["error"], answer
    gate.stop()


def test_bpf_interfaces_come_and_go(lab):
    interfaces_come_and_go(lab, "bpf")


def test_nftables_interfaces_come_and_go(lab):
    interfaces_come_and_go(lab, "nftables")


def what_others_take_away_is_seen_and_put_back(lab, kind, *command):
    cable = Cable(lab)
    gate = gate_on(cable, kind)
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    assert gate.ask("describe")["interfaces"] == [{"name": "eth0", "in_place": True}]
    cable.node.run(*command)
    assert cable.passes_out(reply)
    assert gate.ask("describe")["interfaces"] == [{"name": "eth0", "in_place": False}]
    gate.do("attach eth0")
    assert gate.ask("describe")["interfaces"] == [{"name": "eth0", "in_place": True}]
    assert not cable.passes_out(reply)
    return gate


def test_bpf_put_back_after_the_qdisc_was_deleted(lab):
    what_others_take_away_is_seen_and_put_back(lab, "bpf", "tc", "qdisc", "del", "dev", "eth0", "clsact").stop()


def test_bpf_put_back_after_a_filter_was_deleted(lab):
    what_others_take_away_is_seen_and_put_back(lab, "bpf", "tc", "filter", "del", "dev", "eth0", "egress").stop()


def test_nftables_put_back_after_a_chain_was_deleted(lab):
    what_others_take_away_is_seen_and_put_back(
        lab, "nftables", "sh", "-c", "nft list chains netdev | grep -o 'egress_of_interface_[0-9]*' | "
        "xargs -I@ nft delete chain netdev trivet_gate_0 @").stop()


def test_nftables_a_flushed_ruleset_is_noticed(lab):
    cable = Cable(lab)
    gate = gate_on(cable, "nftables", f"open 1 {LONG} {LONG}")
    cable.node.run("nft", "flush", "ruleset")
    answer = gate.ask("open 1 1000 1000")
    assert "nft flush ruleset" in answer["error"], answer
    assert gate.ask("describe")["interfaces"] == [{"name": "eth0", "in_place": False}]
    gate.stop()


def test_nftables_a_renewal_that_comes_late_is_closed_again(lab):
    """Somebody else's large transaction keeps ours waiting in the kernel, beyond the deadline of the right."""
    cable = Cable(lab)
    gate = gate_on(cable, "nftables")
    large = lab.dir / "large.nft"
    addresses = ",".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(200_000))
    large.write_text(f"table netdev large {{\nset s {{\ntype ipv4_addr\nelements = {{ {addresses} }}\n}}\n}}\n")
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    late = on_time = 0
    for _ in range(4):
        nft = cable.node.start("nft", "-f", large)
        while nft.poll() is None:
            opened = gate.ask("open 1 40 40")
            assert "done" in opened, opened
            if boot_ns() >= opened["announce_until"]:
                assert not cable.passes_out(reply), "what came late is open"
                late += 1
            else:
                on_time += 1
        wait_until(opened["announce_until"])
        assert not cable.passes_out(reply), "open after the deadline"
        cable.node.run("nft", "delete", "table", "netdev", "large")
    print(f"nftables: {on_time} renewals on time, {late} that were taken after their deadline")
    if late == 0:
        raise Skip("no transaction was slow enough")
    gate.do("open 1 0 0", f"open 1 {LONG} {LONG}")
    assert cable.passes_out(reply)
    assert gate.ask("describe")["warning"] == ""
    gate.stop()


def vips_move_between_groups(lab, kind):
    cable = Cable(lab)
    gate = gate_on(cable, kind)
    reply = arp_frame(2, cable.at_node.mac, VIP4, cable.at_client.mac, CLIENT4)
    other = arp_frame(2, cable.at_node.mac, OTHER4, cable.at_client.mac, CLIENT4)
    gate.do(f"open 2 {LONG} {LONG}", f"vip {OTHER4} 2 {VIP4} 2")
    assert cable.passes_out(reply) and cable.passes_out(other)
    gate.do(f"vip {VIP4} 1")
    assert not cable.passes_out(reply) and cable.passes_out(other)
    gate.do(f"vip {VIP4} 0 {OTHER4} 0")  # the group that is closed for ever
    assert not cable.passes_out(reply) and not cable.passes_out(other)
    gate.do(f"vip {VIP4} 2 {VIP4} 1 {VIP4} 2")  # named several times: the last counts
    assert cable.passes_out(reply)
    gate.do(f"erase {OTHER4} 10.77.0.99")
    assert cable.passes_out(other), "no VIP any more"
    assert "groups" in gate.ask(f"vip {VIP4} 8192")["error"]
    assert cable.passes_out(reply)
    gate.stop()


def test_bpf_vips_move_between_groups(lab):
    vips_move_between_groups(lab, "bpf")


def test_nftables_vips_move_between_groups(lab):
    vips_move_between_groups(lab, "nftables")


def ten_thousand_vips(lab, kind):
    cable = Cable(lab)
    gate = gate_on(cable, kind)
    gate.send("many 10.88.0.0 10000 3")
    fresh = gate.answer()
    assert gate.answer() == {"done": True}
    gate.send("many 10.88.0.0 10000 4")
    moved = gate.answer()
    assert gate.answer() == {"done": True}
    gate.send("many 10.88.0.0 1 4")
    unchanged = gate.answer()
    assert gate.answer() == {"done": True}
    gate.send("many 10.99.0.0 1 4")
    one = gate.answer()
    assert gate.answer() == {"done": True}
    print(f"{kind}: one more VIP in {one['took_ms']:.1f} ms, one unchanged in {unchanged['took_ms']:.1f} ms")
    print(f"{kind}: 10,000 VIPs set in {fresh['took_ms']:.1f} ms, moved to another group in {moved['took_ms']:.1f} ms")
    mac, peer = cable.at_node.mac, cable.at_client.mac
    for address in ("10.88.0.0", "10.88.39.15"):
        assert not cable.passes_out(arp_frame(2, mac, address, peer, CLIENT4))
    assert cable.passes_out(arp_frame(2, mac, "10.88.39.16", peer, CLIENT4)), "one more than the last"
    gate.do(f"open 4 {LONG} {LONG}")
    for address in ("10.88.0.0", "10.88.39.15"):
        assert cable.passes_out(arp_frame(2, mac, address, peer, CLIENT4))
    gate.ask("renew 4 20 400")
    renewed = gate.ask("open 4 0 0")
    gate.answer()
    print(f"{kind}: a renewal of their group took {renewed['worst_ms']:.3f} ms")
    gate.stop()


def test_bpf_ten_thousand_vips(lab):
    ten_thousand_vips(lab, "bpf")


def test_nftables_ten_thousand_vips(lab):
    ten_thousand_vips(lab, "nftables")


def test_bpf_more_addresses_than_there_is_room_for(lab):
    gate = Gate(lab.host("node"), "bpf")
    gate.send("many 10.0.0.0 131073 1")
    gate.answer()
    answer = gate.answer()
    assert "131072 addresses are the most" in answer["error"], answer
    gate.stop()


harness.main(globals())
