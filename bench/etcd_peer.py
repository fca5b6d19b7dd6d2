"""Three etcd members, each in a network namespace of its own: the peer that consensus is measured against."""
import json
import pathlib
import shutil

import common

CLIENT_PORT, PEER_PORT = 2379, 2380
PROGRAM_DIR = common.ROOT / "build/peers/usr/bin"  # where ./dev unpacks what is not installed
PUT = "/v3/kv/put"                                 # of the HTTP gateway


def program():
    found = shutil.which("etcd", path=f"{PROGRAM_DIR}:/usr/bin:/usr/local/bin")
    if found is None:
        raise SystemExit("etcd is missing: './dev bench' fetches it (Debian package etcd-server)")
    return found


def put_body(value):
    """A put of `value`, the JSON that Trivet is sent, under a key like the VIP's; for http_load's templates."""
    return ('{"key":"<base64>/vips/default/vip-{n}</base64>","value":"<base64>' + value + '</base64>"}')


class Member:
    def __init__(self, host, address, directory):
        self.host, self.name, self.address, self.dir = host, host.name, address, directory
        self.process = None

    def url(self, port):
        return f"https://{self.address}:{port}"


class EtcdCluster:
    """Owned by a Lab, which ends the processes."""

    def __init__(self, lab, switch, client, subnet, prefix_length, timing=()):
        """timing: flags, when not etcd's own election timeout and heartbeat are wanted."""
        self.lab, self.client, self.timing = lab, client, timing
        self.members = []
        for number in (1, 2, 3):
            host, address = lab.host(f"e{number}"), f"{subnet}.{10 + number}"
            lab.plug(switch, host, "eth0", f"{address}/{prefix_length}")
            self.members.append(Member(host, address, lab.dir / host.name))
            self.members[-1].dir.mkdir()
        self.pki = lab.dir / "etcd-pki"
        self.pki.mkdir()
        self.make_certificates()
        for member in self.members:
            self.start(member)
        common.harness.wait_for("etcd to have a leader", self.leader, timeout=30)

    def make_certificates(self):
        common_flags = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
                        "-days", "2")
        common.harness.run(*common_flags, "-subj", "/CN=etcd bench", "-keyout", self.pki / "ca.key", "-out",
                           self.pki / "ca.crt")
        names = ",".join(f"IP:{m.address}" for m in self.members)
        common.harness.run(*common_flags, "-subj", "/CN=member", "-keyout", self.pki / "member.key", "-out",
                           self.pki / "member.crt", "-CA", self.pki / "ca.crt", "-CAkey", self.pki / "ca.key",
                           "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE",
                           "-addext", "extendedKeyUsage=serverAuth,clientAuth")

    @property
    def ca_file(self):
        return self.pki / "ca.crt"

    def start(self, member):
        certificate, key = self.pki / "member.crt", self.pki / "member.key"
        others = ",".join(f"{m.name}={m.url(PEER_PORT)}" for m in self.members)
        with open(member.dir / "etcd.log", "ab") as log:
            member.process = member.host.start(
                program(), "--name", member.name, "--data-dir", member.dir / "data",
                "--listen-client-urls", member.url(CLIENT_PORT), "--advertise-client-urls", member.url(CLIENT_PORT),
                "--listen-peer-urls", member.url(PEER_PORT), "--initial-advertise-peer-urls", member.url(PEER_PORT),
                "--initial-cluster", others, "--initial-cluster-token", self.lab.prefix,
                "--cert-file", certificate, "--key-file", key,
                "--peer-cert-file", certificate, "--peer-key-file", key, "--peer-trusted-ca-file", self.ca_file,
                "--peer-client-cert-auth", "--logger", "zap", "--log-level", "warn", *self.timing,
                stdout=log, stderr=log)

    def ask(self, member, path, body):
        done = self.client.run("curl", "-sS", "-m2", "--cacert", self.ca_file, "--data", json.dumps(body),
                               member.url(CLIENT_PORT) + path, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:  # nobody listens yet
            return {}

    def leader(self):
        """The member that says that it leads; None while there is none."""
        for member in self.members:
            if member.process.poll() is not None:
                raise AssertionError(f"{member.name} ended with {member.process.returncode}:\n"
                                     + pathlib.Path(member.dir / "etcd.log").read_text()[-3000:])
            status = self.ask(member, "/v3/maintenance/status", {})
            if status.get("leader") and status["leader"] == status["header"].get("member_id"):
                return member
        return None

    def all_follow(self):
        """Every member answers a linearizable read."""
        key = "Lw=="  # "/"
        return all("header" in self.ask(m, "/v3/kv/range", {"key": key}) for m in self.members)

    def kill(self, member):
        member.process.kill()
        member.process.wait(timeout=10)

    def version(self):
        return common.harness.run(program(), "--version").stdout.split()[2]
