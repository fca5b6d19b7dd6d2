#!/usr/bin/env python3
"""CPU and answer latency of lbd under a storm of ARP requests for other addresses: ./dev bench arp-storm"""
import argparse
import ctypes
import json
import socket
import statistics
import struct
import subprocess
import sys
import time

import common

parser = argparse.ArgumentParser(prog="./dev bench arp-storm", description=__doc__)
parser.add_argument("--rate", type=int, default=200_000, help="packets per second")
parser.add_argument("--seconds", type=int, default=10, help="length of the storm")
parser.add_argument("--probe", nargs=3, metavar=("INTERFACE", "ADDRESS", "SECONDS"), help=argparse.SUPPRESS)
options = parser.parse_args()


def only_arp_replies(wire):
    """A socket filter: the storm reaches the client too, and Python would drown in it."""
    program = b"".join(struct.pack("HBBI", *step) for step in (
        (0x28, 0, 0, 20),      # load the ARP opcode
        (0x15, 0, 1, 2),       # a reply?
        (0x06, 0, 0, 0xffff),  # take it
        (0x06, 0, 0, 0)))      # drop it
    buffer = ctypes.create_string_buffer(program)
    so_attach_filter = 26
    wire.setsockopt(socket.SOL_SOCKET, so_attach_filter,
                    struct.pack("HL", len(program) // 8, ctypes.addressof(buffer)))


def probe(interface, address, seconds):
    """Asks for `address` ten times a second and prints how long each answer took, in microseconds."""
    ethertype_arp = 0x0806
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype_arp)) as wire:
        wire.bind((interface, ethertype_arp))
        wire.settimeout(1.0)
        only_arp_replies(wire)
        mac = wire.getsockname()[4]
        request = (b"\xff" * 6 + mac + struct.pack("!HHHBBH", ethertype_arp, 1, 0x0800, 6, 4, 1) + mac
                   + socket.inet_aton("10.64.0.2") + b"\0" * 6 + socket.inet_aton(address))
        latencies, lost, end = [], 0, time.monotonic() + seconds
        while time.monotonic() < end:
            sent = time.perf_counter()
            wire.send(request)
            try:
                while True:
                    frame = wire.recv(2048)
                    if frame[20:22] == b"\0\2" and frame[28:32] == socket.inet_aton(address):
                        break
                latencies.append((time.perf_counter() - sent) * 1e6)
            except TimeoutError:
                lost += 1
            time.sleep(0.1)
    print(json.dumps({"latencies_us": latencies, "lost": lost}))


def measure(lab, lbd, client, storm_host, address, rate):
    """One row: the storm (or none), the probe beside it, CPU of lbd's threads meanwhile."""
    pid = lbd.process.pid
    before = common.thread_cpu_seconds(pid)
    storm = None
    if rate:
        storm = storm_host.start(common.BIN / "arp_storm_sender", "--interface", "eth0", "--rate", rate,
                                 "--seconds", options.seconds, "--prefix", "10.80.0.0/16", stdout=subprocess.PIPE)
    done = client.run(sys.executable, __file__, "--probe", "eth0", address, options.seconds - 1,
                      timeout=options.seconds + 30)
    answer = json.loads(done.stdout)
    sent = json.loads(storm.communicate(timeout=options.seconds + 30)[0]) if storm else {"per_second": 0}
    used = {name: seconds - before.get(name, 0) for name, seconds in common.thread_cpu_seconds(pid).items()}
    latencies = sorted(answer["latencies_us"])
    figures = {"storm_per_second": sent["per_second"],
               "lbd_cpu_percent": 100 * sum(used.values()) / options.seconds,
               "l2_cpu_percent": 100 * used.get("lbd-l2", 0) / options.seconds,
               "answers": len(latencies), "unanswered": answer["lost"],
               "answer_p50_us": statistics.median(latencies) if latencies else None,
               "answer_p99_us": latencies[int(0.99 * (len(latencies) - 1))] if latencies else None}
    common.emit(bench="arp-storm", **figures)
    return [f"{figures['storm_per_second']:.0f}", f"{figures['lbd_cpu_percent']:.1f}", len(latencies), answer["lost"],
            f"{figures['answer_p50_us'] or 0:.0f}", f"{figures['answer_p99_us'] or 0:.0f}"]


if options.probe:
    probe(options.probe[0], options.probe[1], float(options.probe[2]))
    sys.exit()

common.need_root()
lab = common.harness.Lab()
try:
    lbd, answer, client = common.cluster_of_one(lab)
    storm_host = lab.host("storm")
    lab.plug(lab.hosts["sw-br0"], storm_host, "eth0", "10.64.0.3/10")
    lbd.lbctl("vip", "create", "web", "--pool", "lan")
    address = lbd.json("vip", "show", "web")["status"]["addresses"][0]
    common.harness.wait_for("the VIP to be announced",
                            lambda: lbd.json("vip", "show", "web")["status"]["phase"] == "announced")
    rows = [measure(lab, lbd, client, storm_host, address, rate) for rate in (0, options.rate)]
    common.table(["storm/s", "lbd CPU %", "answers", "unanswered", "p50 us", "p99 us"], rows)
finally:
    lab.close()
