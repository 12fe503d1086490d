"""The chart, rendered by Helm's own engine in every shape that it has, held against Kubernetes' schemas, and its
settings against the program. Prints what `cargo xtask test` counts.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    ANTEROOM_BIN=../../target/debug/anteroom .venv/bin/python chart.py
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

import helm_python as helm
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "packaging/helm/anteroom"
PROGRAM = os.environ.get("ANTEROOM_BIN", str(ROOT / "target/debug/anteroom"))
# The oldest that the chart names, and a late one.
KUBERNETES = ["1.28", "1.34"]
# Kubernetes has no schema of what others define.
OF_OTHERS = {"ServiceMonitor"}

SECRETS = {
    "auth": {"existingSecret": "anteroom"},
    "postgres": {"existingSecret": "stores", "key": "postgres"},
    "redis": {"existingSecret": "stores", "key": "redis"},
}
CLUSTER = {"cluster": {"enabled": True}, **SECRETS}
RABBIT = {
    "cluster": {"enabled": True, "replicas": 5, "bus": "rabbitmq", "strategy": "conditional"},
    "auth": SECRETS["auth"],
    "postgres": SECRETS["postgres"],
    "rabbitmq": {"existingSecret": "stores", "key": "rabbitmq"},
}
OUTSIDE = {
    "ingress": {"enabled": True, "host": "chat.example.org", "tlsSecret": "chat-tls"},
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
}
ODD = {
    "settings": {
        "admission": {"grace": "5s", "reservations_per_user": 7},
        "auth": {"guests": False},
        "server": {"connections_max": 1000000},
    },
    "trustedProxies": ["10.0.0.2", "10.244.0.0/16", "fd00::/8"],
    "persistence": {"enabled": False},
    "networkPolicy": {"from": [{"namespaceSelector": {}}], "metricsFrom": [{"podSelector": {}}]},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "chat", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "registry"}],
    "podLabels": {"team": "chat"},
    "serviceAccount": {"create": False},
    "preStopSeconds": 0,
}
SHAPES = {
    "one node": {},
    "one node, outside": OUTSIDE,
    "one node, odd": ODD,
    "three nodes": CLUSTER,
    "three nodes, outside": {**CLUSTER, **OUTSIDE},
    "five nodes over RabbitMQ": RABBIT,
}
# What stands in the secrets; the ordinal of a pod is told as its number.
VALUES = {
    ("anteroom", "secret"): "9f2c4b7e1a6d8053e4b1c97f20da5386",
    ("stores", "postgres"): "postgres://chat:7c1e9b2d4f@postgres/chat",
    ("stores", "redis"): "redis://redis/",
    ("stores", "rabbitmq"): "amqp://rabbitmq/%2f",
}


def render(values):
    with helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name="chat", namespace="talk")
    notes = next(text for name, text in files.items() if name.endswith("NOTES.txt"))
    documents = [
        document
        for name, text in files.items()
        if name.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document
    ]
    return documents, notes


def kinds(documents, kind):
    return [it for it in documents if it["kind"] == kind]


def pod(documents):
    [nodes] = kinds(documents, "StatefulSet")
    return nodes, nodes["spec"]["template"]["spec"], nodes["spec"]["template"]["spec"]["containers"][0]


def environment(documents):
    """What the program would be given as its environment."""
    _, _, container = pod(documents)
    [settings] = kinds(documents, "ConfigMap")
    given = dict(settings["data"])
    for variable in container.get("env", []):
        source = variable["valueFrom"]
        if "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            given[variable["name"]] = VALUES[reference["name"], reference["key"]]
        else:
            assert "pod-index" in source["fieldRef"]["fieldPath"]
            given[variable["name"]] = "1"
    return given


def config(given, *question):
    with tempfile.TemporaryDirectory() as empty:
        return subprocess.run([PROGRAM, "config", *question], env=given, cwd=empty, capture_output=True, text=True)


def refused(values):
    """What is said to somebody who wants that."""
    try:
        render(values)
    except helm.HelmError as error:
        return str(error)
    raise AssertionError(f"{values} is taken")


def test_every_shape_is_what_kubernetes_understands():
    for shape, values in SHAPES.items():
        documents, notes = render(values)
        assert len(documents) >= 5 and len(notes) > 100, shape
        for document in documents:
            assert document["metadata"]["name"], shape
            if document["kind"] in OF_OTHERS:
                continue
            for version in KUBERNETES:
                kubernetes_validate.validate(document, version, strict=True)


def test_the_chart_is_well_formed():
    said = [it["error"] for it in helm.lint(str(CHART))["messages"]]
    assert said == ["icon is recommended"], said


def test_the_chart_is_of_this_release():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    program = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.split()
    assert chart["appVersion"] == program[1], program


def test_the_program_takes_the_settings_of_every_shape():
    for shape, values in SHAPES.items():
        checked = config(environment(render(values)[0]), "check")
        assert checked.returncode == 0, f"{shape}: {checked.stderr}"


def test_settings_arrive_as_they_were_meant():
    shown = config(environment(render(ODD)[0]), "print").stdout
    for line in [
        'grace = "5s"',
        "reservations_per_user = 7",
        "guests = false",
        "connections_max = 1000000",
    ]:
        assert line in shown, f"{line} in {shown}"
    assert '"10.0.0.2"' in shown and '"10.244.0.0/16"' in shown and '"fd00::/8"' in shown, shown


def test_nobody_in_a_pod_may_do_more_than_the_program_needs():
    for shape, values in SHAPES.items():
        _, spec, container = pod(render(values)[0])
        assert spec["securityContext"]["runAsNonRoot"] is True, shape
        assert spec["automountServiceAccountToken"] is False, shape
        # Variables of Kubernetes' own would be unknown settings.
        assert spec["enableServiceLinks"] is False, shape
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True, shape
        assert rights["allowPrivilegeEscalation"] is False, shape
        assert rights["capabilities"] == {"drop": ["ALL"]}, shape
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"]:
            assert container[probe]["httpGet"]["path"] in ["/healthz", "/readyz"], shape


def test_one_node_has_a_volume_and_nobody_beside_it():
    documents, notes = render({})
    nodes, _, _ = pod(documents)
    assert nodes["spec"]["replicas"] == 1
    assert [it["metadata"]["name"] for it in nodes["spec"]["volumeClaimTemplates"]] == ["data"]
    assert not kinds(documents, "PodDisruptionBudget")
    [policy] = kinds(documents, "NetworkPolicy")
    assert policy["spec"]["egress"] == []
    assert "port-forward" in notes
    named = {**OUTSIDE, "trustedProxies": ["10.244.0.0/16"]}
    assert "EVERYBODY SEEMS" in render(OUTSIDE)[1] and "EVERYBODY SEEMS" not in render(named)[1]


def test_nodes_of_a_cluster_are_numbered_from_one_and_keep_nothing_themselves():
    documents, notes = render({**CLUSTER, **OUTSIDE})
    nodes, spec, _ = pod(documents)
    assert nodes["spec"]["replicas"] == 3
    assert nodes["spec"]["ordinals"] == {"start": 1}
    assert "volumeClaimTemplates" not in nodes["spec"]
    assert {"name": "data", "emptyDir": {}} in spec["volumes"]
    assert len(kinds(documents, "PodDisruptionBudget")) == 1
    sticky = [it for it in kinds(documents, "Ingress") if it["metadata"]["name"].endswith("-sockjs")]
    assert "nginx.ingress.kubernetes.io/upstream-hash-by" in sticky[0]["metadata"]["annotations"]
    given = environment(documents)
    assert given["ANTEROOM_SERVER__PUBLIC_URL"] == "https://chat.example.org"
    # A pod has longer to stop than the program takes.
    shown = config(given, "print").stdout
    takes = sum(int(shown.split(f'{name} = "')[1].split("s")[0]) for name in ["drain", "shutdown_grace"])
    assert takes + 5 < spec["terminationGracePeriodSeconds"], takes


def test_what_is_scraped_has_the_name_that_the_alerts_have():
    documents, _ = render(OUTSIDE)
    [monitor] = kinds(documents, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    [scraped] = [it for it in kinds(documents, "Service") if wanted <= it["metadata"]["labels"].items()]
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [it["name"] for it in scraped["spec"]["ports"]]
    job = scraped["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'up{{job="{job}"}}' in (ROOT / "docs/grafana/alerts.yaml").read_text(), job


def test_what_cannot_work_is_refused_in_words():
    for values, words in [
        ({"cluster": {"enabled": True}}, "auth.existingSecret"),
        ({"cluster": {"enabled": True}, "auth": SECRETS["auth"]}, "postgres.existingSecret"),
        ({**CLUSTER, "redis": {"existingSecret": ""}}, "redis.existingSecret"),
        ({**RABBIT, "rabbitmq": {"existingSecret": ""}}, "rabbitmq.existingSecret"),
        ({"cluster": {"enabled": True, "replicas": 0}}, "replicas"),
        ({"clutser": {}}, "clutser"),
        ({"trustedProxies": ["the ingress"]}, "trustedProxies"),
        ({"settings": {"auth": {"guests": {"no": 1}}}}, "guests"),
    ]:
        said = refused(values)
        assert words in said, f"{values}: {said}"
    unknown = config(environment(render({"settings": {"auth": {"gests": False}}})[0]), "check")
    assert unknown.returncode != 0 and "auth.guests" in unknown.stderr, unknown.stderr


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
            print(f"ok - {name}")
        except Exception:
            failed += 1
            print(f"not ok - {name}")
            traceback.print_exc()
    print(f"# pass {passed}\n# fail {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
