"""The objects, one resourceVersion for all of them, and the history that watches read.

Stored objects are never changed in place: each change stores another. Whoever reads one must not change it either.
"""
import base64
import copy
import datetime
import itertools
import json
import re
import threading
import uuid

from .kinds import KINDS
from .refusal import Refusal, conflict, expired, invalid, not_found, too_large_version
from .service_rules import ServiceRules

FIRST_VERSION = 1000
SYSTEM_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")  # meta/v1 RFC3339Micro
LISTS_KEPT = 64  # snapshots for lists in pages


def merged(target, patch):
    """RFC 7386, section 2; the target stays as it was."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Change:
    """One entry of the history."""

    def __init__(self, version, kind, key, type_, object_):
        self.version, self.kind, self.key, self.type, self.object = version, kind, key, type_, object_


class Store:
    """Thread-safe: everything happens under `changed`, a Condition that is notified of each change."""

    def __init__(self, families):
        self.changed = threading.Condition(threading.RLock())
        self.objects = {kind: {} for kind in KINDS.values()}
        self.version, self.oldest = FIRST_VERSION, FIRST_VERSION  # oldest: a watch can begin there
        self.history, self.snapshots = [], {}
        self.rules = ServiceRules(KINDS["services"], families)
        self.suffixes = itertools.count(1)

    # ---- reading --------------------------------------------------------------------------------
    def get(self, request):
        with self.changed:
            return self.present(request)

    def present(self, request):
        found = self.objects[request.kind].get(request.key)
        if found is None:
            raise not_found(request.kind, request.name)
        return found

    def of_namespace(self, objects, namespace):
        prefix = f"{namespace}/" if namespace else ""
        return [key for key in sorted(objects) if key.startswith(prefix)]

    def list(self, request):
        """The body of a List, in pages when it was asked with a limit."""
        query = request.query
        limit = int(query.get("limit") or 0)
        with self.changed:
            if query.get("resourceVersion") == "0":
                limit = 0  # answered from the server's cache, which knows no pages
            if query.get("continue"):
                version, start = self.read_token(query["continue"], request.kind)
                objects = self.snapshots[version, request.kind] if version else self.objects[request.kind]
            else:
                asked = query.get("resourceVersion", "0") or "0"
                if int(asked) > self.version:
                    raise too_large_version(asked, self.version)
                version, start, objects = self.version, "", self.objects[request.kind]
            keys = [key for key in self.of_namespace(objects, request.namespace) if key > start]
            metadata = {"resourceVersion": str(version or self.version)}
            if limit and len(keys) > limit:
                metadata["remainingItemCount"] = len(keys) - limit
                keys = keys[:limit]
                metadata["continue"] = self.token(version, keys[-1])
                self.keep_snapshot(version, request.kind, objects)
            items = [{key: value for key, value in objects[each].items() if key not in ("kind", "apiVersion")}
                     for each in keys]
            return {"kind": f"{request.kind.kind}List", "apiVersion": request.kind.api_version(request.version),
                    "metadata": metadata, "items": items}

    @staticmethod
    def token(version, start):
        return base64.urlsafe_b64encode(json.dumps({"v": version, "start": start}).encode()).decode().rstrip("=")

    def read_token(self, text, kind):
        try:
            token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            version, start = token["v"], token["start"]
        except (ValueError, KeyError, TypeError):
            raise Refusal(400, "continue key is not valid") from None
        if version and (version, kind) not in self.snapshots:
            raise Refusal(410, "The provided continue parameter is too old to display a consistent list result.",
                          continue_token=self.token(0, start))
        return version, start

    def keep_snapshot(self, version, kind, objects):
        if version:
            self.snapshots.setdefault((version, kind), dict(objects))
        while len(self.snapshots) > LISTS_KEPT:
            del self.snapshots[next(iter(self.snapshots))]

    def check_not_expired(self, version):
        with self.changed:
            if version < self.oldest:
                raise expired(f"too old resource version: {version} ({self.oldest})")

    def events_after(self, version, kind, namespace):
        """Changes after a version, oldest first; also old ones, for watches that began before a compaction."""
        first = len(self.history)
        while first > 0 and self.history[first - 1].version > version:
            first -= 1
        return [change for change in self.history[first:] if change.kind is kind
                and (not namespace or change.key.startswith(f"{namespace}/"))]

    def compact(self):
        """Watches that begin before now, and lists that are under way, have expired."""
        with self.changed:
            self.version += 1  # so that what a client has seen is older, whether or not anything has changed
            self.oldest = self.version
            self.snapshots.clear()

    # ---- writing --------------------------------------------------------------------------------
    def create(self, request):
        body = self.object_of(request)
        with self.changed:
            metadata = body["metadata"]
            if not metadata.get("name") and metadata.get("generateName"):
                metadata["name"] = f'{metadata["generateName"]}{next(self.suffixes):05d}'
            if not metadata.get("name"):
                raise invalid(request.kind, "", "metadata.name", "Required value: name or generateName is required")
            if metadata.get("resourceVersion"):
                raise Refusal(400, "resourceVersion should not be set on objects to be created")
            request.name = metadata["name"]
            if request.key in self.objects[request.kind]:
                raise Refusal(409, f'{request.kind.qualified} "{request.name}" already exists', "AlreadyExists")
            for field in SYSTEM_FIELDS:
                metadata.pop(field, None)
            metadata.update(uid=str(uuid.uuid4()), creationTimestamp=now_text())
            if request.kind.has_status and request.kind.kind == "Service":
                body["status"] = {"loadBalancer": {}}
            self.prepare(request, body, None)
            return self.keep(request, body, "ADDED")

    def update(self, request):
        body = self.object_of(request)
        with self.changed:
            if body["metadata"].get("name", request.name) != request.name:
                raise Refusal(400, "the name of the object does not match the name on the URL")
            return self.replace(request, self.present(request), body)

    def patch(self, request):
        if not isinstance(request.body, dict):
            raise Refusal(400, "a merge patch of an object must be an object")
        with self.changed:
            old = self.present(request)
            return self.replace(request, old, merged(copy.deepcopy(old), request.body))

    def replace(self, request, old, new):
        had, has = old["metadata"], new.setdefault("metadata", {})
        if has.get("resourceVersion", had["resourceVersion"]) != had["resourceVersion"]:
            raise conflict(request.kind, request.name)
        if has.get("uid", had["uid"]) != had["uid"]:
            raise conflict(request.kind, request.name,
                           f'Precondition failed: UID in precondition: {has["uid"]}, in object: {had["uid"]}')
        has["name"], has["resourceVersion"] = request.name, had["resourceVersion"]
        for field in SYSTEM_FIELDS:
            has.pop(field, None)
            if field in had:
                has[field] = had[field]
        for field in ("finalizers", "labels", "annotations"):
            if not has.get(field):  # an empty one is left out (omitempty)
                has.pop(field, None)
        if "deletionTimestamp" in had and set(has.get("finalizers", [])) - set(had.get("finalizers", [])):
            raise invalid(request.kind, request.name, "metadata.finalizers",
                          "Forbidden: no new finalizers can be added if the object is being deleted")
        if request.kind.has_status:
            kept = "spec" if request.subresource == "status" else "status"
            new.pop(kept, None)
            if kept in old:
                new[kept] = old[kept]
        self.prepare(request, new, old)
        if "deletionTimestamp" in has and not has.get("finalizers"):
            return self.remove(request, new)
        if new == old:
            return old  # nothing is written, and no watch hears of it
        return self.keep(request, new, "MODIFIED")

    def delete(self, request):
        """The object when it waits for its finalizers, else a Status."""
        preconditions = (request.body or {}).get("preconditions", {})
        with self.changed:
            old = self.present(request)
            for field, value in preconditions.items():
                if old["metadata"].get(field) != value:
                    raise conflict(request.kind, request.name, f"Precondition failed: {field}")
            if "deletionTimestamp" in old["metadata"] and old["metadata"].get("finalizers"):
                return old
            if old["metadata"].get("finalizers"):
                new = copy.deepcopy(old)
                new["metadata"].update(deletionTimestamp=now_text(), deletionGracePeriodSeconds=0)
                return self.keep(request, new, "MODIFIED")
            self.remove(request, copy.deepcopy(old))
            return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                    "details": {"name": request.name, "kind": request.kind.plural, "uid": old["metadata"]["uid"]}}

    def object_of(self, request):
        """A copy of the body, with its namespace."""
        if not isinstance(request.body, dict):
            raise Refusal(400, "the body is no object")
        body = copy.deepcopy(request.body)
        if body.get("kind", request.kind.kind) != request.kind.kind:
            raise Refusal(400, f'{body["kind"]} in the body, {request.kind.kind} in the path')
        metadata = body.setdefault("metadata", {})
        if request.kind.namespaced and metadata.setdefault("namespace", request.namespace) != request.namespace:
            raise Refusal(400, "the namespace of the object does not match the namespace on the request")
        return body

    def prepare(self, request, new, old):
        kind = request.kind.kind
        if kind == "Service":
            if request.subresource == "status":
                self.rules.prepare_status(new)
            else:
                new["spec"] = copy.deepcopy(new.get("spec", {}))
                self.rules.prepare(new, old)
        if kind == "Event" and new.get("involvedObject", {}).get("namespace", "default") != request.namespace:
            raise invalid(request.kind, request.name, "involvedObject.namespace", "does not match event.namespace")
        if kind == "Lease":
            self.check_lease(request, new.get("spec", {}))

    @staticmethod
    def check_lease(request, spec):
        for field in ("acquireTime", "renewTime"):
            if field in spec and not MICRO_TIME.fullmatch(str(spec[field])):
                raise Refusal(400, f'Lease in version "v1" cannot be handled as a Lease: parsing time {spec[field]!r}')
        if spec.get("leaseDurationSeconds", 1) <= 0:
            raise invalid(request.kind, request.name, "spec.leaseDurationSeconds", "must be greater than 0")
        if spec.get("leaseTransitions", 0) < 0:
            raise invalid(request.kind, request.name, "spec.leaseTransitions", "must be greater than or equal to 0")

    def keep(self, request, new, type_):
        self.version += 1
        new.update(kind=request.kind.kind, apiVersion=request.kind.api_version(request.version))
        new["metadata"]["resourceVersion"] = str(self.version)
        self.objects[request.kind] = {**self.objects[request.kind], request.key: new}  # snapshots keep the old one
        self.history.append(Change(self.version, request.kind, request.key, type_, new))
        self.changed.notify_all()
        return new

    def remove(self, request, last):
        if request.kind.kind == "Service":
            self.rules.forget(last)
        last = self.keep(request, last, "DELETED")  # with the version of its deletion
        objects = dict(self.objects[request.kind])
        del objects[request.key]
        self.objects[request.kind] = objects
        return last
