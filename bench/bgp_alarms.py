"""How often BFD of a bgp_pair.Pair went down, at which end that began, and what it did to BGP: from both logs."""
import datetime
import os
import pathlib
import re
import time

LBD_DOWN = re.compile(r"BFD is down: ([a-z ]+)")
OWN_DETECTION = "control detection time expired"  # RFC 5880 section 4.1, diagnostic 1
BIRD_BFD = re.compile(r"Session to \S+ (expired|changed state from \w+ to \w+)")
BGP = {"trivet": re.compile(r"^time=(\S+) .* event=bgp_session_(up|down) ", re.MULTILINE),
       "bird": re.compile(r"^(\S+ \S+) .*: BGP session (established|closed)$", re.MULTILINE)}
POLICY = 0x7  # of sched_getscheduler(), without its flags


class Alarms:
    """Those of a pair since this was made, when its session was up."""

    def __init__(self, pair):
        self.pair = pair
        self.before = {end: log.stat().st_size for end, (_, _, log) in pair.both().items()}

    def counts(self):
        """Of each end: how often BFD went down because this end had heard nothing (missed) and because the other end
        said so (told). Of the router: how often BGP ended, and how many seconds it was without it."""
        counts, now = {}, time.time()
        for end, (software, _, log) in self.pair.both().items():
            with open(log, errors="replace") as file:
                file.seek(self.before[end])
                text = file.read()
            missed, told = (lbd_downs if software == "trivet" else bird_downs)(text)
            counts |= {f"{end}_missed": missed, f"{end}_told": told}
            if end == "router":
                ended, seconds = bgp_downs(BGP[software].findall(text), now)
                counts |= {"bgp_ended": ended, "without_bgp_s": round(seconds, 1)}
        return counts

    def realtime(self):
        """{end of Trivet: whether its BFD has the priority that it asks for}."""
        return {f"{end}_realtime": bfd_thread_is_realtime(process.pid)
                for end, (software, process, _) in self.pair.both().items() if software == "trivet"}


def lbd_downs(text):
    reasons = LBD_DOWN.findall(text)
    missed = reasons.count(OWN_DETECTION)
    return missed, len(reasons) - missed


def bird_downs(text):
    """BIRD tells no diagnostic, but whether its timer expired just before."""
    missed = told = 0
    has_expired = False
    for what in BIRD_BFD.findall(text):
        if what == "changed state from Up to Down":
            missed, told = missed + has_expired, told + (not has_expired)
        has_expired = what == "expired"
    return missed, told


def bgp_downs(changes, now):
    """(how often it ended, for how many seconds in all) of (time, change)."""
    ended, seconds, down_since = 0, 0.0, None
    for stamp, change in changes:
        at = datetime.datetime.fromisoformat(stamp).timestamp()
        if change in ("up", "established") and down_since:
            seconds, down_since = seconds + at - down_since, None
        elif change in ("down", "closed") and not down_since:
            ended, down_since = ended + 1, at
    return ended, seconds + (now - down_since if down_since else 0)


def bfd_thread_is_realtime(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "lbd-bfd":
            return os.sched_getscheduler(int(task.name)) & POLICY == os.SCHED_FIFO
    raise AssertionError(f"process {pid} has no BFD thread")
