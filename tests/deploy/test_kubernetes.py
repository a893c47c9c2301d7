"""The manifests for Kubernetes: one pod, without rights, with settings that exist and probes that tell the truth."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.deployment import DEPLOY, load_settings, read_yaml, remove_database, run_tool
from support.processes import Process
from support.running import free_port
from talkd import config_options
from talkd.config import Config
from talkd.config_options import SECRETS

FILES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SEVERAL = DEPLOY / "kubernetes" / "several"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()


def manifest(kind: str) -> Any:
    """Return the only object of a kind."""
    [found] = [each for each in map(read_yaml, FILES) if each["kind"] == kind]
    return found


def pod() -> Any:
    """Return the pod that runs talkd."""
    return manifest("Deployment")["spec"]["template"]["spec"]


def container() -> Any:
    """Return its only container."""
    [found] = pod()["containers"]
    return found


def environment() -> dict[str, str]:
    """Return the variables of the container."""
    own = {each["name"]: each["value"] for each in container()["env"]}
    return {**manifest("ConfigMap")["data"], **manifest("Secret")["stringData"], **own}


def test_they_follow_the_schemas_of_kubernetes() -> None:
    assert FILES
    run_tool("kubernetes-validate", "--strict", "--quiet", *FILES, *sorted(SEVERAL.glob("*.yaml")))


def test_the_settings_exist_and_talkd_accepts_them() -> None:
    config = load_settings(environment())
    assert config.server.public_url == "https://talk.example.org"
    assert container()["ports"][0]["containerPort"] == config.server.port


def test_secrets_are_in_the_secret_and_have_no_values() -> None:
    assert not any(manifest("Secret")["stringData"].values())
    secrets = {each.variable for each in config_options.list_options(Config()) if each.name in SECRETS}
    assert set(manifest("Secret")["stringData"]) <= secrets
    assert not secrets & set(manifest("ConfigMap")["data"])


def test_names_lead_to_each_other() -> None:
    settings, secrets = container()["envFrom"]
    assert settings["configMapRef"]["name"] == manifest("ConfigMap")["metadata"]["name"]
    assert secrets["secretRef"]["name"] == manifest("Secret")["metadata"]["name"]
    claim = pod()["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert claim == manifest("PersistentVolumeClaim")["metadata"]["name"]
    labels = manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert manifest("Deployment")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert manifest("Service")["spec"]["selector"].items() <= labels.items()
    assert manifest("Service")["spec"]["ports"][0]["targetPort"] == container()["ports"][0]["name"]


def test_without_a_bus_there_is_never_more_than_one_server() -> None:
    spec = manifest("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_several_pods_differ_only_in_what_several_need() -> None:
    one, several = manifest("Deployment")["spec"], read_yaml(SEVERAL / "deployment.yaml")["spec"]
    assert several.pop("replicas") > 1
    assert several.pop("strategy")["rollingUpdate"]["maxUnavailable"] == 0
    del one["replicas"], one["strategy"], several["template"]["spec"]["topologySpreadConstraints"]
    volumes = several["template"]["spec"]["volumes"]
    assert volumes[0].keys() == {"name", "emptyDir"}
    volumes[0] = one["template"]["spec"]["volumes"][0]
    assert several == one


def test_talkd_reaches_nats_by_the_address_in_the_manifests() -> None:
    nats, service = read_yaml(SEVERAL / "nats.yaml"), read_yaml(SEVERAL / "nats-service.yaml")
    secret = (SEVERAL / "secret.yaml").read_text()
    [address] = re.findall(r"^# (nats://\S+)$", secret, re.MULTILINE)
    config = load_settings({"TALKD_BUS": address, "TALKD_DATABASE": "postgresql://db/talkd"})
    hosts = [each.rpartition("@")[2] for each in config.bus.url.split(",")]
    name, port = service["metadata"]["name"], service["spec"]["ports"][0]["port"]
    assert hosts == [f"{nats['metadata']['name']}-{n}.{name}:{port}" for n in range(nats["spec"]["replicas"])]
    assert read_yaml(SEVERAL / "secret.yaml")["stringData"] == {"password": ""}
    assert nats["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]


def test_the_pod_has_no_rights_and_writes_only_into_its_volumes() -> None:
    limits = container()["securityContext"]
    assert limits["readOnlyRootFilesystem"] is True
    assert limits["allowPrivilegeEscalation"] is False
    assert limits["capabilities"] == {"drop": ["ALL"]}
    user = pod()["securityContext"]
    assert user["runAsNonRoot"] is True
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}\n" in CONTAINERFILE
    assert user["fsGroup"] == user["runAsGroup"]
    data = Path(environment()["TALKD_DATA"])
    assert data.parent.as_posix() in [each["mountPath"] for each in container()["volumeMounts"]]
    assert pod()["automountServiceAccountToken"] is False


def test_probes_wait_longer_than_the_check_of_the_database() -> None:
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[name]["timeoutSeconds"] > 5, name
    startup = container()["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > Config().database.start_timeout


def probe(port: int) -> int:
    """Return the exit status of the liveness probe."""
    program, *words = container()["livenessProbe"]["exec"]["command"]
    assert program == "python"
    command = [sys.executable, *(word.replace("8080", str(port)) for word in words)]
    return subprocess.run(command, env=os.environ, stderr=subprocess.DEVNULL, check=False).returncode


def test_a_server_without_its_database_is_alive_and_not_ready(tmp_path: Path) -> None:
    with Process(tmp_path / "data") as process:
        for name in ("startupProbe", "readinessProbe"):
            assert process.admin.get(container()[name]["httpGet"]["path"]).status_code == 200
        remove_database(process)
        assert process.admin.get(container()["readinessProbe"]["httpGet"]["path"]).status_code == 503
        assert probe(process.port) == 0
    assert probe(free_port()) != 0
