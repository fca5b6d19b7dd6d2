"""What the BGP system tests say to a router and hear from it, whichever software the router runs.

A test describes its session by a Neighbour, starts a Peer with Settings, and reads routes back as Attributes that look
alike for all software. One file for each software derives from Peer; bgp_peers.py lists them.
"""
import contextlib
import dataclasses
import ipaddress
import json
import os
import pathlib
import shutil
import signal

from harness import Skip, wait_for

UNPACKED = pathlib.Path(os.environ.get("TRIVET_PEERS", "/nonexistent"))  # what ./dev fetched and did not install
FAMILIES = ("ipv4", "ipv6")
ESTABLISHED = "established"
PATIENCE = 20  # seconds in which a session comes up or routes arrive, on a busy machine

WELL_KNOWN = {  # IANA "BGP Well-known Communities", as routers spell them
    "graceful-shutdown": "65535:0", "no-export": "65535:65281", "no-advertise": "65535:65282",
    "no-export-subconfed": "65535:65283", "local-as": "65535:65283", "no-peer": "65535:65284",
    "blackhole": "65535:666", "accept-own": "65535:1", "llgr-stale": "65535:6", "no-llgr": "65535:7",
}


@dataclasses.dataclass(frozen=True)
class Attributes:
    """Path attributes of a route, the same words for every software."""
    next_hop: str | None = None  # the global address where there is one
    as_path: tuple = ()
    origin: str = "igp"
    med: int | None = None
    local_pref: int | None = None
    communities: frozenset = frozenset()           # "65000:100"
    large_communities: frozenset = frozenset()     # "65000:1:2"
    extended_communities: frozenset = frozenset()  # "rt:65000:1"
    only_to_customer: int | None = None            # RFC 9234; BIRD alone tells


@dataclasses.dataclass(frozen=True)
class Bfd:
    """Timers of RFC 5880; milliseconds."""
    transmit_ms: int = 100
    receive_ms: int = 100
    multiplier: int = 3
    echo_ms: int | None = None  # the echo function (FRR)


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """One session as one of its ends is told of it; mirrored() is the other end's view."""
    local_address: str
    local_asn: int
    address: str  # the other end's; an unnumbered session's interface; a prefix for whoever connects (BIRD)
    asn: int
    interface: str = ""  # of an unnumbered session
    families: tuple = FAMILIES
    password: str = ""
    ttl_security: bool = False      # GTSM for one hop (RFC 5082)
    multihop: int | None = None     # TTL of packets to a router that is not on the link
    passive: bool = False
    hold_time: int = 9
    keepalive_time: int | None = None  # default: a third of the hold time
    graceful_restart: bool = False
    restart_time: int = 60
    extended_next_hop: bool = False    # RFC 8950
    bfd: Bfd | None = None
    maximum_prefixes: int | None = None  # of each family; a session with more is closed
    role: str = ""  # RFC 9234: "provider", "customer", ... (BIRD, FRR)
    next_hop_ipv6: str = ""  # what to announce IPv6 routes with, where the software cannot find out

    def mirrored(self, **changes):
        there = dict(local_address=self.address, local_asn=self.asn, address=self.local_address, asn=self.local_asn,
                     passive=False, maximum_prefixes=None, role="", next_hop_ipv6="")
        return dataclasses.replace(self, **{**there, **changes})

    @property
    def keepalive(self):
        return self.keepalive_time or max(1, self.hold_time // 3)


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that a router is configured with."""
    asn: int
    router_id: str
    neighbours: tuple = ()
    kernel: bool = False  # put the best routes, as many as are equal, into the kernel's table (BIRD, FRR)
    routes: tuple = ()    # prefixes to announce to every neighbour
    attributes: Attributes = Attributes()  # BIRD only: what they are announced with; as_path: what to prepend


def find_program(name, *directories, package):
    """The path of a peer's program, unpacked by ./dev or installed."""
    places = [str(UNPACKED / directory) for directory in directories] + [f"/{d}" for d in directories]
    if "usr/lib/frr" not in directories:
        places.append(os.environ.get("PATH", ""))
    found = shutil.which(name, path=":".join(places))
    if found is None:
        raise Skip(f"{name} is missing: './dev test' fetches it (Debian package {package})")
    return found


def unpacked_libraries(pattern):
    """An environment in which libraries of an unpacked package are found."""
    directories = [str(path) for path in UNPACKED.glob(pattern)]
    return {"LD_LIBRARY_PATH": ":".join(directories)} if directories else {}


def canonical(address):
    return str(ipaddress.ip_address(address))


def canonical_prefix(prefix):
    return str(ipaddress.ip_network(prefix))


def community_text(word):
    """A community as a router prints it, in digits."""
    return WELL_KNOWN.get(word.lower().replace("_", "-"), word)


class Peer:
    """A router in a host: one or more processes of one software. The test's Lab ends what is left running.

    A neighbour is named by its address, an unnumbered one by its interface.
    """
    software = ""       # as the matrix prints it
    lacks = {}          # {ability: why} for what this software cannot do; see bgp_cases.py

    def __init__(self, host):
        self.host = host
        self.dir = host.lab.dir / f"{self.software.lower()}-{host.name}"
        self.dir.mkdir(exist_ok=True)
        self.settings, self.processes = None, []
        self.find()

    # ---- what each software does in its own way -------------------------------------------------
    def find(self):
        """Finds the programs. Raises Skip."""
        raise NotImplementedError

    def launch(self):
        """Writes configuration of self.settings and starts the processes."""
        raise NotImplementedError

    def ready(self):
        """Whether the software answers questions."""
        raise NotImplementedError

    def session_state(self, neighbour):
        """The state in RFC 4271's words and lower case: "established", "open_sent", ..."""
        raise NotImplementedError

    def session_mark(self, neighbour):
        """A value that stays the same as long as the session does; None when there is none."""
        raise NotImplementedError

    def table(self, family):
        """{prefix: Attributes} of the best routes that BGP has; its own may be among them."""
        raise NotImplementedError

    def capabilities(self, neighbour):
        """What the neighbour has offered: ipv4, ipv6, route_refresh, enhanced_route_refresh, extended_message, as4,
        graceful_restart, extended_next_hop."""
        raise NotImplementedError

    def restart_flags(self, neighbour):
        """(whether it said that it restarts, families whose forwarding it kept), RFC 4724 section 3; None: not told."""
        return None

    def hold_time(self, neighbour):
        """Seconds that both ends agreed on."""
        raise NotImplementedError

    def updates_received(self, neighbour):
        """UPDATE messages so far (BIRD: prefixes in them); to compare with itself."""
        raise NotImplementedError

    def request_route_refresh(self, neighbour):
        raise NotImplementedError

    def retry(self, neighbour):
        """Makes a session that failed start again now."""
        raise NotImplementedError

    # ---- what is the same for all ---------------------------------------------------------------
    def start(self, settings):
        self.settings = settings
        self.launch()
        wait_for(f"{self.software} to be ready", self.is_ready, timeout=PATIENCE)
        return self

    def is_ready(self):
        for process in self.processes:
            if process.poll() is not None:
                raise AssertionError(f"{self.software} ended with {process.returncode}: {self.said()}")
        return self.ready()

    def spawn(self, *command, name="daemon", wrapper=(), env=None, **options):
        """One process that ends with the test, however the test ends."""
        with open(self.dir / f"{name}.log", "ab") as log:
            # setpriv comes last before the program, so that no exec after it takes the signal away.
            process = self.host.start(*wrapper, "setpriv", "--pdeathsig", "KILL", *command, stdout=log, stderr=log,
                                      env={**os.environ, **(env or {})}, **options)
        self.processes.append(process)
        return process

    def said(self):
        return "\n".join(log.read_text(errors="replace")[-2000:] for log in sorted(self.dir.glob("*.log")))

    def signal(self, number, with_children=False):
        for process in self.processes:
            if process.poll() is None:
                for pid in descendants(process.pid) if with_children else []:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                process.send_signal(number)

    def end(self, number, **options):
        self.signal(number, **options)
        for process in self.processes:
            process.wait(timeout=15)
        self.processes = []

    def stop(self):
        """A clean stop: sessions are closed with a NOTIFICATION."""
        self.end(signal.SIGTERM)

    def kill(self):
        self.pause()  # all at once, so that none of them can say goodbye because another has gone
        self.end(signal.SIGKILL, with_children=True)

    def restart(self):
        """As after a power failure, at once."""
        self.kill()
        self.start(self.settings)

    def pause(self):
        self.signal(signal.SIGSTOP, with_children=True)

    def resume(self):
        self.signal(signal.SIGCONT, with_children=True)

    def write(self, name, text, mode=0o600):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def run(self, *command, **options):
        return self.host.run(*command, **options)

    def routes(self, family):
        """{prefix: Attributes} of the best routes that BGP has learnt."""
        return {prefix: route for prefix, route in self.table(family).items() if prefix not in self.settings.routes}

    def is_established(self, neighbour):
        return self.session_state(neighbour) == ESTABLISHED

    def wait_established(self, neighbour, timeout=PATIENCE):
        try:
            wait_for(f"{self.software}'s session with {neighbour}", lambda: self.is_established(neighbour),
                     timeout=timeout, interval=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.session_state(neighbour)}") from None

    def wait_down(self, neighbour, timeout=PATIENCE):
        wait_for(f"{self.software}'s session with {neighbour} to end", lambda: not self.is_established(neighbour),
                 timeout=timeout, interval=0.05)

    def wait_routes(self, prefixes, timeout=PATIENCE):
        """Until exactly these prefixes ({family: set}) are known."""
        known = {}

        def same():
            known.update((family, set(self.routes(family))) for family in prefixes)
            return all(known[family] == set(wanted) for family, wanted in prefixes.items())

        try:
            wait_for("the routes", same, timeout=timeout, interval=0.05)
        except AssertionError:
            said = "; ".join(difference(family, set(wanted), known.get(family, set()))
                             for family, wanted in prefixes.items())
            raise AssertionError(f"{self.software} has other routes: {said}") from None


def descendants(pid):
    """Processes that a process has started, and theirs. Reads /proc: not every kernel lists children there."""
    children = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(int(after_name[1]), []).append(int(path.parent.name))
    found = children.get(pid, [])
    return found + [each for child in found for each in descendants(child)]


def difference(family, wanted, known):
    missing, surplus = sorted(wanted - known), sorted(known - wanted)
    return f"{family}: {len(missing)} missing {missing[:3]}, {len(surplus)} too many {surplus[:3]}"


def kernel_routes(host, family):
    """{prefix: [next hops]} that the kernel of a host has from a routing daemon."""
    listed = json.loads(host.ip("-j", "-4" if family == "ipv4" else "-6", "route", "show") or "[]")
    routes = {}
    for entry in listed:
        if entry.get("protocol") in ("kernel", "boot", "ra", None) or entry["dst"] == "default":
            continue
        hops = entry.get("nexthops", [entry])
        gateways = [hop.get("gateway") or hop.get("via", {}).get("host") for hop in hops]
        routes.setdefault(canonical_prefix(entry["dst"]), []).extend(gateways)
    return routes

