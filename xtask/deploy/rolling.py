"""A rolling restart of all servers under load: whoever tries again once, at another server, after a
lost connection sees no failure, and no order is lost.

    rolling.py FOLDER_OF_PROGRAMS URL_OF_A_POSTGRESQL_SERVER [ROUNDS] [AGENTS]

Also a rolling update: PROGRAMS_NEXT names a folder with the programs of another version, with which
each server comes back in odd rounds.
"""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

import files
from live import House, ask, free_port, wait_for

SERVERS = 3
FIGURES = {}
LOST = (ConnectionError, http.client.BadStatusLine, http.client.CannotSendRequest)


class Client:
    """One agent at a time, with a connection to each server, as a proxy in front has them."""

    def __init__(self, ports, first):
        self.ports, self.at, self.connections = ports, first, {}
        self.retries, self.times = 0, []

    def once(self, port, method, path, body, token, key):
        connection = self.connections.get(port) or http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connections[port] = connection
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except LOST:
            self.connections.pop(port).close()
            raise

    def call(self, method, path, body, token):
        key, began = str(uuid.uuid4()), time.monotonic()
        for last in (False, True):
            port = self.ports[self.at % len(self.ports)]
            try:
                status, text = self.once(port, method, path, body, token, key)
                # A server that stops says so before it goes.
                if status != 503 or last:
                    break
            except LOST:
                if last:
                    raise
            self.retries += 1
            self.at += 1
        if status not in (200, 201):
            raise SystemExit(f"{method} {path}: HTTP {status}: {text.decode()}")
        self.at += 1
        self.times.append(time.monotonic() - began)
        return json.loads(text)


class Trader(threading.Thread):
    """Buys, delivers, accepts, until it is told to stop; knows what it was told."""

    def __init__(self, client, tokens, listing, stop):
        super().__init__(daemon=True)
        self.client, self.tokens, self.listing, self.stop = client, tokens, listing, stop
        self.orders, self.failure = [], None

    def run(self):
        seller, buyer = self.tokens
        try:
            while not self.stop.is_set():
                order = self.client.call("POST", "/api/v1/orders/create", {"listing_id": self.listing}, buyer)["order_id"]
                self.client.call("POST", f"/api/v1/orders/{order}/deliver", {"inline": "rows"}, seller)
                done = self.client.call("POST", f"/api/v1/orders/{order}/accept", {}, buyer)
                self.orders.append((order, done["status"]))
        except (Exception, SystemExit) as failure:
            self.failure = failure


def server(house, program, port, first):
    others = {f"127.0.0.1:{first}": f"127.0.0.1:{port}"} if port != first else {}
    # An address of its own for its figures, of which `version` must know.
    FIGURES[port] = free_port()
    house.start(program, others | {"0.0.0.0:8002": f"127.0.0.1:{FIGURES[port]}"})
    wait_for("a server", lambda: ask(f"http://127.0.0.1:{port}/readyz", plain=True))
    return house.running.pop()


def main():
    programs, database = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    rounds, agents = (int(word) for word in (sys.argv[3:] + ["1", "8"][len(sys.argv) - 3 :]))
    following = pathlib.Path(os.environ.get("PROGRAMS_NEXT", programs)).resolve()
    with tempfile.TemporaryDirectory() as folder:
        run(programs, following, database, rounds, agents, pathlib.Path(folder))


def run(programs, following, database, rounds, agents, folder):
    command = [programs / "marketplace-admin", "agent", "new", "--out", folder / "operator.json"]
    did = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    values = files.example() | {"OPERATOR_DIDS": did, "POSTGRES_PASSWORD": "x", "REGISTRY_CLIENT_SECRET": "y"}
    subprocess.run(["psql", "--quiet", database, "-c", "CREATE DATABASE deploy_rolling"], check=True)
    ports = [free_port() for _ in range(SERVERS)]
    teg, worker = free_port(), free_port()
    replaced = {
        "postgres://marketplace:x@postgres:5432/marketplace": database.rsplit("/", 1)[0] + "/deploy_rolling",
        "0.0.0.0:8000": f"127.0.0.1:{ports[0]}",
        "0.0.0.0:8001": f"127.0.0.1:{worker}",
        "0.0.0.0:8100": f"127.0.0.1:{teg}",
        "http://127.0.0.1:8020": f"http://127.0.0.1:{ports[0]}",
        "http://teg-layer:8100": f"http://127.0.0.1:{teg}",
        "http://registry:8100": f"http://127.0.0.1:{teg}",
    }
    of = {program.name: program for program in files.of_compose(values)}
    house, failed = House(programs, folder, replaced), True
    running = []
    try:
        house.start(of["teg-layer"])
        wait_for("the TEG", lambda: ask(f"http://127.0.0.1:{teg}/health", plain=True))
        for port in ports:
            running.append(server(house, of["marketplace-agent"], port, ports[0]))
        house.start(of["marketplace-worker"])
        wait_for("the worker", lambda: ask(f"http://127.0.0.1:{worker}/readyz", plain=True))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        versions = {version(url) for url in urls}
        traders = enroll(house, urls, folder, ports, agents)
        for number in range(rounds):
            house.programs = following if number % 2 else programs
            for place in range(SERVERS):
                time.sleep(1)  # Some load between two restarts.
                stop_gently(running[place])
                running[place] = server(house, of["marketplace-agent"], ports[place], ports[0])
                versions.add(version(urls[place]))
        if rounds > 1 and following != programs and len(versions) != 2:
            raise SystemExit(f"two versions should have run side by side: {versions}")
        print(f"versions: {', '.join(sorted(versions))}")
        house.running += running
        running = []
        judge(house, traders, urls, folder, rounds)
        house.stop()
        failed = False
    finally:
        house.running += running
        house.kill(failed)


def enroll(house, urls, folder, ports, agents):
    tokens = []
    for name in ("seller", "buyer"):
        key = folder / f"{name}.json"
        did = house.admin("agent", "new", "--out", key)
        operator = ["--yes", "--key", folder / "operator.json", "--url", urls[0]]
        house.admin("agents", "adjust", did, "400", "--reason", "trial", *operator)
        tokens.append(house.admin("agent", "token", "--key", key, "--url", urls[0]))
    offer = {"type": "data-processing", "name": "CSV", "description": "rows", "price": "0.01"}
    listing = ask(f"{urls[0]}/api/v1/services/list", offer, tokens[0])["id"]
    stop = threading.Event()
    traders = [Trader(Client(ports, at), tokens, listing, stop) for at in range(agents)]
    for trader in traders:
        trader.start()
    return traders


def version(url):
    figures = FIGURES[int(url.rsplit(":", 1)[1])]
    with urllib.request.urlopen(f"http://127.0.0.1:{figures}/metrics", timeout=10) as answer:
        return re.search(r'marketplace_build_info{version="([^"]+)"}', answer.read().decode())[1]


def stop_gently(member):
    program, process, folder = member
    process.send_signal(signal.SIGTERM)
    if (code := process.wait(40)) != 0:
        raise SystemExit(f"{program}: ended with {code}\n{(folder / 'log').read_text()[-3000:]}")


def judge(house, traders, urls, folder, rounds):
    traders[0].stop.set()
    for trader in traders:
        trader.join(60)
        if trader.failure:
            raise SystemExit(f"an agent that tries again once saw a failure: {trader.failure!r}")
    orders = list(itertools.chain.from_iterable(trader.orders for trader in traders))
    operator = house.admin("agent", "token", "--key", folder / "operator.json", "--url", urls[0])
    audit = ask(f"{urls[1]}/api/v1/admin/audit", token=operator)
    if audit["breaches"]:
        raise SystemExit(f"the books: {audit['breaches']}")
    buyer = traders[0].tokens[1]
    for order, status in orders:
        found = ask(f"{urls[2]}/api/v1/escrow/{order}", token=buyer)["status"]
        if (status, found) != ("COMPLETED", "COMPLETED"):
            raise SystemExit(f"order {order} was {status} and is {found}")
    times = sorted(itertools.chain.from_iterable(trader.client.times for trader in traders))
    retries = sum(trader.client.retries for trader in traders)
    slow = times[int(len(times) * 0.99)] * 1000
    print(
        f"{rounds * SERVERS} restarts under {len(traders)} agents: {len(times)} requests, none failed, {retries} tried "
        f"again once, p99 {slow:.0f} ms, {len(orders)} orders, all there"
    )


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
