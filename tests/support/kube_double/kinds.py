"""What the double serves, and what a request's path means."""
import dataclasses
import urllib.parse

from .refusal import Refusal


@dataclasses.dataclass(frozen=True)
class Kind:
    group: str  # empty: the core group
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = False  # as a subresource

    @property
    def qualified(self):
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version):
        return f"{self.group}/{version}" if self.group else version


KINDS = {each.plural: each for each in (
    Kind("", "services", "Service", has_status=True),
    Kind("", "nodes", "Node", namespaced=False, has_status=True),
    Kind("", "events", "Event"),
    Kind("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    Kind("coordination.k8s.io", "leases", "Lease"),
)}


@dataclasses.dataclass
class Request:
    """A call as rules of faults, counters and the log of calls see it."""
    verb: str  # get, list, watch, create, update, patch, delete
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: dict = dataclasses.field(default_factory=dict)
    body: object = None
    version: str = "v1"
    status: int = 0  # the answer's, once there is one; 0: none
    time: float = 0.0  # when it came, on the monotonic clock

    @property
    def resource(self):
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    @property
    def key(self):
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self):
        return f"{self.verb} {self.resource} {self.key} -> {self.status}"


VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def is_true(text):
    return text in ("1", "true", "True", "t", "T", "TRUE")  # strconv.ParseBool


def parse_request(method, target, versions):
    """versions: {group: version served}. Refusal: 404, 405, or 400 for a query that the double does not know."""
    split = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
    parts = [urllib.parse.unquote(each) for each in split.path.strip("/").split("/")]
    unknown = Refusal(404, "the server could not find the requested resource", "NotFound")
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise unknown
    if versions.get(group) != version:
        raise unknown
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = KINDS.get(rest[0])
    name, subresource = (rest[1:] + ["", ""])[:2]
    if kind is None or kind.group != group or len(rest) > 3 or (namespace and not kind.namespaced):
        raise unknown
    if (subresource and not (subresource == "status" and kind.has_status)) or \
            (name and kind.namespaced and not namespace):
        raise unknown
    return Request(verb_of(method, kind, namespace, name, subresource, query), kind, namespace, name, subresource,
                   query, version=version)


def verb_of(method, kind, namespace, name, subresource, query):
    verb = VERBS.get(method)
    if verb == "get" and not name:
        verb = "watch" if is_true(query.get("watch", "")) else "list"
    fits = {"create": not name and (namespace or not kind.namespaced), "update": name, "patch": name,
            "delete": name and not subresource}
    if verb is None or not fits.get(verb, True):
        raise Refusal(405, "the server does not allow this method on the requested resource")
    for unknown in ("labelSelector", "fieldSelector"):
        if query.get(unknown):
            raise Refusal(400, f"the double does not know {unknown}")
    return verb
