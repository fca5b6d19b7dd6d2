"""The time line of failovers as SVG: who answered in each millisecond, system above system."""
import collections
import html

COLOURS = {1: "#0072b2", 2: "#e69f00", 3: "#009e73"}  # of nodes; told apart by the colour-blind as well
LEFT, RIGHT, TOP, LANE, GAP, HEAD = 130, 20, 46, 16, 6, 36
WIDTH = 1000                           # of the time axis, in pixels
BEFORE_MS, AFTER_MS, TICK_MS = 100, 900, 100
UDP_SPAN_MS, TCP_SPAN_MS = 1, 10       # what one answer stands for
LANES = (("udp4", "UDP over IPv4", UDP_SPAN_MS), ("udp6", "UDP over IPv6", UDP_SPAN_MS),
         ("tcp4", "TCP over IPv4", TCP_SPAN_MS), ("tcp6", "TCP over IPv6", TCP_SPAN_MS))
STREAM_NUMBERS = {"udp4": 0, "udp6": 1, "tcp4": 2, "tcp6": 3}
FAMILIES = (("ipv4", "claims by ARP"), ("ipv6", "claims by NDP"))

Bar = collections.namedtuple("Bar", "node start end")  # milliseconds after the fault


def answered(run, stream, span):
    """Bars of consecutive probes that one node answered. A lost probe is a gap; a time in which the asker slept is
    none, because nothing was lost then."""
    bars, lost = [], True
    for sent, answer, number, node in run.records:
        if number != STREAM_NUMBERS[stream]:
            continue
        at = (sent - run.injected) / 1e6
        if answer and bars and not lost and bars[-1].node == node:
            bars[-1] = bars[-1]._replace(end=at + span)
        elif answer:
            bars.append(Bar(node, at, at + span))
        lost = not answer
    return bars


def claims(run, family, macs):
    """Bars of claims that clients could see."""
    return [Bar(macs[mac], (start - run.injected) / 1e6, (end - run.injected) / 1e6)
            for mac, start, end in run.watch[family]["client"]["intervals"] if mac in macs]


def healed_ms(run):
    return (run.healed - run.injected) / 1e6


def headline(run):
    after, least = run.worst(run.streams, "after"), "at least " if run.still_out else ""
    return (f"{run.system}: {run.outage:.1f} ms without an answer by UDP, {run.two_owner_ms('client'):.1f} ms with two "
            f"owners, {least}{after:.1f} ms without an answer after it was healed")


class Drawing:
    """One picture while it is made."""

    def __init__(self, runs):
        self.runs = runs
        self.end_ms = max(healed_ms(run) for run in runs) + AFTER_MS
        self.parts, self.y = [], TOP

    def x(self, at_ms):
        at_ms = min(max(at_ms, -BEFORE_MS), self.end_ms)
        return LEFT + (at_ms + BEFORE_MS) / (self.end_ms + BEFORE_MS) * WIDTH

    def text(self, x, y, words, anchor="start", weight="normal"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
                          f'{html.escape(words)}</text>')

    def rectangle(self, bar, y, height):
        left, right = self.x(bar.start), self.x(bar.end)
        if right > left:
            self.parts.append(f'<rect x="{left:.2f}" y="{y:.1f}" width="{right - left:.2f}" height="{height:.1f}" '
                              f'fill="{COLOURS.get(bar.node, "#999999")}"/>')

    def lane(self, label, bars, rows=None):
        """rows: a thin row for each of these nodes, so that two at once are seen."""
        self.text(LEFT - 8, self.y + LANE - 4, label, "end")
        self.parts.append(f'<rect x="{LEFT}" y="{self.y}" width="{WIDTH}" height="{LANE}" fill="none" stroke="#cccccc" '
                          'stroke-width="0.5"/>')
        height = LANE / len(rows) if rows else LANE
        for bar in bars:
            self.rectangle(bar, self.y + (rows.index(bar.node) * height if rows else 0), height)
        self.y += LANE + GAP

    def system(self, run):
        self.text(LEFT, self.y + 12, headline(run), weight="bold")
        self.y += HEAD
        top = self.y
        for stream, label, span in LANES:
            self.lane(label, answered(run, stream, span))
        for family, label in FAMILIES:
            self.lane(label, claims(run, family, run.macs), sorted(run.macs.values()))
        for at, label in ((0, "fault"), (healed_ms(run), "healed")):
            x = self.x(at)
            self.parts.append(f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{self.y - GAP + 4}" stroke="#d00000" '
                              'stroke-dasharray="4 2"/>')
            self.text(x + 3, top - 2, label)
        self.y += GAP * 2

    def axis(self):
        at = 0
        while at <= self.end_ms:
            x = self.x(at)
            self.parts.append(f'<line x1="{x:.1f}" y1="{self.y}" x2="{x:.1f}" y2="{self.y + 5}" stroke="#000000"/>')
            if at % (2 * TICK_MS) == 0:
                self.text(x, self.y + 18, f"{at} ms", "middle")
            at += TICK_MS
        self.y += 30

    def render(self):
        self.text(LEFT, 18, f"Fault at the owner of a VIP: {self.runs[0].fault}", weight="bold")
        x = LEFT
        for node, colour in COLOURS.items():
            self.parts.append(f'<rect x="{x}" y="26" width="12" height="12" fill="{colour}"/>')
            self.text(x + 16, 36, f"node {node}")
            x += 80
        self.text(x, 36, "white: nobody answered")
        for run in self.runs:
            self.system(run)
        self.axis()
        size = f'width="{LEFT + WIDTH + RIGHT}" height="{self.y}"'
        return (f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">\n'
                '<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def draw(path, runs):
    """runs: one of each system, in the order in which they are drawn."""
    path.write_text(Drawing(runs).render())
