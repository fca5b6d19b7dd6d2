"""Three nodes of keepalived (VRRPv3), each in a network namespace of its own: the peer that failover is measured against.

As its documentation would have it: one instance for IPv4 and one for IPv6 in a sync group, all nodes BACKUP with
nopreempt (no failback, which would be a second outage), everything else at its default. keepalived is GPL: it is run,
as a program of Debian, and never linked.
"""
import os
import shutil
import signal
import subprocess

import common

PROGRAM_DIR = common.ROOT / "build/peers/usr/sbin"  # where ./dev unpacks what is not installed
PRIORITIES = (150, 100, 50)
REALTIME_PRIORITY = 50  # of SCHED_RR
VIP_V4, VIP_V6 = "10.64.1.0", "fd64::1:0"
V6_ADDRESSES = f"fe80::1:0/64\n    {VIP_V6}/64"  # RFC 5798 section 5.2.9: the first must be link-local


def program():
    found = shutil.which("keepalived", path=f"{PROGRAM_DIR}:/usr/sbin")
    if found is None:
        raise SystemExit("keepalived is missing: './dev bench' fetches it (Debian package keepalived)")
    return found


class Member:
    def __init__(self, place, directory, priority):
        self.place, self.host, self.name = place, place.host, place.host.name
        self.dir, self.priority, self.process = directory, priority, None


class Keepalived:
    """Formed by a with-block, which also ends its processes: two a node."""

    def __init__(self, lab, network, advert_ms, realtime=False, extra_addresses=()):
        """extra_addresses: IPv4 addresses that move with the VIP and are not in the adverts."""
        self.name = f"keepalived-{advert_ms}ms" + ("-realtime" if realtime else "")
        self.lab, self.network, self.advert_ms = lab, network, advert_ms
        self.realtime, self.extra = realtime, extra_addresses
        self.vip_addresses = [VIP_V4, VIP_V6]
        self.nodes = []

    def __enter__(self):
        try:
            return self.form()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def form(self):
        for number, priority in enumerate(PRIORITIES, 1):
            place = self.network.add_node(f"k{number}")
            member = Member(place, self.lab.dir / place.host.name, priority)
            member.dir.mkdir()
            (member.dir / "keepalived.conf").write_text(self.configuration(member))
            self.nodes.append(member)
            self.start(member)
        common.harness.wait_for("keepalived to have a master", self.settled, timeout=30)
        return self

    def configuration(self, member):
        priority = f"  vrrp_rt_priority {REALTIME_PRIORITY}\n" if self.realtime else ""
        text = f"global_defs {{\n  router_id {member.name}\n  vrrp_version 3\n{priority}}}\n"
        text += "vrrp_sync_group both {\n  group {\n    v4\n    v6\n  }\n}\n"
        for family, identifier, address in (("v4", 51, f"{VIP_V4}/10"), ("v6", 52, V6_ADDRESSES)):
            text += (f"vrrp_instance {family} {{\n  state BACKUP\n  nopreempt\n  interface eth0\n"
                     f"  virtual_router_id {identifier}\n  priority {member.priority}\n"
                     f"  advert_int {self.advert_ms / 1000}\n  accept\n"
                     f"  virtual_ipaddress {{\n    {address}\n  }}\n")
            if family == "v4" and self.extra:
                lines = "".join(f"    {extra}/10\n" for extra in self.extra)
                text += f"  virtual_ipaddress_excluded {{\n{lines}  }}\n"
            text += "}\n"
        return text

    # ---- its processes: a parent and a child, which are signalled as one group ------------------
    def start(self, member):
        # It looks there for one that runs already, and takes what is left of a killed one for that.
        for name in ("parent.pid", "vrrp.pid"):
            (member.dir / name).unlink(missing_ok=True)
        with open(member.dir / "keepalived.log", "ab") as log:
            member.process = member.host.start(
                program(), "--vrrp", "--dont-fork", "--log-console", "--use-file", member.dir / "keepalived.conf",
                "--pid", member.dir / "parent.pid", "--vrrp_pid", member.dir / "vrrp.pid",
                stdout=log, stderr=log, start_new_session=True)

    @staticmethod
    def signal(member, number):
        os.killpg(member.process.pid, number)

    @staticmethod
    def terminate(member):
        member.process.terminate()  # the parent alone: it tells its child

    def kill(self, member):
        self.signal(member, signal.SIGKILL)

    def pause(self, member):
        self.signal(member, signal.SIGSTOP)

    def resume(self, member):
        self.signal(member, signal.SIGCONT)

    @staticmethod
    def reap(member):
        """Waits until it is gone that was told to go."""
        member.process.wait(timeout=10)

    def close(self):
        for member in self.nodes:
            if member.process is not None and member.process.poll() is None:
                self.signal(member, signal.SIGKILL)
                self.reap(member)

    # ---- what it says of itself -----------------------------------------------------------------
    def holders(self):
        """Nodes that have both addresses, and how many there are that have one of them alone."""
        both, half = [], 0
        for member in self.nodes:
            present = common.json_of(member.host.ip("-j", "addr", "show", "dev", "eth0"))[0]["addr_info"]
            held = {entry["local"] for entry in present} & set(self.vip_addresses)
            both += [member] if len(held) == len(self.vip_addresses) else []
            half += 0 < len(held) < len(self.vip_addresses)
        return both, half

    def settled(self):
        """One owner, and everybody runs."""
        for member in self.nodes:
            if member.process.poll() is not None:
                raise AssertionError(f"{member.name} ended with {member.process.returncode}:\n"
                                     + (member.dir / "keepalived.log").read_text(errors="replace")[-3000:])
        both, half = self.holders()
        return len(both) == 1 and half == 0

    def owner(self):
        both, _ = self.holders()
        return both[0]

    @staticmethod
    def prepare(_owner, _leads):
        """keepalived has no leader beside the owner."""
        return None

    @staticmethod
    def version():
        done = subprocess.run([program(), "--version"], capture_output=True, text=True, timeout=10)
        return (done.stdout + done.stderr).split("\n")[0]
