"""What the files of deploy/ say, as data: programs with their commands and environments."""

import pathlib
import re
import subprocess

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("production", "trial")
OURS = "agentvault/marketplace"
BINARIES = "/usr/local/bin/"


class Program:
    """A container of our image: which program with which arguments, and what it finds around it."""

    def __init__(self, where, name, command, environment):
        self.where, self.name = where, name
        self.program, *self.arguments = command
        self.program = self.program.removeprefix(BINARIES)
        self.environment = environment

    def __str__(self):
        return f"{self.where}: {self.name}"


def image():
    """The environment and the command that our image gives to whoever says nothing else."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    last = text[text.rindex("\nFROM ") :]
    words = re.search(r"^ENV (.*)$", last, re.M).group(1).split()
    command = yaml.safe_load(re.search(r"^CMD (\[.*\])$", last, re.M).group(1))
    return dict(word.split("=", 1) for word in words), command


def interpolated(text, values):
    """Compose's ${NAME}, ${NAME:-default} and ${NAME:?what to do}."""

    def put(match):
        name, sign, rest = match.groups()
        value = values.get(name, "")
        if value == "" and sign == "?":
            raise SystemExit(f"docker-compose.yml: {name}: {rest}")
        return value or (rest if sign == "-" else "")

    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", put, text)


def example():
    lines = (DEPLOY / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose(values):
    return yaml.safe_load(interpolated((DEPLOY / "docker-compose.yml").read_text(), values))


def of_compose(values):
    environment, command = image()
    for name, service in compose(values)["services"].items():
        if service["image"].startswith(OURS):
            own = {key: str(value) for key, value in service.get("environment", {}).items()}
            yield Program("compose", name, service.get("command", command), environment | own)


def rendered(overlay):
    folder = KUBERNETES / "overlays" / overlay
    text = subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(text))


def pods(objects):
    """Name and pod template of whatever makes pods."""
    for thing in objects:
        spec = thing.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield thing["metadata"]["name"], spec["template"]


def told_secrets():
    """The keys of marketplace-secrets that the runbook has an operator make: nobody makes others."""
    page = (DEPLOY / "RUNBOOK.md").read_text().replace("\\\n", " ")
    line = re.search(r"^kubectl .*create secret generic marketplace-secrets (.*)$", page, re.M)[1]
    return re.findall(r"--from-literal=(\w+)=", line)


def secrets_of(overlay, values):
    """What marketplace-secrets has where this overlay is applied: its own, or the keys that the
    runbook names with these values; a key without a value here is new, and wants one."""
    for thing in rendered(overlay):
        if thing["kind"] == "Secret" and thing["metadata"]["name"] == "marketplace-secrets":
            return thing["stringData"]
    return {key: values[key] for key in told_secrets()}


def of_kubernetes(overlay, secrets):
    """`secrets` are the values in marketplace-secrets."""
    objects, (environment, command) = rendered(overlay), image()
    settings = {thing["metadata"]["name"]: thing["data"] for thing in objects if thing["kind"] == "ConfigMap"}
    for name, template in pods(objects):
        for container in template["spec"]["containers"]:
            if not container["image"].startswith(OURS):
                continue
            own = {}
            for source in container.get("envFrom", []):
                own |= settings[source["configMapRef"]["name"]]
            for entry in container.get("env", []):
                secret = entry.get("valueFrom", {}).get("secretKeyRef")
                if secret and secret["key"] not in secrets:
                    raise SystemExit(f"{overlay}: {name} does not start: nobody puts {secret['key']} into its secret")
                own[entry["name"]] = secrets[secret["key"]] if secret else entry["value"]
            yield Program(overlay, name, container.get("command", command), environment | own)
