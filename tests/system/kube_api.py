"""Calls and watches of an API server, or of any HTTP server, in a network namespace; the standard library alone."""
import http.client
import json
import socket
import ssl
import urllib.parse

from cluster import Answer
from packets import socket_in

MERGE_PATCH = "application/merge-patch+json"
TIMEOUT = 30  # seconds for an answer, on a busy machine


class NamespaceConnection(http.client.HTTPConnection):
    """HTTP/1.1 to an address in a namespace, over TLS where a context is given."""

    def __init__(self, netns, host, port, tls=None, timeout=TIMEOUT):
        super().__init__(host, port, timeout=timeout)
        self.netns, self.tls = netns, tls

    def connect(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        plain = socket_in(self.netns, family, socket.SOCK_STREAM)
        try:
            plain.settimeout(self.timeout)
            plain.connect((self.host, self.port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self.tls.wrap_socket(plain, server_hostname=self.host) if self.tls else plain
        except OSError:
            plain.close()
            raise


def get_text(netns, host, port, path, timeout=5):
    """Status and body of a plain GET; None when nobody answers."""
    connection = NamespaceConnection(netns, host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class KubeWatch:
    """An open watch. line() gives event after event, and None once the server has ended it."""

    def __init__(self, connection, path, headers):
        self.connection = connection
        connection.request("GET", path, headers=headers)
        self.response = connection.getresponse()
        self.status = self.response.status
        self.refusal = None if self.status == 200 else json.loads(self.response.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def line(self):
        try:
            text = self.response.readline()
        except (OSError, http.client.HTTPException):  # a server that was killed ends no chunk properly
            return None
        return json.loads(text) if text.strip() else None

    def until(self, what, condition, events_max=10_000):
        """The first event for which condition() holds."""
        for _ in range(events_max):
            event = self.line()
            assert event is not None, f"the watch ended before {what}"
            if condition(event):
                return event
        raise AssertionError(f"{events_max} events without {what}")


class KubeApi:
    """One user's calls of an API server. A connection a call: what a restart breaks is never a test's concern."""

    def __init__(self, netns, host, port, ca_certificate, certificate=None, token=None):
        """certificate: paths of a client's certificate and its key."""
        self.netns, self.host, self.port, self.token = netns, host, port, token
        self.ca_certificate = ca_certificate
        self.tls = self.tls_without_user()
        if certificate:
            self.tls.load_cert_chain(*map(str, certificate))

    def tls_without_user(self):
        """Trusts the server; says nothing of who calls."""
        return ssl.create_default_context(cafile=str(self.ca_certificate))

    def connection(self, timeout=TIMEOUT):
        return NamespaceConnection(self.netns, self.host, self.port, self.tls, timeout)

    def headers(self):
        return {"Accept": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}

    def call(self, method, path, body=None, content_type="application/json", timeout=TIMEOUT):
        """Any answer is returned; OSError or HTTPException: nobody knows what the call did."""
        headers = {"Content-Type": content_type, **self.headers()}
        connection = self.connection(timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return Answer(response.status, response.headers, json.loads(text) if is_json else text.decode())

    def ask(self, method, path, body=None, content_type="application/json"):
        """call(), and it must succeed; returns the body."""
        answer = self.call(method, path, body, content_type)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        return answer.body

    def watch(self, path, timeout=TIMEOUT, **query):
        """timeout: seconds of silence after which line() says that the watch has ended."""
        target = f"{path}?{urllib.parse.urlencode({'watch': 'true', **query})}"
        return KubeWatch(self.connection(timeout), target, self.headers())
