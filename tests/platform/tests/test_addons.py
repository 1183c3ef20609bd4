import json
import re

import pytest
import yaml
from kindlocal import pins
from shop_platform.addons import (
    ADDONS,
    OVERLAYS,
    PACKAGED,
    Built,
    archives_in,
    exporters,
    recipe,
    stage,
    values,
)
from shop_platform.digest import files_below
from shop_platform.process import Failure

VERSIONS = {
    "github.com/kedacore/keda/v2": "v2.21.0",
    "sigs.k8s.io/metrics-server": "v0.9.0",
    "github.com/prometheus/prometheus": "v0.315.2",
    "github.com/prometheus-operator/prometheus-operator": "v0.85.0",
    "github.com/nats-io/nats-server/v2": "v2.15.2",
    "github.com/versity/versitygw": "v1.8.0",
}


@pytest.fixture
def built(tmp_path):
    """A cache as kindlocal-build leaves it, with small modules."""
    modules = {}
    for module, version in VERSIONS.items():
        folder = tmp_path / "mod" / f"{module}@{version}"
        for name in ("config/default", "manifests/base"):
            (folder / name).mkdir(parents=True)
            (folder / name / "kustomization.yaml").write_text("resources: []\n")
        (folder / "bundle.yaml").write_text("kind: List\n")
        modules[module] = str(folder)
    images = {"keda": {"reference": "ghcr.io/kedacore/keda:2.21.0", "archive": "images/keda.tar"}}
    images["alertmanager"] = {
        "reference": "quay.io/prometheus/alertmanager:v0.25.0",
        "archive": "images/a.tar",
    }
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "images.json").write_text(json.dumps(images))
    return Built(tmp_path)


def test_versions_come_from_the_modules(built):
    assert values(built) == {
        "KEDA": "2.21.0",
        "METRICS_SERVER": "0.9.0",
        "PROMETHEUS": "3.15.2",
        "ALERTMANAGER": "0.25.0",
        "BUSYBOX": "1.35.0",
        "NATS": "2.15.2",
        "VERSITYGW": "1.8.0",
    }


def test_the_exporters_are_those_that_were_made_here_or_else_pinned(built, tmp_path):
    repository = "docker.io/oliver006/redis_exporter"
    assert exporters(built)["redisExporterImage"] == f"{repository}:v{PACKAGED[repository]}"
    images = json.loads((tmp_path / "images.json").read_text())
    images["redis-exporter"] = {"reference": f"{repository}:v1.99.0", "archive": "images/r.tar"}
    (tmp_path / "images.json").write_text(json.dumps(images))
    assert exporters(built)["redisExporterImage"] == f"{repository}:v1.99.0"
    assert archives_in(exporters(built)["redisExporterImage"], built) == [str(tmp_path / "images/r.tar")]


def test_what_is_made_from_packages_here_is_what_is_pulled_elsewhere():
    made = {image.reference.partition(":v{")[0] for image in pins.ADDON_IMAGES if image.debian}
    assert made == PACKAGED.keys()


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_a_staged_overlay_is_whole(addon, built, tmp_path):
    folder = tmp_path / "staged"
    stage(addon, built, folder)
    texts = [file.read_text() for file in files_below([folder]) if file.suffix == ".yaml"]
    assert not [text for text in texts if "${" in text], "every version is known"
    for text in texts:
        list(yaml.safe_load_all(text))
    resources = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert all((folder / resource).exists() for resource in resources)


def test_every_overlay_is_an_addon():
    assert {folder.name for folder in OVERLAYS.iterdir()} == {addon.name for addon in ADDONS}


def test_a_changed_version_changes_the_recipe(built, tmp_path):
    keda = next(addon for addon in ADDONS if addon.name == "keda")
    before = recipe(keda, built)
    assert recipe(keda, built) == before
    modules = json.loads((tmp_path / "modules.json").read_text())
    old = tmp_path / "mod" / "github.com/kedacore/keda/v2@v2.21.0"
    modules["github.com/kedacore/keda/v2"] = str(old.rename(old.with_name("v2@v2.22.0")))
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert recipe(keda, built) != before


def test_only_images_that_are_named_are_loaded(built, tmp_path):
    manifests = "image: ghcr.io/kedacore/keda:2.21.0\n---\nimage: nginx\n"
    assert archives_in(manifests, built) == [str(tmp_path / "images/keda.tar")]


def test_without_the_sources_it_says_what_to_do(tmp_path):
    with pytest.raises(Failure, match="make tools"):
        Built(tmp_path).source("sigs.k8s.io/metrics-server")


def test_the_config_reloaders_arguments_are_those_of_the_pinned_prometheus_operator():
    pinned = next(one.version for one in pins.MODULES if one.name == "prometheus-operator")
    (copied,) = re.findall(
        r"as prometheus-operator (\S+) makes it", (OVERLAYS / "monitoring" / "prometheus.yaml").read_text()
    )
    assert copied == pinned, (
        f"addons/monitoring/prometheus.yaml replaces all arguments of the config-reloader by those that "
        f"prometheus-operator {copied} gives it, but for --watch-interval; pinned is {pinned} now. Remove "
        "the entry from spec.containers, run `make up`, compare with `kubectl -n monitoring get statefulset "
        "prometheus-prometheus -o yaml`, put it back as that has it, and name the new version in its comment"
    )


def test_prometheus_is_given_the_scrape_of_containers_by_its_name():
    folder = OVERLAYS / "monitoring"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (secret,) = kustomization["secretGenerator"]
    documents = list(yaml.safe_load_all((folder / "prometheus.yaml").read_text()))
    prometheus = next(one for one in documents if one["kind"] == "Prometheus")
    named = prometheus["spec"]["additionalScrapeConfigs"]
    assert named == {"name": secret["name"], "key": secret["files"][0]}
    assert kustomization["generatorOptions"]["disableNameSuffixHash"] is True
    (scrape,) = yaml.safe_load((folder / named["key"]).read_text())
    assert scrape["job_name"] == "containers"
