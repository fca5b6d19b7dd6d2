"""Writes without pause to several servers at once over HTTPS, to see when one acknowledges again.

Runs in the client's namespace, one process for either system (bench/recover.py starts it):

    first_write.py '{"targets": [["10.64.0.2", 7480], ...], "path": ..., "body": ..., "headers": {...}, "ca_file": ...}'

It prints "ready" once every target has acknowledged a write. A line on standard input is the time (CLOCK_MONOTONIC,
seconds) at which the leader was dead; the answer is the first acknowledgement of a write that was sent after it.
"""
import asyncio
import base64
import json
import re
import ssl
import sys
import time

INTERVAL = 0.01       # between two writes to one target: what is measured is no finer than this
WRITE_TIMEOUT = 3.0   # a server may hold a write back until it finds a leader
UNDER_WAY_MAX = 256   # to one target; beyond, none is sent until one ends
GIVE_UP = 30.0        # seconds after the death of the leader


def fill(template, number):
    """As http_load does: {n} is the number, <base64>...</base64> is encoded."""
    text = template.replace("{n}", str(number))
    return re.sub(r"<base64>(.*?)</base64>", lambda m: base64.b64encode(m[1].encode()).decode(), text)


class Target:
    """One server, and its kept-alive connections that nobody uses at the moment."""

    def __init__(self, host, port, job, tls):
        self.host, self.port, self.job, self.tls = host, port, job, tls
        self.idle, self.under_way = [], 0

    async def write(self, number):
        """Sends one write; returns (sent, acknowledged), or None when it was not acknowledged."""
        self.under_way += 1
        sent = time.monotonic()
        try:
            status = await asyncio.wait_for(self.exchange(fill(self.job["body"], number)), WRITE_TIMEOUT)
        except (OSError, EOFError, asyncio.TimeoutError):  # EOFError: the connection broke off
            return None
        finally:
            self.under_way -= 1
        return (sent, time.monotonic()) if 200 <= status < 300 else None

    async def exchange(self, body):
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(
            self.host, self.port, ssl=self.tls)
        kept = False
        try:
            headers = {"Host": self.host, "Content-Type": "application/json", "Content-Length": str(len(body)),
                       **self.job["headers"]}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"POST {self.job['path']} HTTP/1.1\r\n{head}\r\n{body}".encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            await reader.readexactly(int(re.search(r"(?i)\r\ncontent-length: *(\d+)", answer)[1]))
            kept = "connection: close" not in answer.lower()
            return int(answer.split(" ", 2)[1])
        finally:
            if kept:
                self.idle.append((reader, writer))
            else:
                writer.close()


async def main():
    job = json.loads(sys.argv[1])
    tls = ssl.create_default_context(cafile=job["ca_file"])
    targets = [Target(host, port, job, tls) for host, port in job["targets"]]
    acknowledged, tasks, numbers = [], set(), iter(range(job["first"], job["first"] + 10_000_000))

    async def write(target):
        done = await target.write(next(numbers))
        if done:
            acknowledged.append((*done, f"{target.host}:{target.port}"))

    async def storm(target):
        while True:
            if target.under_way < UNDER_WAY_MAX:
                task = asyncio.create_task(write(target))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(INTERVAL)

    storms = [asyncio.create_task(storm(target)) for target in targets]
    deadline = time.monotonic() + GIVE_UP
    while len({by for _, _, by in acknowledged}) < len(targets):
        if time.monotonic() > deadline:
            sys.exit("first_write: not every target acknowledged a write while all was well")
        await asyncio.sleep(INTERVAL)
    print("ready", flush=True)
    dead_at = float(await asyncio.to_thread(sys.stdin.readline))
    first = None
    while first is None and time.monotonic() < dead_at + GIVE_UP:
        first = min((a for a in acknowledged if a[0] >= dead_at), key=lambda a: a[1], default=None)
        await asyncio.sleep(INTERVAL)
    for task in (*storms, *tasks):
        task.cancel()
    print(json.dumps({"acknowledged_at": first and first[1], "by": first and first[2]}), flush=True)


asyncio.run(main())
