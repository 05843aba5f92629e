"""2,000 open streams on one server: how long an event takes to all of them. Then that server is
killed, and its readers go on at another one: nothing is missed, nothing comes twice."""

import asyncio
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

import httpx

from identity import Agent

STREAMS, OF_ONE, EVENTS = 2_000, 16, 40
LIMIT = 0.100


class Stream(asyncio.Protocol):
    """Notes which positions came, and when the last bytes did; no more, for 2,000 of them share
    this one thread."""

    def __init__(self):
        self.data, self.at, self.positions, self.open = b"", 0.0, [], False

    def data_received(self, data):
        self.at = time.monotonic()
        self.data += data
        while (end := self.data.find(b"\n\n")) >= 0:
            event, self.data = b"\n" + self.data[:end], self.data[end + 2:]
            if b": welcome" in event:
                self.open = True
            at = event.find(b"\nid: ")
            if at >= 0:
                self.positions.append(int(event[at + 5:].split(b"\n", 1)[0]))


async def follow(port, stream, token):
    last = f"Last-Event-ID: {stream.positions[-1]}\r\n" if stream.positions else ""
    # HTTP/1.0 has no chunks.
    request = (f"GET /api/v1/events HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{last}"
               f"Authorization: Bearer {token}\r\n\r\n")
    stream.data, stream.open = b"", False
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: stream, "127.0.0.1", port)
    transport.write(request.encode())


async def until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        await asyncio.sleep(0.01)


class House:
    def __init__(self, programs, folder, database):
        self.programs, self.folder, self.database, self.running = programs, folder, database, []

    def run(self, name, port, ready, *arguments, **settings):
        command = [self.programs / name, "--listen", f"127.0.0.1:{port}", *arguments]
        log = open(self.folder / f"{name}-{port}.log", "w")
        process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log,
                                   env={"PATH": os.environ["PATH"], **settings})
        self.running.append(process)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if httpx.get(f"http://127.0.0.1:{port}{ready}").status_code == 200:
                    return process
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{name} is not ready: {(self.folder / log.name).read_text()[-2000:]}")

    def server(self, port, teg, operators):
        teg = f"http://127.0.0.1:{teg}"
        return self.run(
            "marketplace-server", port, "/readyz", "--operator-dids", ",".join(operators),
            "--data-dir", f"data-{port}", DATABASE_URL=self.database, TEG_LAYER_URL=teg,
            REGISTRY_URL=teg, REGISTRY_CLIENT_ID="market", REGISTRY_CLIENT_SECRET="secret",
            TEG_REQUESTS_PER_HOUR="0", TEG_TRANSFERS_PER_HOUR="0", PUBLIC_URL="http://market",
            LOG_LEVEL="WARNING")

    def stop(self):
        for process in self.running:
            process.kill()
            process.wait()


def free_ports(count):
    import socket
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Caller:
    """Makes events: a webhook that is resumed again and again."""

    def __init__(self, port, agent):
        token = token_of(port, agent)
        headers = {"Authorization": "Bearer " + token}
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers)

    async def begin(self):
        made = await self.http.post("/api/v1/webhooks", json={"url": "https://a.example/", "events": ["no.such"]})
        made.raise_for_status()
        self.hook = made.json()["webhook_id"]

    async def event(self):
        answer = await self.http.post(f"/api/v1/webhooks/{self.hook}/resume")
        answer.raise_for_status()
        return time.monotonic()


def token_of(port, agent):
    headers = {"Authorization": "Bearer " + agent.did_jwt()}
    answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/auth/token", headers=headers)
    answer.raise_for_status()
    return answer.json()["access_token"]


async def measure(house):
    teg, first, second = free_ports(3)
    agents = [Agent("http://market") for _ in range(STREAMS // OF_ONE)]
    did = "did:agentvault:marketplace-v1"
    house.run("marketplace-teg", teg, "/health", "--data-dir", "teg", TEG_ACCOUNTS=f"market:secret={did}")
    operators = [agent.did for agent in agents]
    killed = house.server(first, teg, operators)
    house.server(second, teg, operators)

    tokens = [token_of(first, agent) for agent in agents]
    streams = [Stream() for _ in range(STREAMS)]
    for number, stream in enumerate(streams):
        await follow(first, stream, tokens[number // OF_ONE])
    await until("all streams to be open", lambda: all(stream.open for stream in streams))
    caller = Caller(first, agents[0])
    await caller.begin()
    await until("the first event", lambda: all(stream.positions for stream in streams))

    slowest, seen = [], len(streams[0].positions)
    for number in range(EVENTS):
        answered = await caller.event()
        seen += 1
        await until("an event", lambda: all(len(stream.positions) >= seen for stream in streams))
        slowest.append(max(stream.at for stream in streams) - answered)
        await asyncio.sleep(0.05)
    slowest.sort()
    worst, middle = slowest[-1], slowest[len(slowest) // 2]
    print(f"{STREAMS} streams, {EVENTS} events: from the answer to the last stream "
          f"{middle * 1000:.0f} ms, at worst {worst * 1000:.0f} ms")

    killed.send_signal(signal.SIGKILL)
    killed.wait()
    other = Caller(second, agents[1])
    await other.begin()
    for _ in range(10):
        await other.event()
    fresh = [token_of(second, agent) for agent in agents]
    for number, stream in enumerate(streams):
        await follow(second, stream, fresh[number // OF_ONE])
    for _ in range(10):
        await other.event()
    whole = seen + 1 + 20
    await until("what was missed", lambda: all(len(stream.positions) >= whole for stream in streams))
    await asyncio.sleep(0.3)
    for stream in streams:
        assert stream.positions == streams[0].positions, "two streams are not the same"
        assert len(stream.positions) == whole, (len(stream.positions), whole)
        assert sorted(set(stream.positions)) == stream.positions, "a double, or the wrong order"
    print(f"the readers of a killed server went on at another one: {whole} events each, no gap, no double")
    assert worst <= LIMIT, f"an event took {worst * 1000:.0f} ms to all of them"


def main(programs, database):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        house = House(pathlib.Path(programs), pathlib.Path(folder), database)
        try:
            asyncio.run(measure(house))
        finally:
            house.stop()


main(sys.argv[1], sys.argv[2])
