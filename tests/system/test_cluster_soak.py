"""Three real processes under load, round upon round of faults: what they acknowledged is a linearizable history.

Short form: 10 rounds; `./dev test soak`: 300. The seed is printed and can be given as TRIVET_SEED; it fixes the faults,
not the machine's own timing.
"""
import functools
import http.client
import itertools
import json
import math
import os
import random
import threading
import time

import cluster as clusters
import harness
from cluster import NOT_NOW, PATIENCE, Cluster, UnixConnection, Unreachable

SOAK = os.environ.get("TRIVET_SOAK") == "1"
ROUNDS = 300 if SOAK else 10
CHECKER = os.environ.get("TRIVET_CHECK_HISTORY", "")

CLIENTS = 6             # two for each node
REGISTERS = 6           # a round: few enough that clients meet; new ones each round, because what is
                        # left open by a fault stays open for ever and makes the search long
ROUNDS_A_CHECK = 10     # whose operations go into one file for the checker
PAUSE = 0.01            # seconds between two operations of a client
PAUSE_AFTER_DOUBT = 0.3  # after an unknown outcome
PROBES_A_NODE = 2       # threads, so that one call that hangs does not hide the new leader
PROBE_TIMEOUT, PROBE_GIVE_UP = 0.5, 30
LEADER_AGAIN_MAX = 2.0  # seconds, at the 99th percentile


class History:
    """Operations on registers, as tests/support/history_json.hpp wants them. Safe for threads."""

    def __init__(self):
        self.rounds, self.lock = {}, threading.Lock()

    def record(self, round_number, **operation):
        with self.lock:
            self.rounds.setdefault(round_number, []).append(operation)

    def count(self):
        operations = [o for each in self.rounds.values() for o in each]
        return len(operations), sum(o["returned"] is None for o in operations)

    def check(self, directory):
        """Registers of different rounds are different keys, so that rounds can be checked apart."""
        for first in range(0, max(self.rounds) + 1, ROUNDS_A_CHECK):
            file = directory / f"history-{first}.jsonl"
            file.write_text("".join(json.dumps(o) + "\n" for r in range(first, first + ROUNDS_A_CHECK)
                                    for o in self.rounds.get(r, [])))
            done = harness.run(CHECKER, file, check=False, timeout=300)
            assert done.returncode == 0, f"rounds {first} and on: exit {done.returncode}\n{done.stdout}{done.stderr}"


def now():
    return time.monotonic_ns()


def register_path(round_number, register):
    return f"reg-{round_number}-{register}", f"/v1/vips/default/reg-{round_number}-{register}"


def value_of(answer):
    return answer.body["labels"].get("value") if answer.status == 200 else None


class Clients(clusters.Workers):
    """Threads that write and read registers: labels of VIPs, by PUT and GET, each through one node."""

    def __init__(self, cluster, history, seed):
        self.cluster, self.history, self.seed = cluster, history, seed
        super().__init__(CLIENTS)
        self.round, self.mistakes = 0, []

    def work(self, number):
        chance = random.Random(f"{self.seed}-{number}")
        connection = UnixConnection(self.cluster.nodes[number % len(self.cluster.nodes)].socket, timeout=5)
        values = (f"{number}-{n}" for n in itertools.count())
        while not self.stop.wait(PAUSE):
            operate = self.write if chance.random() < 0.5 else self.read
            if not operate(number, connection, self.round, chance.randrange(REGISTERS), values):
                self.stop.wait(PAUSE_AFTER_DOUBT)
        connection.close()

    def write(self, number, connection, round_number, register, values):
        key, path = register_path(round_number, register)
        operation = {"process": number, "key": key, "kind": "write", "value": next(values), "invoked": now()}
        try:
            answer = connection.call("PUT", path, {"pool": "lan", "labels": {"value": operation["value"]}})
        except Unreachable:
            return False  # not sent: nothing to record
        except (OSError, http.client.HTTPException):
            answer = None
        known = answer is not None and answer.status in (200, 201)
        self.history.record(round_number, **operation, returned=now() if known else None)
        if answer is not None and not known and answer.status not in NOT_NOW:
            self.mistakes.append((key, answer.status, answer.body))
        return known

    def read(self, number, connection, round_number, register, _):
        key, path = register_path(round_number, register)
        invoked = now()
        try:
            answer = connection.call("GET", path)
        except (Unreachable, OSError, http.client.HTTPException):
            return False  # a read without an answer tells nothing
        if answer.status in (200, 404):
            self.history.record(round_number, process=number, key=key, kind="read", output=value_of(answer),
                                invoked=invoked, returned=now())
            return True
        if answer.status not in NOT_NOW:
            self.mistakes.append((key, answer.status, answer.body))
        return False

    def read_all(self, rounds):
        """What is left at the end belongs to the history: what was acknowledged must be in it."""
        for number, node in enumerate(self.cluster.nodes, CLIENTS):
            connection = UnixConnection(node.socket, timeout=PATIENCE)
            for round_number in range(rounds):
                for register in range(REGISTERS):
                    assert self.read(number, connection, round_number, register, None), self.mistakes[-1:]
            connection.close()


def seconds_until_a_write(nodes, since, applied_at):
    """From `since` to the first acknowledgement of a write that was sent after the fault was there."""
    found, lock = [], threading.Lock()

    def probe(node, number):
        while not found and time.monotonic() < applied_at + PROBE_GIVE_UP:
            sent = time.monotonic()
            try:
                answer = node.call("PUT", f"/v1/vips/default/probe-{node.name}-{number}",
                                   {"pool": "lan", "labels": {"value": f"at-{int(sent * 1000)}"}}, timeout=PROBE_TIMEOUT)
            except (Unreachable, OSError, http.client.HTTPException):
                answer = None
            if answer is not None and answer.status in (200, 201):
                with lock:
                    found.append(time.monotonic())
            else:
                time.sleep(0.005)  # a node that refuses at once must not use up the processor

    threads = [threading.Thread(target=probe, args=(node, n), daemon=True) for node in nodes
               for n in range(PROBES_A_NODE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PROBE_GIVE_UP + 5)
    assert found, f"no write was acknowledged within {PROBE_GIVE_UP} s"
    return min(found) - since


def cut_all(cluster, pairs):
    for source, target in pairs:
        cluster.cut_one_way(source, target)


def faults_of(cluster, victim):
    """Named faults of one node: what begins them; ending() takes any of them back."""
    others = [n for n in cluster.nodes if n is not victim]
    out, back = [(victim, o) for o in others], [(o, victim) for o in others]
    return {
        "kill -9": victim.kill,
        "SIGTERM": victim.terminate,
        "SIGSTOP": victim.pause,
        "not heard by one": functools.partial(cut_all, cluster, out[:1]),
        "not heard": functools.partial(cut_all, cluster, out),
        "deaf to one": functools.partial(cut_all, cluster, back[-1:]),
        "deaf": functools.partial(cut_all, cluster, back),
        "cut off": functools.partial(cut_all, cluster, out + back),
    }


def ending(cluster, victim):
    cluster.heal()
    if victim.paused:
        victim.resume()
    if victim.process.poll() is not None:
        victim.start()


def quantile(values, q):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def run_round(cluster, chance, clients):
    """One fault, and all well again. Returns what happened, and how long a leader's fault kept writes away."""
    leader = cluster.leader()
    victim = leader if chance.random() < 0.6 else chance.choice([n for n in cluster.nodes if n is not leader])
    faults = faults_of(cluster, victim)
    name = chance.choice(sorted(faults))
    since = time.monotonic()
    faults[name]()
    applied_at = time.monotonic()
    seconds = None
    if victim is leader:
        seconds = seconds_until_a_write([n for n in cluster.nodes if n is not victim], since, applied_at)
    clients.stop.wait(chance.uniform(0.2, 1.0))  # the fault lasts
    ending(cluster, victim)
    cluster.wait_until_serving()
    return f"{name}, {'leader' if victim is leader else 'follower'}", seconds


def test_faults_under_load_leave_a_linearizable_history(lab):
    clusters.need_programs("nft")
    if not os.access(CHECKER, os.X_OK):
        raise harness.Skip("TRIVET_CHECK_HISTORY does not name the history checker")
    seed = int(os.environ.get("TRIVET_SEED") or random.randrange(1 << 32))
    print(f"seed {seed}", flush=True)
    chance, history = random.Random(seed), History()
    cluster = Cluster(lab).form(3)
    cluster.create_pool()
    away, seen = [], {}
    with clusters.Load(cluster, workers=2, interval=0.1) as load, Clients(cluster, history, seed) as clients:
        for number in range(ROUNDS):
            clients.round = number
            name, seconds = run_round(cluster, chance, clients)
            seen[name] = seen.get(name, 0) + 1
            if seconds is not None:
                away.append(seconds)
            assert not clients.mistakes, clients.mistakes[:5]
            print(f"round {number}: {name}" + (f", writes again after {seconds * 1000:.0f} ms" if seconds else ""),
                  flush=True)
    clients.read_all(ROUNDS)
    operations, unknown = history.count()
    history.check(lab.dir)
    for node in cluster.nodes:
        load.check(node)
    figures = {"rounds": ROUNDS, "faults": seen, "operations": operations, "unknown": unknown,
               "vips_acknowledged": len(load.acknowledged), "leader_faults": len(away)}
    if away:
        figures |= {"write_again_p50_ms": 1000 * quantile(away, 0.5), "write_again_p99_ms": 1000 * quantile(away, 0.99),
                    "write_again_max_ms": 1000 * max(away)}
    print(json.dumps(figures), flush=True)
    if SOAK:
        assert quantile(away, 0.99) <= LEADER_AGAIN_MAX, f"a leader again took {quantile(away, 0.99):.2f} s at p99"


harness.main(globals())
