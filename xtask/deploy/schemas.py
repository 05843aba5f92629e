"""Everything in deploy/ that has a schema, against it; and every name that one file uses of another."""

import json
import re
import subprocess
import sys

import kubernetes_validate
import yaml

import files
import rules

VERSION = "1.33"
# What PostgreSQL has when nobody says otherwise, and how many of it are not for us.
POSTGRES_CONNECTIONS, POSTGRES_RESERVED = 100, 3
# Of each process, beside its pool; and beside all processes: an audit, the migration, the backup.
LISTENS, BESIDE = 1, 1 + 4 + 1
SECRETS = {
    "database_url": "postgres://x/y",
    "registry_client_id": "x",
    "registry_client_secret": "y",
    "operator_dids": "did:key:x,did:key:y",
}


def check(what, is_so):
    if not is_so:
        raise SystemExit(f"deploy: {what}")


def settings():
    """The variables that each program reads, from the reference that a test compares with them."""
    page = (files.DEPLOY / "SETTINGS.md").read_text()
    known = {}
    for section in page.split("\n## ")[1:]:
        known[section.split("\n", 1)[0]] = set(re.findall(r"^\| `(\w+)` ", section, re.M))
    known["marketplace-worker"] = known["marketplace-server"] | {"WORKER_LISTEN_ADDR"}
    known["marketplace-teg"] |= {"LOG_LEVEL"}
    known["marketplace-admin"] = {"DATABASE_URL", "MARKETPLACE_URL", "MARKETPLACE_KEY"}
    return known


def check_names(programs, known):
    image, _ = files.image()
    anything = set().union(*known.values())
    check("ENV in the Dockerfile that nobody reads", set(image) <= anything)
    for program in programs:
        check(f"{program}: {program.program} is no program of ours", program.program in known)
        strange = set(program.environment) - set(image) - known[program.program]
        check(f"{program} sets {sorted(strange)}, which {program.program} does not read", not strange)


def check_compose():
    path = files.DEPLOY / "docker-compose.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path]
    subprocess.run(command, check=True)
    data = files.compose(files.example() | {"OPERATOR_DIDS": "did:key:x"})
    services = data["services"]
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            check(f"{name} depends on {other}", other in services)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = (files.DEPLOY / source).exists() if source.startswith(".") else source in data["volumes"]
            check(f"{name} mounts {source}", known)
    check("the port of the original", services["marketplace-agent"]["ports"] == ["8020:8000"])


def check_kubernetes(overlay):
    objects = files.rendered(overlay)
    names = {(thing["kind"], thing["metadata"]["name"]) for thing in objects}
    labels = [template["metadata"]["labels"] for _, template in files.pods(objects)]
    chosen = lambda selector: any(selector.items() <= own.items() for own in labels)
    for thing in objects:
        kind, name, spec = thing["kind"], thing["metadata"]["name"], thing.get("spec", {})
        if kind == "PrometheusRule":  # The schemas of these two are no part of Kubernetes.
            continue
        if kind == "ServiceMonitor":
            ports = [
                port["name"]
                for service in objects
                if service["kind"] == "Service"
                and spec["selector"]["matchLabels"].items() <= service["metadata"].get("labels", {}).items()
                for port in service["spec"]["ports"]
            ]
            check(f"{name} watches no port", all(end["port"] in ports for end in spec["endpoints"]))
            continue
        kubernetes_validate.validate(thing, VERSION, strict=True)
        if kind == "Service":
            check(f"{overlay}: the service {name} has no pods", chosen(spec["selector"]))
        if kind == "PodDisruptionBudget":
            check(f"{overlay}: the budget {name} has no pods", chosen(spec["selector"]["matchLabels"]))
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            check(f"{overlay}: {name} scales nothing", (target["kind"], target["name"]) in names)
    figures = check_doors(objects)
    check_way_out(objects)
    by_name = {name: thing for thing in objects for name in [(thing["kind"], thing["metadata"]["name"])]}
    server = by_name["Deployment", "marketplace-agent"]["spec"]
    check("three replicas", server["replicas"] == 3)
    container = server["template"]["spec"]["containers"][0]
    told = {entry["name"]: entry.get("value") for entry in container["env"]}
    check("the address of the figures", told["METRICS_LISTEN_ADDR"] == f"0.0.0.0:{figures}")
    check("the image", container["image"] == "agentvault/marketplace:1.0.0")
    resources = {
        "requests": {"memory": "512Mi", "cpu": "500m"},
        "limits": {"memory": "1Gi", "cpu": "1000m"},
    }
    check("the resources", container["resources"] == resources)
    service = by_name["Service", "marketplace-service"]["spec"]
    ports = [(port["port"], port["targetPort"]) for port in service["ports"]]
    check("the service", (service["type"], ports) == ("LoadBalancer", [(80, 8000)]))
    for pod, template in files.pods(objects):
        safe = template["spec"].get("securityContext", {}).get("runAsNonRoot")
        check(f"{pod} may run as root", safe or pod in ("postgres", "redis-cluster"))


def check_doors(objects):
    """The figures: a port of their own, to which no Ingress and no load balancer leads, which policy
    lets monitoring alone into, and which is where Prometheus looks."""
    service = {thing["metadata"]["name"]: thing["spec"] for thing in objects if thing["kind"] == "Service"}
    inside = service["marketplace-metrics"]
    check("the figures have an address outside", inside["clusterIP"] == "None")
    (port,) = [port["targetPort"] for port in inside["ports"]]
    for name, spec in service.items():
        reaches = [own["targetPort"] for own in spec["ports"] if name != "marketplace-metrics" and "targetPort" in own]
        check(f"{name} leads to the figures", port not in reaches)
    (policy,) = [
        thing["spec"]
        for thing in objects
        if thing["kind"] == "NetworkPolicy" and thing["metadata"]["name"] == "marketplace-agent"
    ]
    for rule in policy["ingress"]:
        own = [entry["port"] for entry in rule["ports"]]
        check("everybody reaches the figures", port not in own or rule.get("from"))
    check("monitoring does not reach the figures", any(port == own["port"] for rule in policy["ingress"] for own in rule["ports"]))
    check("callers keep their addresses", service["marketplace-service"]["externalTrafficPolicy"] == "Local")
    return port


def check_way_out(objects):
    """Collectors of traces and edges at odd ports can be let through by a label."""
    (policy,) = [
        thing["spec"]
        for thing in objects
        if thing["kind"] == "NetworkPolicy" and thing["metadata"]["name"] == "marketplace-out"
    ]
    open_to = {"telemetry": {4317, 4318}, "edges": None}
    for label, expected in open_to.items():
        for kind in ("namespaceSelector", "podSelector"):
            selector = {kind: {"matchLabels": {"marketplace.agentvault/serves": label}}}
            ports = [rule.get("ports") for rule in policy["egress"] if selector in rule.get("to", [])]
            found = [own and {port["port"] for port in own} for own in ports]
            check(f"nothing leads to a {kind} that serves {label}", found == [expected])


def check_connections(where, processes, database):
    """All processes at their most, with the jobs beside them, find room in PostgreSQL: the formula
    of the runbook. `processes` are (how many, their environment)."""
    default = re.search(r"`DATABASE_CONNECTIONS` .*\[default: (\d+)\]", (files.DEPLOY / "SETTINGS.md").read_text())[1]
    taken = sum(count * (int(own.get("DATABASE_CONNECTIONS") or default) + LISTENS) for count, own in processes)
    words = [*database.get("command", []), *database.get("args", [])] if database else []
    told = [word.removeprefix("max_connections=") for word in words if word.startswith("max_connections=")]
    most = int((told or [POSTGRES_CONNECTIONS])[0]) - POSTGRES_RESERVED
    check(f"{where}: {taken + BESIDE} connections, and PostgreSQL has {most}", taken + BESIDE <= most)


def check_connections_of_kubernetes(overlay, programs):
    objects = files.rendered(overlay)
    scaled = {
        thing["spec"]["scaleTargetRef"]["name"]: thing["spec"]["maxReplicas"]
        for thing in objects
        if thing["kind"] == "HorizontalPodAutoscaler"
    }
    environments = {program.name: program.environment for program in programs}
    processes, database = [], None
    for thing in objects:
        name, spec = thing["metadata"]["name"], thing.get("spec", {})
        if thing["kind"] != "Deployment":
            continue
        if name == "postgres":
            database = spec["template"]["spec"]["containers"][0]
        elif "DATABASE_URL" in environments.get(name, {}):
            most = scaled.get(name, spec["replicas"]) + spec["strategy"]["rollingUpdate"]["maxSurge"]
            processes.append((most, environments[name]))
    check(f"{overlay}: servers and workers", len(processes) == 2)
    check_connections(overlay, processes, database)


def check_connections_of_compose(programs):
    processes = [(1, program.environment) for program in programs if "DATABASE_URL" in program.environment]
    database = files.compose(files.example())["services"]["postgres"]
    check_connections("compose", processes, database)


def check_dockerfile():
    text = (files.DEPLOY / "Dockerfile").read_text()
    last = text[text.rindex("\nFROM ") :]
    check("the image begins with nothing", last.startswith("\nFROM scratch\n"))
    check("the image's user", re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.M))
    check("the image's health", "HEALTHCHECK" in last)
    root = files.DEPLOY.parent
    for line in re.findall(r"^COPY (?!--)(.*)$", text, re.M):
        for source in line.split()[:-1]:
            check(f"the Dockerfile copies {source}", (root / source).exists())
    packages = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"], check=True, capture_output=True, text=True, cwd=root
    ).stdout
    packages = {package["name"]: package for package in json.loads(packages)["packages"]}
    built = set(re.findall(r"--package ([\w-]+)", text))
    check(f"packages {built}", built <= packages.keys())
    made = {target["name"] for name in built for target in packages[name]["targets"] if "bin" in target["kind"]}
    copied = set(re.findall(r"target/release/([\w-]+)", text))
    check(f"built {made}, copied {copied}", made == copied)


def check_secrets(overlay):
    """Every secret that a pod reads is one that the overlay brings or the runbook has made."""
    objects = files.rendered(overlay)
    made = {thing["metadata"]["name"] for thing in objects if thing["kind"] == "Secret"}
    made = made or set(re.findall(r"create secret generic ([\w-]+)", (files.DEPLOY / "RUNBOOK.md").read_text()))
    read = set()
    for _, template in files.pods(objects):
        spec = template["spec"]
        for container in spec["containers"] + spec.get("initContainers", []):
            read |= {entry["secretRef"]["name"] for entry in container.get("envFrom", []) if "secretRef" in entry}
            sources = [entry.get("valueFrom", {}).get("secretKeyRef") for entry in container.get("env", [])]
            read |= {source["name"] for source in sources if source}
    check(f"{overlay}: nobody makes {sorted(read - made)}", read <= made)


def check_runbook():
    """Each alert leads to a section that there is."""
    page = (files.DEPLOY / "RUNBOOK.md").read_text()
    titles = re.findall(r"^#+ (.*)$", page, re.M)
    anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
    text = rules.ALERTS.read_text()
    links = re.findall(r'runbook_url: "\{\{ \$externalLabels.runbook \}\}#([\w-]+)"', text)
    check("an alert without a link", len(links) == text.count("alert: "))
    for link in links:
        check(f"RUNBOOK.md has no section {link}", link in anchors)


def check_alerts():
    """They are the same everywhere, lead to the runbook from everywhere, and reach somebody."""
    same = rules.RULE.read_text() == rules.rule()
    check(f"{rules.RULE} is old: please run xtask/deploy/rules.py", same)
    made = [thing for thing in files.rendered("production") if thing["kind"] == "PrometheusRule"]
    links = [rule["annotations"]["runbook_url"] for group in made[0]["spec"]["groups"] for rule in group["rules"]]
    for link in links:
        check(f"production: {link} leads nowhere", re.fullmatch(r"https://\S+/RUNBOOK.md#[\w-]+", link))
    services = files.compose(files.example() | {"RUNBOOK_URL": "https://x/RUNBOOK.md"})["services"]
    told = services["prometheus"]["environment"]["RUNBOOK_URL"]
    prometheus = yaml.safe_load((files.DEPLOY / "prometheus/prometheus.yml").read_text())
    check("Prometheus knows the runbook", told == "https://x/RUNBOOK.md")
    check("Prometheus says so", prometheus["global"]["external_labels"] == {"runbook": "${RUNBOOK_URL}"})
    looks = {job["job_name"]: job["dns_sd_configs"][0]["port"] for job in prometheus["scrape_configs"]}
    listens = services["marketplace-agent"]["environment"]["METRICS_LISTEN_ADDR"]
    check("Prometheus looks where the figures are", listens == f"0.0.0.0:{looks['marketplace']}")
    for group in prometheus["alerting"]["alertmanagers"][0]["static_configs"]:
        for target in group["targets"]:
            check(f"Prometheus tells {target}", target.split(":")[0] in services)


if __name__ == "__main__":
    check_dockerfile()
    check_compose()
    programs = list(files.of_compose(files.example()))
    check_connections_of_compose(programs)
    for overlay in files.OVERLAYS:
        check_kubernetes(overlay)
        check_secrets(overlay)
        secrets = files.secrets_of(overlay, SECRETS)
        own = list(files.of_kubernetes(overlay, secrets))
        check_connections_of_kubernetes(overlay, own)
        programs += own
        check(f"{overlay}: the secret has {sorted(secrets)}", secrets.keys() == SECRETS.keys())
    check_names(programs, settings())
    check_runbook()
    check_alerts()
    print(f"{len(programs)} programs, all by their schemas")
