"""One lbd and a real Linux client on one switch: what an operator and the network see of it."""
import contextlib
import itertools
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time

import harness
from harness import Lbd, run, wait_for

SOAK = os.environ.get("TRIVET_SOAK") == "1"
V4, V6 = "10.77.0.50", "fd77::50"
POOL = "10.77.0.50-10.77.0.60,fd77::50-fd77::60"


def network(lab):
    switch = lab.bridge()
    node, client = lab.host("n1"), lab.host("client")
    lab.plug(switch, node, "eth0", "10.77.0.1/24", "fd77::1/64")
    lab.plug(switch, client, "eth0", "10.77.0.2/24", "fd77::2/64")
    return node, client


def cluster(lab):
    node, client = network(lab)
    lbd = Lbd(node).start()
    lbd.answer = lbd.init()
    lbd.lbctl("pool", "create", "lan", "--addresses", POOL)
    return lbd, node, client


def dual_stack_vip(lbd, *extra, name="web"):
    lbd.lbctl("vip", "create", name, "--pool", "lan", "--ip-families", "ipv4,ipv6", "--port", "80/tcp", *extra)
    wait_for("the VIP to be announced", lambda: phase(lbd, name) == "announced")


def phase(lbd, name="web"):
    return lbd.json("vip", "show", name)["status"]["phase"]


def resolve(client, address):
    """Makes the client's kernel look for a neighbour; returns the MAC it then has."""
    client.ip("neigh", "flush", "dev", "eth0")
    client.run("ping", "-c1", "-W1", address, check=False)
    return client.neighbour(address)


def test_client_finds_the_owner_for_both_families(lab):
    lbd, node, client = cluster(lab)
    dual_stack_vip(lbd)
    assert lbd.json("vip", "show", "web")["status"]["addresses"] == [V4, V6]
    for address in (V4, V6):
        assert resolve(client, address) == node.mac("eth0"), address


def test_a_page_is_fetched_through_a_bound_vip(lab):
    lbd, node, client = cluster(lab)
    dual_stack_vip(lbd, "--delivery", "bind")
    site = lab.dir / "site"
    site.mkdir()
    (site / "index.html").write_text("page\n")
    node.start("python3", "-m", "http.server", "80", "--bind", "::", "--directory", site, stderr=subprocess.DEVNULL)
    for url in (f"http://{V4}/", f"http://[{V6}]/"):
        wait_for(f"a page from {url}", lambda: client.run("curl", "-s", "-m2", url, check=False).stdout == "page\n")


def test_sigterm_withdraws_and_exits_with_0(lab):
    lbd, node, client = cluster(lab)
    dual_stack_vip(lbd, "--delivery", "bind")
    assert V4 in node.ip("addr", "show", "dev", "lo")
    assert lbd.terminate() == 0
    assert V4 not in node.ip("addr", "show", "dev", "lo")
    assert resolve(client, V4) is None and resolve(client, V6) is None
    assert not lbd.socket.exists(), "the socket file is removed at a clean stop"


def test_kill_and_restart_leaves_neither_stale_addresses_nor_lost_vips(lab):
    lbd, node, client = cluster(lab)
    dual_stack_vip(lbd, "--delivery", "bind")
    dual_stack_vip(lbd, "--delivery", "bind", name="gone")
    before = lbd.json("vip", "list")["items"]
    lbd.kill()
    assert V4 in node.ip("addr", "show", "dev", "lo"), "the crash left the address behind"
    node.ip("addr", "add", "10.99.99.99/32", "dev", "lo")  # not ours: must stay
    lbd.start()
    wait_for("both VIPs to be announced again", lambda: phase(lbd) == phase(lbd, "gone") == "announced")
    after = lbd.json("vip", "list")["items"]
    assert [v["status"]["addresses"] for v in before] == [v["status"]["addresses"] for v in after]
    lbd.kill()
    # While lbd is away somebody else's tool took one address off, and a later delete must clear the other.
    node.ip("addr", "del", f"{V4}/32", "dev", "lo")
    lbd.start()
    wait_for("the address to be back on lo", lambda: V4 in node.ip("addr", "show", "dev", "lo"))
    lbd.lbctl("vip", "delete", "gone")
    wait_for("the deleted VIP's address to leave lo", lambda: "10.77.0.51" not in node.ip("addr", "show", "dev", "lo"))
    assert "10.99.99.99" in node.ip("addr", "show", "dev", "lo")
    assert resolve(client, V4) == node.mac("eth0")


def test_an_interface_that_vanishes_and_returns(lab):
    lbd, node, client = cluster(lab)
    dual_stack_vip(lbd)
    node.ip("link", "del", "eth0")
    wait_for("the VIP to say that it is not announced", lambda: phase(lbd) == "assigned")
    reason = lbd.json("vip", "show", "web")["status"]["reason"]
    assert V4 in reason and "subnet" in reason, reason
    lab.plug(lab.hosts["sw-br0"], node, "eth0", "10.77.0.1/24", "fd77::1/64")
    wait_for("the VIP to be announced on the new interface", lambda: phase(lbd) == "announced")
    assert resolve(client, V4) == node.mac("eth0")


def test_a_stranger_with_the_address_is_detected_and_reported(lab):
    lbd, node, client = cluster(lab)
    client.ip("addr", "add", f"{V4}/24", "dev", "eth0")
    lbd.lbctl("vip", "create", "web", "--pool", "lan", "--port", "80/tcp")
    wait_for("the conflict", lambda: phase(lbd) == "conflict")
    events = wait_for("the event", lambda: [e for e in lbd.json("events")["items"] if e["type"] == "vip_conflict"])
    assert client.mac("eth0") in events[-1]["message"], events
    assert client.mac("eth0") in lbd.lbctl("vip", "explain", "web").stdout


def test_readiness_metrics_and_authentication_over_tcp(lab):
    lbd, node, client = cluster(lab)
    api = lbd.answer["api"]
    ca = lbd.dir / "data/pki/ca.crt"

    def get(path, *options):
        done = client.run("curl", "-s", "-m5", "--cacert", ca, "-w", "\n%{http_code}", *options, api + path, check=False)
        body, _, code = done.stdout.rpartition("\n")
        return int(code), body

    token = ("-H", f"Authorization: Bearer {lbd.answer['admin_token']}")
    assert get("/livez")[0] == 200 and get("/readyz")[0] == 200
    code, body = get("/v1/vips")
    assert code == 401 and json.loads(body)["status"] == 401, body
    assert get("/v1/vips", "-H", "Authorization: Bearer wrong")[0] == 401
    assert get("/v1/vips", *token)[0] == 200
    code, metrics = get("/metrics", *token)
    assert code == 200 and "trivet_" in metrics
    assert get("/metrics")[0] == 401


def test_lbctl_from_another_machine_by_ca_hash(lab):
    lbd, node, client = cluster(lab)
    answer = lbd.answer
    server = answer["api"].replace("0.0.0.0", "10.77.0.1")

    def lbctl(token, ca_hash):
        env = dict(os.environ, LBCTL_TOKEN=token)
        command = [os.environ["TRIVET_LBCTL"], "--server", server, "--ca-hash", ca_hash, "pool", "list", "-o", "name"]
        return client.run(*command, env=env, check=False)

    good = lbctl(answer["admin_token"], answer["ca_hash"])
    assert (good.returncode, good.stdout) == (0, "pool/lan\n"), good
    assert lbctl("wrong", answer["ca_hash"]).returncode == 4
    other = lbctl(answer["admin_token"], "sha256:" + "0" * 64)
    assert other.returncode == 4 and "has the CA hash" in other.stderr, other


def test_an_idempotency_key_makes_a_repeated_post_safe(lab):
    lbd, node, _ = cluster(lab)

    def post(name, key):
        done = node.run("curl", "-s", "--unix-socket", lbd.socket, "-w", "\n%{http_code}", "-H",
                        "content-type: application/json", "-H", f"Idempotency-Key: {key}",
                        "-d", json.dumps({"name": name}), "http://lbd/v1/vips/default")
        body, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(body)

    first = post("web", "k-1")
    assert first[0] == 201, first
    lbd.kill()
    lbd.start()
    again = post("web", "k-1")
    assert again[0] == 201 and again[1]["status"]["addresses"] == first[1]["status"]["addresses"], again
    assert again[1]["revision"] == first[1]["revision"]
    assert post("web", "k-2")[0] == 409
    assert post("other", "k-1")[0] == 409
    assert post("other", "not visible")[0] == 400
    assert [v["name"] for v in lbd.json("vip", "list")["items"]] == ["web"]


def test_a_second_lbd_on_the_same_data_is_refused(lab):
    lbd, node, _ = cluster(lab)
    done = node.run(harness.LBD, "--config", lbd.config, check=False, timeout=20)
    assert done.returncode == 1 and "in use" in done.stderr, done.stderr
    assert lbd.alive()


def test_a_stale_socket_file_is_replaced(lab):
    lbd, node, _ = cluster(lab)
    lbd.kill()
    assert lbd.socket.exists(), "the crash left the socket file behind"
    started = time.monotonic()
    lbd.start()
    assert time.monotonic() - started < 10, "accepts calls soon after the start (3 s without sanitizers)"


@contextlib.contextmanager
def database_of(lbd):
    """The file of an lbd that does not run; sqlite3's own context manager would leave it open."""
    with contextlib.closing(sqlite3.connect(lbd.dir / "data/lbd.sqlite")) as database:
        yield database
        database.commit()


def bad_start(lab, prepare):
    """Starts lbd on a prepared data directory and returns its exit code and what it said."""
    lbd, node, _ = cluster(lab)
    lbd.terminate()
    prepare(lbd)
    done = node.run(harness.LBD, "--config", lbd.config, check=False, timeout=20)
    return done.returncode, done.stderr


def test_a_missing_data_directory_is_named_with_the_remedy(lab):
    code, said = bad_start(lab, lambda lbd: run("mv", lbd.dir / "data", lbd.dir / "elsewhere"))
    assert code == 1 and "data" in said and "data_dir" in said, said


def test_a_database_of_a_newer_version_is_refused(lab):
    def prepare(lbd):
        with database_of(lbd) as database:
            database.execute("PRAGMA user_version = 999")

    code, said = bad_start(lab, prepare)
    assert code == 1 and "newer version" in said and "999" in said, said


def test_a_corrupted_row_is_named(lab):
    def prepare(lbd):
        with database_of(lbd) as database:
            changed = database.execute("UPDATE state SET value = CAST(replace(CAST(value AS TEXT), 'lan', 'lam') AS BLOB)"
                                       " WHERE key = 'pool/lan'")
            assert changed.rowcount == 1

    code, said = bad_start(lab, prepare)
    assert code == 1 and "pool/lan" in said and "checksum" in said, said


def test_check_config_names_line_column_and_suggestion(lab):
    file = lab.dir / "bad.yaml"
    file.write_text("node: n1\nclutser:\n  listen: \"10.0.0.1:7481\"\napi: { lisen: \"0.0.0.0:7480\" }\n")
    done = run(harness.LBD, "--check-config", "--config", file, check=False)
    assert done.returncode == 1
    assert f"{file}:2:1:" in done.stderr and "did you mean 'cluster'" in done.stderr, done.stderr
    assert f"{file}:4:8:" in done.stderr and "did you mean 'listen'" in done.stderr, done.stderr


def test_a_full_disk_makes_it_read_only_and_it_heals(lab):
    node, client = network(lab)
    lbd = Lbd(node)
    run("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", lbd.dir / "data")
    try:
        lbd.start().init()
        lbd.lbctl("pool", "create", "lan", "--addresses", POOL)
        dual_stack_vip(lbd)
        filler = lbd.dir / "data/filler"
        run("fallocate", "-l", "30m", filler)

        numbers = itertools.count()

        def refused():
            """The free space is looked at now and then, so the first writes may still pass."""
            body = json.dumps({"name": f"full-{next(numbers)}", "labels": {"a": "b"}})
            done = node.run("curl", "-s", "--unix-socket", lbd.socket, "-w", "\n%{http_code}", "-H",
                            "content-type: application/json", "-d", body, "http://lbd/v1/vips/full")
            return done.stdout.rsplit("\n", 1)[1] == "507" and "free" in done.stdout

        wait_for("a write with less space than the reserve to be answered with 507", refused, interval=0.2)
        assert phase(lbd) == "announced" and resolve(client, V4) == node.mac("eth0")
        assert lbd.json("status")["read_only"]
        filler.unlink()
        wait_for("writes to be accepted again",
                 lambda: lbd.lbctl("vip", "create", "healed", "--pool", "lan", check=False).returncode == 0)
        assert lbd.terminate() == 0
    finally:
        if lbd.process and lbd.process.poll() is None:
            lbd.kill()
        run("umount", lbd.dir / "data")


def test_sighup_reloads_labels(lab):
    lbd, node, _ = cluster(lab)
    lbd.config.write_text(lbd.config.read_text() + "labels: { rack: a }\n")
    lbd.process.send_signal(harness.signal.SIGHUP)
    wait_for("the label", lambda: lbd.json("node", "show", "n1")["labels"].get("rack") == "a")


def notify_socket(path):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    receiver.settimeout(15)
    return receiver


def test_the_service_manager_sees_ready_watchdog_and_stopping(lab):
    node, _ = network(lab)
    path = lab.dir / "notify"
    receiver = notify_socket(path)
    # WATCHDOG_PID is left out, as sd_watchdog_enabled(3) allows: then every process may feed it.
    lbd = Lbd(node, env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}).start()
    seen = []

    def until(wanted):
        while not any(line == wanted for message in seen for line in message.splitlines()):
            seen.append(receiver.recv(4096).decode())

    until("READY=1")
    until("WATCHDOG=1")
    lbd.process.send_signal(harness.signal.SIGHUP)
    until("RELOADING=1")
    lbd.process.send_signal(harness.signal.SIGTERM)
    until("STOPPING=1")
    assert lbd.process.wait(timeout=15) == 0


def test_sigterm_under_allocation_load_exits_with_0_and_loses_nothing(lab):
    node, _ = network(lab)
    lbd = Lbd(node).start()
    lbd.init()
    lbd.lbctl("pool", "create", "lan", "--addresses", "10.88.0.0/16")
    acknowledged, stop = {}, threading.Event()

    def allocate(worker):
        for number in itertools.count():
            if stop.is_set():
                return
            answer = post_vip(lbd.socket, f"vip-{worker}-{number}")
            if answer is not None:
                acknowledged[answer["name"]] = answer["status"]["addresses"]

    workers = [threading.Thread(target=allocate, args=(w,)) for w in range(8)]
    for worker in workers:
        worker.start()
    wait_for("allocations to be under way", lambda: len(acknowledged) >= 50, interval=0.001)
    code = lbd.terminate()
    stop.set()
    for worker in workers:
        worker.join()
    assert code == 0, lbd.log.read_text()[-3000:]
    lbd.start()
    stored = {v["name"]: v["status"]["addresses"] for v in lbd.json("vip", "list")["items"]}
    assert all(stored.get(name) == addresses for name, addresses in acknowledged.items())


def test_kill_9_under_allocation_load_loses_nothing_acknowledged(lab):
    """Short form: 10 kills; `./dev test soak`: 200."""
    kills = 200 if SOAK else 10
    node, _ = network(lab)
    lbd = Lbd(node)
    lbd.start().init()
    lbd.lbctl("pool", "create", "lan", "--addresses", "10.88.0.0/16")
    acknowledged, attempts = {}, 0
    for kill in range(kills):
        stop = threading.Event()

        def allocate(worker):
            number = 0
            while not stop.is_set():
                number += 1
                name = f"vip-{kill}-{worker}-{number}"
                answer = post_vip(lbd.socket, name)
                if answer is not None:
                    acknowledged[name] = answer["status"]["addresses"]

        workers = [threading.Thread(target=allocate, args=(w,)) for w in range(4)]
        before = len(acknowledged)
        for worker in workers:
            worker.start()
        wait_for("allocations to be under way", lambda: len(acknowledged) >= before + 20, interval=0.001)
        lbd.kill()
        stop.set()
        for worker in workers:
            worker.join()
        lbd.start()
    stored = {v["name"]: v["status"]["addresses"] for v in lbd.json("vip", "list", "-n", "default")["items"]}
    lost = {name for name, addresses in acknowledged.items() if stored.get(name) != addresses}
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged VIPs lost or changed: {sorted(lost)[:5]}"
    held = [a for addresses in stored.values() for a in addresses]
    assert len(held) == len(set(held)), "an address was given twice"
    assert lbd.terminate() == 0
    with database_of(lbd) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    print(f"{kills} kills, {len(acknowledged)} VIPs acknowledged, none lost; integrity_check ok")


def post_vip(path, name):
    """POST over the unix socket; the answer, or None when the connection died before it came."""
    body = json.dumps({"name": name, "pool": "lan"}).encode()
    request = (f"POST /v1/vips/default HTTP/1.1\r\nHost: lbd\r\nContent-Type: application/json\r\n"
               f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            connection.sendall(request)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
    except OSError:
        return None
    head, _, content = answer.partition(b"\r\n\r\n")
    length = next((int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")), -1)
    if not head.startswith(b"HTTP/1.1 201") or len(content) != length:
        return None
    return json.loads(content)


harness.main(globals())
