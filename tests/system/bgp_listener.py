"""A router that lbd announces to, with a witness beside it, and what it must hear when its routes change."""
import collections
import dataclasses

from bgp_network import NODE
from bgp_peer import FAMILIES, PATIENCE
from bgp_update import MESSAGE_MAX, encoded_size
from bgp_witness import Witness
from harness import wait_for

Change = collections.namedtuple("Change", "announced withdrawn")  # {prefix: Attributes}, {prefixes}


def change_between(before, after):
    """What a router must hear that knows one table, {prefix: Attributes}, and shall know the other."""
    return Change({prefix: route for prefix, route in after.items() if before.get(prefix) != route},
                  set(before) - set(after))


def family_of(prefix):
    return FAMILIES[":" in prefix]


class Listener:
    """The router has one neighbour, which is lbd; `table` is what it shall know by now."""

    def __init__(self, name, router, own_prefixes):
        """own_prefixes: whose UPDATEs are the test's own, see Scene.fence()."""
        self.name, self.router, self.own = name, router, own_prefixes
        self.witness = Witness(router.host)
        self.table, self.connection = {}, None  # connection: the number of the session's, see check_session()
        self.mark, self.checked = 0, 0          # places in the witness's list of events

    # ---- what the witness has seen since the mark -------------------------------------------------
    def set_mark(self):
        """Behind what was checked, so that nothing escapes between two steps."""
        self.mark = self.checked

    def events(self):
        self.witness.look()
        return self.witness.events[self.mark:]

    def all_updates(self):
        return [event.update for event in self.events() if event.update and event.sender == NODE["ipv4"]]

    def updates(self):
        """Without End-of-RIB and those of the test's own routes."""
        return [update for update in self.all_updates()
                if update.withdrawn or update.announced and not self.own.issuperset(update.announced)]

    def ended(self):
        """The families of the End-of-RIBs."""
        return sorted(update.end_of_rib for update in self.all_updates() if update.end_of_rib)

    def heard(self):
        """The whole Change, whatever came more than once."""
        updates = self.updates()
        return Change({prefix: each.attributes for each in updates for prefix in each.announced},
                      {prefix for each in updates for prefix in each.withdrawn})

    def wait_heard(self, wanted):
        """Until it has come, or for so long that check() shall say what is missing."""
        try:
            wait_for("the UPDATEs", lambda: self.heard() == wanted, timeout=PATIENCE, interval=0.05)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error.args[0].partition(';')[0]}: "
                                 f"{disagreement(self.heard(), wanted)}") from None

    # ---- what is demanded -------------------------------------------------------------------------
    def check(self, wanted, packed=True):
        """Exactly this change was heard, in the session that was there; returns how, in words."""
        self.checked = self.witness.look()
        disturbed = [event for event in self.events() if not self.is_quiet(event)]
        assert not disturbed, f"{self.name}: the session was disturbed: {disturbed[:4]}"
        return self.check_updates(wanted, packed)

    def is_quiet(self, event):
        if event.kind == "update":
            return event.sender == NODE["ipv4"] and not event.update.end_of_rib
        # A connection that the router refused before this session may still be ending.
        return event.kind == "keepalive" or event.kind == "close" and event.connection != self.connection

    def check_end(self, cease):
        """What happened first to the session is our NOTIFICATION with this subcode of Cease (RFC 4486)."""
        self.checked = self.witness.look()
        first = next(event for event in self.events()
                     if event.connection == self.connection and event.kind not in ("keepalive", "update"))
        assert (first.sender, first.kind, first.body[:2]) == (NODE["ipv4"], "notification", bytes((6, cease))), first

    def check_session(self, opened):
        """One session was opened since the mark: it told the whole table once, then the End-of-RIB of each family.

        opened: the number of the first connection that may have been it; the router may have refused some.
        """
        self.checked = self.witness.look()
        events = [event for event in self.events() if event.connection >= opened]
        opens = [event for event in events if event.kind == "open" and event.sender != NODE["ipv4"]]
        assert len(opens) == 1, f"{self.name}: {opens}"
        self.connection = opens[0].connection
        kinds = {event.kind for event in events if event.connection == self.connection}
        assert kinds <= {"connect", "open", "keepalive", "update"}, f"{self.name}: {kinds}"
        said, told = self.all_updates(), {family: set() for family in FAMILIES}
        for prefix in (*self.table, *self.own):
            told[family_of(prefix)].add(prefix)
        for family in FAMILIES:
            before = said[:[update.end_of_rib for update in said].index(family)]
            early = {prefix for update in before for prefix in update.announced}
            late = sorted(told[family] - early)
            assert not late, f"{self.name}: End-of-RIB of {family} before {late[:4]}"
        return self.check_updates(change_between({}, self.table))

    def check_never_without(self):
        """No route went before the wider or narrower one that replaces it was there."""
        for family in FAMILIES:
            said = [bool(each.withdrawn) for each in self.updates()
                    if family_of((each.announced + each.withdrawn)[0]) == family]
            assert said == sorted(said), f"{self.name}: routes of {family} were withdrawn before others came"

    def check_updates(self, wanted, packed=True):
        heard, updates = self.heard(), self.updates()
        assert heard == wanted, f"{self.name}: {disagreement(heard, wanted)}"
        for what in ("announced", "withdrawn"):
            counts = collections.Counter(prefix for update in updates for prefix in getattr(update, what))
            twice = sorted(prefix for prefix, count in counts.items() if count > 1)
            assert not twice, f"{self.name}: {what} more than once: {twice[:4]}"
        if packed:
            check_packed(self.name, updates)
        return (f"{self.name} +{len(wanted.announced)} -{len(wanted.withdrawn)} in {len(updates)} "
                f"UPDATE{'' if len(updates) == 1 else 's'}")

    def check_router(self):
        """The router's own table says the same."""
        try:
            wait_for("the router's table", lambda: self.known() == self.table, timeout=PATIENCE, interval=0.05)
        except AssertionError:
            has = disagreement(Change(self.known(), set()), Change(self.table, set()))
            raise AssertionError(f"the table of {self.name}: {has}") from None

    def known(self):
        routes = {prefix: route for family in FAMILIES for prefix, route in self.router.routes(family).items()
                  if prefix not in self.own}
        if self.is_internal:
            return routes  # else a preference is the router's own
        return {prefix: dataclasses.replace(route, local_pref=None) for prefix, route in routes.items()}

    @property
    def is_internal(self):
        neighbour, = self.router.settings.neighbours
        return neighbour.asn == neighbour.local_asn


def check_packed(name, updates):
    """No message could have held the first prefix of the next one that says the same: so there are as few as can be."""
    last = {}
    for update in updates:
        prefixes = update.announced or update.withdrawn
        assert len(set(map(family_of, prefixes))) == 1, f"{name}: an UPDATE of two families"
        kind = family_of(prefixes[0]), bool(update.announced), update.attributes
        before = last.get(kind)
        assert before is None or before.size + encoded_size(prefixes[0]) > MESSAGE_MAX, (
            f"{name}: an UPDATE of {before.size} bytes had room for {prefixes[0]}, which came in another")
        last[kind] = update


def disagreement(heard, wanted):
    """The difference of two Changes, short."""
    parts = []
    for what, got, due in (("announced", heard.announced, wanted.announced),
                           ("withdrawn", dict.fromkeys(heard.withdrawn), dict.fromkeys(wanted.withdrawn))):
        missing, surplus = sorted(due.keys() - got.keys()), sorted(got.keys() - due.keys())
        other = sorted(prefix for prefix in due.keys() & got.keys() if due[prefix] != got[prefix])
        if missing:
            parts.append(f"{len(missing)} not {what}, as {missing[0]}")
        if surplus:
            parts.append(f"{len(surplus)} {what} that should not be, as {surplus[0]} {got[surplus[0]] or ''}")
        if other:
            parts.append(f"{len(other)} {what} with other attributes, as {other[0]}: {got[other[0]]}, "
                         f"expected {due[other[0]]}")
    return "; ".join(parts) or "nothing differs"
