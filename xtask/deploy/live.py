"""Starts our programs with exactly the environment that the files of deploy/ give them, trades
there, and has a real Prometheus evaluate everything that dashboard and alerts ask.

    live.py FOLDER_OF_PROGRAMS URL_OF_A_POSTGRESQL_SERVER

What is replaced: names of the other containers by addresses on loopback, /data by a temporary
folder, and the values of secrets, which nobody but this run knows. Nothing is added: a variable that
neither the files nor the runbook's steps give is one that a program does without.
"""

import contextlib
import http.server
import itertools
import json
import math
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

import files

ORDERS = 3
RUNBOOK = "https://runbook.example/RUNBOOK.md"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, body=None, token=None, plain=False):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return answer.read().decode() if plain else json.load(answer)


def wait_for(what, is_so, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if is_so():
                return
        time.sleep(0.1)
    raise SystemExit(f"{what}: not after {seconds} s")


class House:
    """Running programs; all gone at the end."""

    def __init__(self, programs, folder, replaced):
        self.programs, self.folder, self.replaced = programs, folder, replaced
        self.running, self.started = [], itertools.count()

    def environment(self, program, extra):
        folder = self.folder / f"{program.name}-{next(self.started)}"
        folder.mkdir()
        replaced = {"/data": str(folder)} | self.replaced | extra
        environment = {}
        for name, value in program.environment.items():
            for old, new in replaced.items():
                value = value.replace(old, new)
            environment[name] = value
        return environment, folder

    def start(self, program, extra={}):
        environment, folder = self.environment(program, extra)
        log = open(folder / "log", "w")
        command = [self.programs / program.program, *program.arguments]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        self.running.append((program, process, folder))

    def run(self, program):
        environment, folder = self.environment(program, {})
        subprocess.run([self.programs / program.program, *program.arguments], env=environment, cwd=folder, check=True)

    def admin(self, *words):
        command = [self.programs / "marketplace-admin", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        """Gently; whoever does not end well has said why."""
        for program, process, folder in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            if (code := process.wait(40)) != 0:
                raise SystemExit(f"{program}: ended with {code}\n{(folder / 'log').read_text()[-3000:]}")

    def kill(self, failed):
        for program, process, folder in self.running:
            if failed:
                print(f"-- {program}\n{(folder / 'log').read_text()[-1500:]}", file=sys.stderr)
            process.kill()
            process.wait()


def trade(house, urls, folder, operator):
    """Tokens come from the operators' capital: orders, and a dispute that the seller concedes."""

    def agent(name):
        key = folder / f"{name}.json"
        did = house.admin("agent", "new", "--out", key)
        house.admin("agents", "adjust", did, "100", "--reason", "trial", "--yes", "--key", operator, "--url", urls[0])
        return did, house.admin("agent", "token", "--key", key, "--url", urls[0])

    (_, seller), (_, buyer) = agent("seller"), agent("buyer")
    offer = {"type": "data-processing", "name": "CSV", "description": "rows", "price": "5.0"}
    listing = ask(f"{urls[0]}/api/v1/services/list", offer, seller)["id"]
    for at in range(ORDERS + 1):
        url = urls[at % len(urls)]
        order = ask(f"{url}/api/v1/orders/create", {"listing_id": listing}, buyer)["order_id"]
        ask(f"{url}/api/v1/orders/{order}/deliver", {"inline": "rows"}, seller)
        if at < ORDERS:
            ask(f"{url}/api/v1/orders/{order}/accept", {}, buyer)
            continue
        claim = {"order_id": order, "category": "poor_quality", "remedy": "full", "reason": "none"}
        dispute = ask(f"{url}/api/v1/disputes/create", claim, buyer)["dispute_id"]
        ask(f"{url}/api/v1/disputes/{dispute}/concede", {}, seller)


class Receiver(http.server.ThreadingHTTPServer):
    """Where the operators are told: it keeps what Alertmanager posts."""

    def __init__(self):
        told = self.told = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/alerts"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Alertmanager:
    """Debian's, with the configuration that docker-compose.yml gives."""

    def __init__(self, folder, values):
        self.receiver = Receiver()
        text = files.compose(values | {"ALERT_WEBHOOK_URL": self.receiver.url})["configs"]["alertmanager"]["content"]
        path, self.address = folder / "alertmanager.yml", f"127.0.0.1:{free_port()}"
        path.write_text(text.replace("group_wait: 10s", "group_wait: 0s"))
        subprocess.run(["amtool", "check-config", path], check=True, stdout=subprocess.DEVNULL)
        command = ["prometheus-alertmanager", f"--config.file={path}", f"--storage.path={folder / 'alertmanager'}"]
        log = open(folder / "alertmanager.log", "w")
        listen = [f"--web.listen-address={self.address}", "--cluster.listen-address="]
        self.process = subprocess.Popen([*command, *listen], stdout=log, stderr=log)
        wait_for("Alertmanager", lambda: ask(f"http://{self.address}/-/ready", plain=True))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.receiver.shutdown()


class Prometheus:
    """Debian's, scraping us each second, with our alerts; the rest is as prometheus.yml has it."""

    def __init__(self, folder, targets, alertmanager):
        self.url = f"http://127.0.0.1:{free_port()}"
        told = yaml.safe_load((files.DEPLOY / "prometheus/prometheus.yml").read_text())
        told["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alertmanager.address]}]
        configuration = told | {
            "global": told["global"] | {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(files.DEPLOY / "prometheus/alerts.yml"), str(self.always(folder))],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": own}]} for job, own in targets.items()
            ],
        }
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(configuration))
        log = open(folder / "prometheus.log", "w")
        listen = self.url.removeprefix("http://")
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={listen}",
                # The image of docker-compose.yml is a newer one, which does so unasked.
                "--enable-feature=expand-external-labels",
            ],
            stdout=log,
            stderr=log,
            env=os.environ | {"RUNBOOK_URL": RUNBOOK},
        )

    def always(self, folder):
        """The first of our alerts, over an expression that is true at once."""
        rules = yaml.safe_load((files.DEPLOY / "prometheus/alerts.yml").read_text())
        first = rules["groups"][0]["rules"][0] | {"alert": "Always", "expr": "vector(1)"}
        path = folder / "always.yml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "always", "rules": [first]}]}))
        return path

    def query(self, expression):
        # We have seconds, not days: subqueries look more often.
        expression = re.sub(r":(1m|15s)\]", ":1s]", expression).replace("[1d:", "[5m:")
        answer = ask(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return [float(sample["value"][1]) for sample in answer["data"]["result"]]

    def up(self):
        return sum(self.query("up"))


def check_prometheus(prometheus, processes, urls):
    def one(expression):
        values = prometheus.query(expression)
        return values[0] if values else math.nan

    wait_for("scrapes of everybody", lambda: prometheus.up() == processes)
    # What one replica has committed, the others have heard of a moment later.
    settled = f"min(marketplace_orders_completed) == {ORDERS} and min(marketplace_disputes_total) == 1"
    wait_for("the same figures of everybody", lambda: prometheus.query(settled))
    wait_for("rates", lambda: one("count(rate(marketplace_commit_seconds_count[5m]))") >= 2)
    board = json.loads((files.DEPLOY / "grafana/marketplace-dashboard.json").read_text())
    queries = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", [])]
    empty = queries

    def all_find():
        # Rates need requests between two scrapes, and the trade may have fitted between them.
        nonlocal empty
        for url in urls:
            ask(f"{url}/api/v1/fees")
        answers = [(query, prometheus.query(query[1])) for query in empty]
        empty = [query for query, values in answers if all(math.isnan(value) for value in values)]
        return not empty

    try:
        wait_for("figures", all_find)
    except SystemExit:
        nothing = "\n".join(f"{title}: {expression}" for title, expression in empty)
        raise SystemExit(f"the dashboard finds nothing:\n{nothing}") from None
    by_title = dict(queries)
    for title, expected in [
        ("Active Listings", 1),
        ("Escrow Balance", 0),
        ("Average Transaction Value", 5),
        ("Open disputes", 0),
    ]:
        if (found := one(by_title[title])) != expected:
            raise SystemExit(f"{title}: {found} and not {expected}")
    rules = yaml.safe_load((files.DEPLOY / "prometheus/alerts.yml").read_text())
    rules = [rule for group in rules["groups"] for rule in group["rules"]]
    for rule in rules:
        for metric in set(re.findall(r"marketplace_\w+", rule["expr"])):
            if not prometheus.query(metric):
                raise SystemExit(f"the alert {rule['alert']} asks for {metric}, which nobody has")
        if prometheus.query(rule["expr"]) and rule["alert"] != "ReservesNotSeen":
            raise SystemExit(f"{rule['alert']} fires in a healthy house")
    print(f"{len(queries)} queries of the dashboard and {len(rules)} alerts find data; {processes} processes say the same")


@contextlib.contextmanager
def watched(folder, targets):
    alertmanager = Alertmanager(folder, files.example())
    prometheus = None
    try:
        prometheus = Prometheus(folder, targets, alertmanager)
        yield prometheus, alertmanager
    finally:
        if prometheus:
            prometheus.process.kill()
            prometheus.process.wait()
        alertmanager.stop()


def check_told(alertmanager):
    """An alert that fires is posted to the operators, with a link that leads to the runbook."""
    told = alertmanager.receiver.told
    wait_for("an alert at the receiver", lambda: told)
    alert = next(alert for message in told for alert in message["alerts"] if alert["labels"]["alertname"] == "Always")
    expected = f"{RUNBOOK}#reserve-breach"
    if (found := alert["annotations"]["runbook_url"]) != expected:
        raise SystemExit(f"the alert leads to {found} and not to {expected}")
    print("an alert reached the receiver that docker-compose.yml names, with its link")


def check_outside(name, url, limited):
    """What strangers find at the port that is open to them: no figures, and a limit."""
    try:
        ask(f"{url}/metrics", plain=True)
        raise SystemExit(f"{name}: everybody sees the figures")
    except urllib.error.HTTPError as refused:
        if refused.code != 404:
            raise
    with urllib.request.urlopen(f"{url}/api/v1/services/search", timeout=20) as answer:
        policy = answer.headers["RateLimit-Policy"] or ""
    # On loopback there is none unless it is asked for.
    if limited and '"address";q=12000' not in policy:
        raise SystemExit(f"{name}: whoever proves nothing searches without a limit: {policy}")


def run_house(name, members, programs, folder, replaced, ports, operator):
    house = House(programs, folder, replaced)
    of = {program.name: program for program in members}
    failed = True
    try:
        teg = of.get("teg-layer")
        if teg:
            house.start(teg)
            wait_for("the TEG", lambda: ask(f"http://127.0.0.1:{ports['teg']}/health", plain=True))
        if "marketplace-migrate" in of:
            house.run(of["marketplace-migrate"])
        house.start(of["marketplace-agent"])
        second = free_port()
        urls = [f"http://127.0.0.1:{port}" for port in (ports["server"], second)]
        house.start(of["marketplace-worker"])
        wait_for(f"{name}: the server", lambda: ask(f"{urls[0]}/readyz", plain=True))
        figures = [ports["metrics"], free_port()]
        others = {f"127.0.0.1:{ports['server']}": f"127.0.0.1:{second}", f"127.0.0.1:{figures[0]}": f"127.0.0.1:{figures[1]}"}
        house.start(of["marketplace-agent"], others)
        worker = f"http://127.0.0.1:{ports['worker']}"
        for url in [urls[1], worker]:
            wait_for(f"{name}: {url}", lambda: ask(f"{url}/readyz", plain=True))
        for url in [*urls, worker]:
            house.admin("healthy", f"{url}/healthz")
        check_outside(name, urls[0], limited=operator is None)
        if operator:
            targets = {
                "marketplace": [f"127.0.0.1:{port}" for port in figures],
                "marketplace-worker": [worker.removeprefix("http://")],
            }
            with watched(folder, targets) as (prometheus, alertmanager):
                wait_for("a first scrape", lambda: prometheus.up() == 3)
                trade(house, urls, folder, operator)
                check_prometheus(prometheus, 3, urls)
                check_told(alertmanager)
        house.stop()
        failed = False
    finally:
        house.kill(failed)
    print(f"{name}: {len(house.running)} programs ran with the environment of the files")


def check_runbook(programs):
    """What the runbook tells an operator to type is there."""
    page = " ".join((files.DEPLOY / "RUNBOOK.md").read_text().split())
    commands = set()
    for first, rest in re.findall(r"marketplace-admin ([a-z][a-z-]*)((?: [a-z][a-z|-]*)?)(?=[` ])", page):
        commands |= {(first, *word.split()) for word in (rest.strip().split("|") if rest else [""])}
    for words in sorted(commands):
        command = [programs / "marketplace-admin", *words, "--help"]
        if subprocess.run(command, capture_output=True).returncode != 0:
            raise SystemExit(f"RUNBOOK.md: there is no marketplace-admin {' '.join(words)}")
    print(f"{len(commands)} commands of the runbook are there")


def main():
    programs, server = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    check_runbook(programs)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        operator = folder / "operator.json"
        def new_agent(path):
            command = [programs / "marketplace-admin", "agent", "new", "--out", path]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

        did, second = new_agent(operator), new_agent(folder / "second.json")
        secret = "of this run"
        secret = secret.replace(" ", "-")
        values = files.example() | {"OPERATOR_DIDS": did, "POSTGRES_PASSWORD": secret, "REGISTRY_CLIENT_SECRET": secret}
        for name in ["compose", "trial", "production"]:
            ports = {key: free_port() for key in ("server", "metrics", "worker", "teg")}
            database = f"deploy_{name}"
            subprocess.run(["psql", "--quiet", server, "-c", f"CREATE DATABASE {database}"], check=True)
            url = server.rsplit("/", 1)[0] + "/" + database
            teg = f"http://127.0.0.1:{ports['teg']}"
            replaced = {
                f"postgres://marketplace:{secret}@postgres:5432/marketplace": url,
                "0.0.0.0:8000": f"127.0.0.1:{ports['server']}",
                "0.0.0.0:8001": f"127.0.0.1:{ports['worker']}",
                "0.0.0.0:8002": f"127.0.0.1:{ports['metrics']}",
                "0.0.0.0:8100": f"127.0.0.1:{ports['teg']}",
                "http://127.0.0.1:8020": f"http://127.0.0.1:{ports['server']}",
                "http://teg-layer:8100": teg,
                "http://registry:8100": teg,
                "http://registry:8000": teg,
                "postgres://marketplace:trial@postgres:5432/marketplace": url,
            }
            if name == "compose":
                members = list(files.of_compose(values))
            else:
                # Of these, what the runbook has an operator put into the secret.
                ours = {"database_url": url, "registry_client_id": "marketplace", "registry_client_secret": "trial"}
                secrets = files.secrets_of(name, ours | {"operator_dids": f"{did},{second}"})
                members = list(files.of_kubernetes(name, secrets))
            if name == "production":
                # It has no TEG of its own: the trial's stands in for that of the network.
                trial = files.of_kubernetes("trial", files.secrets_of("trial", {}))
                members += [member for member in trial if member.name == "teg-layer"]
            own = folder / name
            own.mkdir()
            run_house(name, members, programs, own, replaced, ports, operator if name == "compose" else None)


if __name__ == "__main__":
    main()
