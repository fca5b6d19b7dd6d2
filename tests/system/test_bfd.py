"""BFD with real peers: BIRD 2, FRR and ourselves. Figures are printed; what is asserted leaves room for a busy machine."""
import os
import random
import signal
import socket
import struct
import time

import harness
from bfd import THEM4, THEM6, US4, US6, Bfd, Bird, Frr, cut, join, network, quick_addresses, routed_network
from harness import wait_for
from packets import PACKET_IGNORE_OUTGOING, SOL_PACKET, checksum, mac_bytes, socket_in, v4

MS = 1_000_000  # ns
FAST = "tx=50 rx=50 multiplier=3"
BIRD_FAST = "min rx interval 50 ms; min tx interval 50 ms; multiplier 3;"


def bird_interface(options="", more=""):
    return f'interface "eth0" {{ {BIRD_FAST} {options} }};\n{more}'


def bird_neighbours(*addresses):
    return "".join(f'neighbor {address} dev "eth0";\n' for address in addresses)


def frr_peer(address, *lines):
    return "\n".join([f" peer {address} interface eth0", "  receive-interval 50", "  transmit-interval 50",
                      "  detect-multiplier 3", *(f"  {line}" for line in lines), "  no shutdown", " exit"])


def report_detection(what, down, cut_at, limit_ms):
    took = (down["at"] - cut_at) / MS
    print(f"{what}: noticed after {took:.1f} ms ({down['diagnostic']})")
    assert took <= limit_ms, took


# ---- BIRD ---------------------------------------------------------------------------------------

def test_bird_both_families(lab):
    us, them = network(lab)
    bird = Bird(them, bird_interface(more=bird_neighbours(US4, US6)))
    bfd = Bfd(us).tell(f"session four {THEM4} local={US4} if=eth0 {FAST}", f"session six {THEM6} {FAST}", "apply")
    bfd.wait_up("four").wait_up("six")
    bird.wait_state(US4, "up")
    bird.wait_state(US6, "up")
    wait_for("the poll to end", lambda: not bfd.session("four")["is_polling"])
    assert bfd.session("four")["detection_time_us"] == 150_000
    assert bird.session(US4)[1:] == (0.05, 0.15), bird.session(US4)
    for name in ("four", "six"):
        assert bfd.downs(name) == 0
        assert not bfd.session(name)["discarded"], bfd.session(name)
    bfd.stop()


def test_bird_detection(lab):
    """The link is cut, the peer killed, the peer stopped: each is noticed in the detection time."""
    us, them = network(lab)
    body = bird_interface(more=bird_neighbours(US4))
    bird = Bird(them, body)
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST}")
    bfd.wait_up()
    for _ in range(3):
        time_of_cut = cut(them)
        report_detection("link cut, 50 ms x 3", bfd.wait_down(since=time_of_cut), time_of_cut, 150 + 150)
        join(them)
        bfd.wait_up()
    stopped = time.monotonic_ns()
    bird.process.send_signal(signal.SIGSTOP)
    report_detection("BIRD stopped, 50 ms x 3", bfd.wait_down(since=stopped), stopped, 150 + 150)
    bird.process.send_signal(signal.SIGCONT)
    bfd.wait_up()
    killed = time.monotonic_ns()
    bird.process.kill()
    report_detection("BIRD killed, 50 ms x 3", bfd.wait_down(since=killed), killed, 150 + 150)
    Bird(them, body)
    bfd.wait_up()
    bfd.stop()


def test_bird_notices_us(lab):
    us, them = network(lab)
    bird = Bird(them, bird_interface(more=bird_neighbours(US4)))
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST}")
    bfd.wait_up()
    bird.wait_state(US4, "up")
    bfd.process.send_signal(signal.SIGSTOP)
    bird.wait_state(US4, "down")
    bfd.process.send_signal(signal.SIGCONT)
    bird.wait_state(US4, "up")
    bfd.wait_up()
    bfd.stop()


def test_bird_admin_down(lab):
    """A session that is taken away says so; so does BIRD, and that is told apart from a failure."""
    us, them = network(lab)
    bird = Bird(them, bird_interface(more=bird_neighbours(US4)))
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 tx=1000 rx=1000 multiplier=20")
    bfd.wait_up()
    bird.wait_state(US4, "up")
    before = time.monotonic()
    bfd.remove("s")
    bird.wait_state(US4, "down", timeout=5)  # long before its detection time of 20 s
    print(f"BIRD knew of the farewell after {time.monotonic() - before:.2f} s")
    bfd.watch("s", THEM4, f"if=eth0 {FAST}").wait_up()
    bird.wait_state(US4, "up")
    since = time.monotonic_ns()
    bfd.watch("s", THEM4, f"if=eth0 {FAST} admin_down")
    assert bfd.wait_down(since=since)["diagnostic"] == "administratively down"
    bird.wait_state(US4, "down")
    bfd.watch("s", THEM4, f"if=eth0 {FAST}").wait_up()
    since = time.monotonic_ns()
    bird.ask("disable b")
    assert bfd.wait_down(since=since)["diagnostic"] in ("neighbor signaled session down",
                                                        "control detection time expired")
    bird.ask("enable b")
    bfd.wait_up()
    bfd.stop()


def test_bird_authentication(lab):
    us, them = network(lab)
    kinds = {2: "keyed md5", 3: "meticulous keyed md5", 4: "keyed sha1", 5: "meticulous keyed sha1"}

    def body(kind):
        return bird_interface(f'authentication {kinds[kind]}; password "secret" {{ id 7; }};', bird_neighbours(US4))
    bird = Bird(them, body(2))
    bfd = Bfd(us)
    for kind in kinds:
        bird.configure(body(kind))
        bfd.watch("s", THEM4, f"if=eth0 {FAST} auth={kind}:7:secret")
        bfd.wait_up()
        bird.wait_state(US4, "up")
        bfd.remove("s")
        bird.wait_state(US4, "down")
        print(f"{kinds[kind]}: up")
    for auth, reason in (("5:7:wrong", "authentication_digest"), ("5:8:secret", "authentication_key_id"),
                         ("4:7:secret", "authentication_type")):
        bfd.watch("s", THEM4, f"if=eth0 {FAST} auth={auth}")
        wait_for(reason, lambda: bfd.session()["discarded"].get(reason, 0) >= 2)
        assert bfd.session()["state"] == "down"
    bfd.watch("s", THEM4, f"if=eth0 {FAST}")
    wait_for("packets of no use", lambda: bfd.session()["discarded"].get("authentication_unexpected", 0) >= 2)
    assert bfd.session()["state"] == "down"
    bfd.stop()


def test_bird_multihop(lab):
    us, router, them = routed_network(lab)
    bird = Bird(them, f"multihop {{ {BIRD_FAST} }};\nneighbor 10.1.0.1 local 10.2.0.1 multihop on;")
    # BIRD sends with the kernel's TTL, 64, and there is one router.
    bfd = Bfd(us).watch("s", "10.2.0.1", f"local=10.1.0.1 multihop ttl=63 {FAST}")
    bfd.wait_up()
    bird.wait_state("10.1.0.1", "up")
    since = time.monotonic_ns()
    bfd.watch("s", "10.2.0.1", f"local=10.1.0.1 multihop ttl=64 {FAST}")
    bfd.wait_down(since=since)
    wait_for("packets of no use", lambda: bfd.session()["discarded"].get("hop_limit", 0) >= 2)
    bfd.watch("s", "10.2.0.1", f"local=10.1.0.1 multihop ttl=63 {FAST}").wait_up()
    before = time.monotonic_ns()
    router.ip("link", "set", "eth1", "down")
    report_detection("two hops, 50 ms x 3", bfd.wait_down(since=before), before, 150 + 150)
    bfd.stop()


def test_bird_settings_live(lab):
    """Other intervals reach the peer while the session stays up."""
    us, them = network(lab)
    bird = Bird(them, bird_interface(more=bird_neighbours(US4)))
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST}")
    bfd.wait_up()
    bird.wait_state(US4, "up")
    for interval, multiplier in ((200, 5), (20, 7), (100, 3)):
        bfd.watch("s", THEM4, f"if=eth0 tx={interval} rx={interval} multiplier={multiplier}")
        agreed = max(interval, 50) / 1000
        wait_for("BIRD to know", lambda: bird.session(US4)[1:] == (agreed, round(agreed * multiplier, 3)))
        wait_for("the poll to end", lambda: not bfd.session()["is_polling"])
    bird.configure(f'interface "eth0" {{ min rx interval 300 ms; min tx interval 300 ms; multiplier 4; }};\n'
                   + bird_neighbours(US4))
    wait_for("us to know", lambda: bfd.session()["detection_time_us"] == 1_200_000)
    assert bfd.downs() == 0 and bird.session(US4)[0] == "up"
    bfd.stop()


def test_bird_passive(lab):
    us, them = network(lab)
    bird = Bird(them, bird_interface("passive yes;", bird_neighbours(US4)))
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST}")
    bfd.wait_up()
    bfd.remove("s")
    bird.wait_state(US4, "down")
    bird.configure(bird_interface(more=bird_neighbours(US4)))
    bfd.watch("s", THEM4, f"if=eth0 {FAST} passive").wait_up()
    bfd.stop()


# ---- FRR ----------------------------------------------------------------------------------------

def test_frr_both_families(lab):
    us, them = network(lab)
    frr = Frr(them, frr_peer(US4) + "\n" + frr_peer(US6))
    bfd = Bfd(us).tell(f"session four {THEM4} if=eth0 {FAST}", f"session six {THEM6} local={US6} if=eth0 {FAST}", "apply")
    bfd.wait_up("four").wait_up("six")
    frr.wait_state(US4, "up")
    frr.wait_state(US6, "up")
    time_of_cut = cut(them)
    report_detection("link cut, FRR, IPv4, 50 ms x 3", bfd.wait_down("four", since=time_of_cut), time_of_cut, 300)
    report_detection("link cut, FRR, IPv6, 50 ms x 3", bfd.wait_down("six", since=time_of_cut), time_of_cut, 300)
    join(them)
    bfd.wait_up("four").wait_up("six")
    frr.wait_state(US4, "up")
    bfd.process.send_signal(signal.SIGSTOP)
    frr.wait_state(US4, "down")
    bfd.process.send_signal(signal.SIGCONT)
    frr.wait_state(US4, "up")
    bfd.stop()


def test_frr_multihop(lab):
    us, router, them = routed_network(lab)
    body = "\n".join([" peer 10.1.0.1 multihop local-address 10.2.0.1", "  receive-interval 50", "  transmit-interval 50",
                      "  no shutdown", " exit"])
    frr = Frr(them, body)
    bfd = Bfd(us).watch("s", "10.2.0.1", f"multihop {FAST}")  # one router: 254, which is the default
    bfd.wait_up()
    frr.wait_state("10.1.0.1", "up")
    before = time.monotonic_ns()
    router.ip("link", "set", "eth1", "down")
    report_detection("two hops, FRR, 50 ms x 3", bfd.wait_down(since=before), before, 150 + 150)
    bfd.stop()


def test_frr_echo(lab):
    """Both ways: ours come back from FRR and are judged, FRR's come back from us."""
    us, them = network(lab)
    them.run("sysctl", "-qw", "net.ipv4.ip_forward=1")  # FRR leaves it to the kernel to return them
    lines = ("echo receive-interval 50", "echo transmit-interval 50", "echo-mode")
    frr = Frr(them, frr_peer(US4, *lines))
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST} echo=50")
    bfd.wait_up()
    wait_for("our echoes", lambda: bfd.session()["echo"] == "active" and bfd.session()["echo_received"] > 20)
    wait_for("FRR's echoes", lambda: bfd.session()["echo_returned"] > 20)
    counters = frr.counters(US4)
    assert counters["echo-packet-input"] > 10, counters
    assert bfd.downs() == 0 and frr.session(US4)["status"] == "up"
    session = bfd.session()
    print(f"echoes sent {session['echo_sent']}, back {session['echo_received']}, FRR's returned {session['echo_returned']}")
    assert session["detection_time_us"] >= 1_000_000  # control packets are slow
    time_of_cut = cut(them)
    down = bfd.wait_down(since=time_of_cut)
    report_detection("link cut, echo 50 ms x 3", down, time_of_cut, 4 * 50 + 150)
    assert down["diagnostic"] == "echo function failed"
    join(them)
    bfd.wait_up()
    bfd.stop()


def test_frr_settings_and_passive(lab):
    us, them = network(lab)
    frr = Frr(them, frr_peer(US4, "passive-mode"))
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST}")
    bfd.wait_up()
    frr.wait_state(US4, "up")
    bfd.watch("s", THEM4, "if=eth0 tx=200 rx=300 multiplier=9")
    wait_for("FRR to know", lambda: frr.session(US4).get("remote-transmit-interval") == 200
             and frr.session(US4).get("remote-receive-interval") == 300
             and frr.session(US4).get("remote-detect-multiplier") == 9)
    frr.configure(f"peer {US4} interface eth0", "transmit-interval 400", "detect-multiplier 5")
    wait_for("us to know", lambda: bfd.session()["detection_time_us"] == 2_000_000)
    assert bfd.downs() == 0
    since = time.monotonic_ns()
    frr.configure(f"peer {US4} interface eth0", "shutdown")
    assert bfd.wait_down(since=since)["remote_admin_down"]
    frr.configure(f"peer {US4} interface eth0", "no shutdown")
    bfd.wait_up()
    bfd.stop()


def test_echo_addressed_to_its_sender(lab):
    """As routers send them (RFC 5881 section 4): back by our packet socket, or by the kernel where it forwards."""
    us, them = network(lab)
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST} echo=50")
    peer = Bfd(them).watch("s", US4, f"if=eth0 {FAST}")
    bfd.wait_up()
    raw = socket_in(them.netns, socket.AF_PACKET, socket.SOCK_RAW, 0)
    lab.sockets.append(raw)
    raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    raw.bind(("eth0", 0x0800))

    def echo(marker, ttl=255):
        raw.send(spoofed_frame(them.mac("eth0"), us.mac("eth0"), THEM4, THEM4, marker, ttl, port=3785))

    def came_back(marker, timeout):
        """Its hop limit then; None if it did not."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:  # other packets come all the while
            raw.settimeout(left)
            try:
                frame = raw.recv(2048)
            except TimeoutError:
                return None
            if marker in frame and frame[23] == 17:  # UDP: the kernel may send a redirect as well
                assert checksum(frame[14:34]) == 0 and frame[26:34] == v4(THEM4) * 2
                return frame[22]
        return None
    for forwarding in ("0", "1"):
        us.run("sysctl", "-qw", f"net.ipv4.conf.eth0.forwarding={forwarding}")
        time.sleep(1.1)  # the setting is looked at once a second
        marker = f"echo-{forwarding}".encode() * 4
        echo(marker)
        assert came_back(marker, 5) == 254
        assert came_back(marker, 0.5) is None  # once
    us.run("sysctl", "-qw", "net.ipv4.conf.eth0.forwarding=0")
    time.sleep(1.1)
    echo(b"from-afar-from-afar", ttl=254)
    assert came_back(b"from-afar-from-afar", 0.5) is None
    bfd.stop()
    peer.stop()


# ---- ourselves ----------------------------------------------------------------------------------

def test_stall_is_no_failure(lab):
    """Our process stands still for longer than its detection time; what the peer sent lies in the socket."""
    us, them = network(lab)
    # The peer bears 50 x 30 ms of silence, we 3 x 30 ms.
    bfd = Bfd(us).watch("s", THEM4, "if=eth0 tx=30 rx=30 multiplier=50")
    peer = Bfd(them).watch("s", US4, "if=eth0 tx=30 rx=30 multiplier=3")
    bfd.wait_up()
    peer.wait_up()
    wait_for("the polls to end", lambda: bfd.session()["detection_time_us"] == 90_000)
    for _ in range(5):
        bfd.process.send_signal(signal.SIGSTOP)
        time.sleep(0.4)
        bfd.process.send_signal(signal.SIGCONT)
        wait_for("it to go on", lambda: bfd.status())
    assert bfd.downs() == 0 and peer.downs() == 0, (bfd.events, peer.events)
    status = bfd.status()
    assert status["late_wakeups"] >= 5, status
    print(f"late wake-ups {status['late_wakeups']}, the worst {status['worst_lateness_ns'] / MS:.0f} ms")
    bfd.stop()
    peer.stop()


def spoofed_frame(source_mac, destination_mac, source, destination, payload, ttl=255, port=3784):
    """A UDP packet to port 3784 as somebody else would send it; no UDP checksum (IPv4 allows it)."""
    udp = struct.pack("!HHHH", random.randrange(49152, 65536), port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + len(udp), 0, 0, ttl, 17, 0) + v4(source) + v4(destination)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return mac_bytes(destination_mac) + mac_bytes(source_mac) + b"\x08\x00" + head + udp


def spoofed_payloads():
    """Packets that would end the session if they were believed."""
    def packet(first, flags, your):
        return struct.pack("!BBBBIIIII", first, flags, 3, 24, random.randrange(1, 1 << 32), your, 1_000_000, 50_000, 0)
    for _ in range(200):
        yield packet(0x20, 0x40, 0), 255  # Down, with no discriminator of ours
        yield packet(0x27, 0x00, 0), 255  # AdminDown
        yield packet(0x23, 0x40, random.randrange(1, 1 << 32)), 255
        yield packet(0x20, 0x40, 0), 254  # from afar
        yield os.urandom(24), 255


def test_spoofed_packets(lab):
    """10,000 forged packets a second beside a session, of 50 ms x 5, so that a busy machine is no false alarm."""
    us, them = network(lab)
    attacker = lab.host("attacker")
    lab.plug(us.switch, attacker, "eth0", "10.77.0.66/24")
    bfd = Bfd(us).watch("s", THEM4, "if=eth0 tx=50 rx=50 multiplier=5")
    peer = Bfd(them).watch("s", US4, "if=eth0 tx=50 rx=50 multiplier=5")
    bfd.wait_up()
    peer.wait_up()
    raw = socket_in(attacker.netns, socket.AF_PACKET, socket.SOCK_RAW, 0)
    lab.sockets.append(raw)
    raw.bind(("eth0", 0))
    mac, target = attacker.mac("eth0"), us.mac("eth0")
    frames = [spoofed_frame(mac, target, THEM4, US4, payload, ttl) for payload, ttl in spoofed_payloads()]
    wait_for("the session to settle", lambda: bfd.session()["detection_time_us"] == 250_000)
    downs, seconds, rate = bfd.downs(), 5, 10_000

    def flood(packets_per_second):
        began, sent = time.monotonic(), 0
        while (elapsed := time.monotonic() - began) < seconds:
            while sent < elapsed * packets_per_second:
                raw.send(frames[sent % len(frames)])
                sent += 1
            time.sleep(0.001)
        return sent
    quiet_cpu = bfd.cpu_seconds()
    flood(0)
    quiet_cpu = bfd.cpu_seconds() - quiet_cpu
    before, cpu = bfd.status()["received"], bfd.cpu_seconds()
    sent = flood(rate)
    cpu = bfd.cpu_seconds() - cpu
    status = bfd.status()
    print(f"{sent / seconds:.0f} forged packets a second: {cpu / seconds * 100:.1f} % of a core, "
          f"{quiet_cpu / seconds * 100:.1f} % without them; discarded {status['discarded']}, "
          f"by the session {status['status']['s']['discarded']}")
    assert status["received"] - before >= 0.9 * sent
    assert bfd.downs() == downs, bfd.events
    assert bfd.session()["state"] == "up"
    bfd.stop()
    peer.stop()


def test_interface_goes_and_comes_back(lab):
    us, them = network(lab)
    bfd = Bfd(us).watch("s", THEM4, f"if=eth0 {FAST}")
    peer = Bfd(them).watch("s", US4, f"if=eth0 {FAST}")
    bfd.wait_up()
    since = time.monotonic_ns()
    us.ip("link", "del", "eth0")
    bfd.wait_down(since=since)
    wait_for("the problem", lambda: "eth0 does not exist" in bfd.session()["problem"])
    us.port = lab.plug(us.switch, us, "eth0", f"{US4}/24", f"{US6}/64")
    bfd.wait_up()
    assert bfd.session()["problem"] == ""
    bfd.stop()
    peer.stop()


def test_link_local_on_two_links(lab):
    """One address on two links: the interface tells the sessions apart."""
    us, left, right = (quick_addresses(lab.host(name)) for name in ("us", "left", "right"))
    for i, (name, host) in enumerate((("br1", left), ("br2", right))):
        switch = lab.bridge(name)
        lab.plug(switch, us, f"eth{i}", f"fe80::{i + 1}1/64")
        host.port = lab.plug(switch, host, "eth0", "fe80::99/64")
        host.switch = switch
    bfd = Bfd(us).tell(f"session left fe80::99 if=eth0 {FAST}", f"session right fe80::99 if=eth1 {FAST}", "apply")
    peers = [Bfd(left).watch("s", "fe80::11", f"local=fe80::99 if=eth0 {FAST}"),
             Bfd(right).watch("s", "fe80::21", f"local=fe80::99 if=eth0 {FAST}")]
    bfd.wait_up("left").wait_up("right")
    time_of_cut = cut(right)
    bfd.wait_down("right", since=time_of_cut)
    assert bfd.is_up("left") and bfd.downs("left") == 0
    for each in (bfd, *peers):
        each.stop()


def test_hop_limit_of_a_neighbour(lab):
    """A single-hop session over a router stays down (RFC 5881 section 5)."""
    us, router, them = routed_network(lab)
    bfd = Bfd(us).watch("s", "10.2.0.1", FAST)
    peer = Bfd(them).watch("s", "10.1.0.1", FAST)
    wait_for("packets of no use", lambda: bfd.session()["discarded"].get("hop_limit", 0) >= 2)
    assert bfd.session()["state"] == "down" and peer.session()["state"] == "down"
    bfd.stop()
    peer.stop()


if __name__ == "__main__":
    harness.main(globals())
