"""Writes the alerts once more, as Kubernetes wants them: `python xtask/deploy/rules.py`. A test keeps
the two equal."""

import yaml

import files

ALERTS = files.DEPLOY / "prometheus/alerts.yml"
RULE = files.KUBERNETES / "base/alerts.yaml"
HEAD = """# Written by xtask/deploy/rules.py from ../../prometheus/alerts.yml: change that one. The links are made
# whole by the overlay, or by an external label `runbook` of the Prometheus.
"""


def rule():
    """The PrometheusRule of the Prometheus operator, with the groups as they are."""
    thing = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "marketplace", "labels": {"app": "marketplace"}},
        "spec": yaml.safe_load(ALERTS.read_text()),
    }
    return HEAD + yaml.safe_dump(thing, sort_keys=False, width=1000)


if __name__ == "__main__":
    RULE.write_text(rule())
