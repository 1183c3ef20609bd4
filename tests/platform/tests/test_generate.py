import json
import subprocess

import pytest
import yaml
from shop_platform import generate
from shop_platform.images import sources
from shop_platform.kind import find_tools
from shop_platform.paths import CHARTS, MANIFESTS, ROOT, SERVICES
from shop_platform.platform import CONFIG, PORTS, Platform

needs_helm = pytest.mark.skipif(not find_tools().helm.exists(), reason="helm is built by `make tools`")


def test_the_chart_holds_the_services_as_they_are():
    assert generate.stale(generate.chart_files(), generate.CHART_FILES) == [], "run `shop-platform generate`"


def test_the_dashboards_are_those_that_the_code_draws():
    assert generate.differing(generate.dashboard_files()) == [], "run `shop-platform generate`"


def test_stale_missing_and_left_over_files_are_found(tmp_path):
    (tmp_path / "same.yaml").write_text("a")
    (tmp_path / "other.yaml").write_text("b")
    (tmp_path / "left.yaml").write_text("c")
    wanted = {tmp_path / "same.yaml": "a", tmp_path / "other.yaml": "x", tmp_path / "new.yaml": "y"}
    assert [path.name for path in generate.stale(wanted, tmp_path)] == ["left.yaml", "new.yaml", "other.yaml"]
    generate.write(wanted, tmp_path)
    assert generate.stale(wanted, tmp_path) == []


def test_skaffold_builds_and_deploys_every_service():
    found = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    names = sources()
    images = sorted(set(names.values()))
    assert [artifact["image"] for artifact in found["build"]["artifacts"]] == [
        f"shop/{image}" for image in ("operator", *images)
    ]
    (shop,) = [release for release in found["deploy"]["helm"]["releases"] if release["name"] == "shop"]
    assert list(shop["setValueTemplates"]) == [f"images.{name}" for name in names]
    ports = {f"services.{name}.spec.expose.nodePort": port for name, port in PORTS.items() if name in names}
    assert {key: value for key, value in shop["setValues"].items() if key.endswith("nodePort")} == ports
    (watch,) = found["profiles"]
    assert [patch["path"] for patch in watch["patches"]] == [
        f"/build/artifacts/{number}/docker/target" for number, _ in enumerate(images, 1)
    ]


def test_every_port_of_the_shop_is_mapped_to_this_machine():
    (node,) = yaml.safe_load(CONFIG.read_text())["nodes"]
    mapped = {one["hostPort"] for one in node["extraPortMappings"] if one["hostPort"] == one["containerPort"]}
    assert mapped == set(PORTS.values())


def test_services_have_addresses_on_this_machine_and_the_bank_knows_its_own():
    platform = Platform(env={"logistics": {"SECONDS_PER_HOP": "5"}})
    assert platform.services(["logistics", "order", "testgateway"]) == {
        "logistics": {
            "env": {"SECONDS_PER_HOP": "5"},
            "spec": {"expose": {"type": "NodePort", "nodePort": PORTS["logistics"]}},
        },
        "testgateway": {
            "env": {"PUBLIC_URL": f"http://127.0.0.1:{PORTS['testgateway']}"},
            "spec": {"expose": {"type": "NodePort", "nodePort": PORTS["testgateway"]}},
        },
    }


def test_catalog_keeps_pictures_in_media_storage_and_may_go_there():
    given = Platform().services(["catalog"])["catalog"]
    assert given["env"]["MEDIA_ENDPOINT"] == "http://media.media.svc:7070"
    assert given["spec"]["networkPolicy"]["egress"] == [{"namespace": "media", "ports": [{"port": 7070}]}]
    elsewhere = Platform(env={"catalog": {"MEDIA_URL": "s3://other"}}).services(["catalog"])["catalog"]
    assert elsewhere["env"]["MEDIA_URL"] == "s3://other"


@pytest.mark.cluster
@needs_helm
def test_manifests_are_what_the_charts_render():
    assert generate.stale(generate.manifest_files(), MANIFESTS) == [], "run `shop-platform generate`"


def template(*flags):
    words = [
        find_tools().helm,
        "template",
        "shop",
        CHARTS / "shop",
        "-n",
        "shop",
        "--kube-version=1.30",
        *flags,
    ]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.mark.cluster
@needs_helm
def test_the_chart_is_clean():
    done = subprocess.run(
        [find_tools().helm, "lint", "--strict", CHARTS / "shop"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.cluster
@needs_helm
def test_values_set_images_and_fields():
    done = template(
        "--set=images.catalog=registry.example.com/c@sha256:abc",
        "--set=services.catalog.spec.autoscaling.max=20",
        "--set=services.cart.enabled=false",
        "--set=imageTag=1.2.3",
    )
    rendered = [one for one in yaml.safe_load_all(done.stdout) if one]
    objects = {one["metadata"]["name"]: one for one in rendered if one["kind"] == "ShopService"}
    names = {file.parent.name for file in SERVICES.glob("*/shopservice.yaml")}
    assert objects.keys() == names - {"cart"}
    assert objects["catalog"]["spec"]["image"] == "registry.example.com/c@sha256:abc"
    assert objects["catalog"]["spec"]["autoscaling"]["max"] == 20
    assert objects["notification"]["spec"]["image"] == "shop/notification:1.2.3"
    assert objects["notification-worker"]["spec"]["image"] == "shop/notification:1.2.3"
    assert [one["metadata"]["name"] for one in rendered if one["kind"] == "PersistentVolumeClaim"] == [
        "testgateway-data"
    ]


@pytest.mark.cluster
@needs_helm
def test_without_the_test_gateway_there_is_no_volume_of_it():
    done = template("--set=services.testgateway.enabled=false,dashboards.enabled=false")
    assert {one["kind"] for one in yaml.safe_load_all(done.stdout) if one} == {"ShopService"}


@pytest.mark.cluster
@needs_helm
def test_single_variables_are_set_and_the_others_stay():
    done = template(
        "--set-string=services.logistics.env.SECONDS_PER_HOP=5",
        "--set-string=services.order-processing.env.PACK_SECONDS=8",
    )
    objects = {one["metadata"]["name"]: one for one in yaml.safe_load_all(done.stdout) if one}
    env = {name: objects[name]["spec"]["env"] for name in ("logistics", "order-processing")}
    values = {name: {one["name"]: one["value"] for one in listed} for name, listed in env.items()}
    assert values["logistics"] == {
        "AUTH_JWKS": "/etc/shop-auth/jwks.json",
        "CARRIER_SECRETS": "/etc/carriers",
        "SECONDS_PER_HOP": "5",
    }
    assert values["order-processing"] == {"AUTH_JWKS": "/etc/shop-auth/jwks.json", "PACK_SECONDS": "8"}
    assert len(env["logistics"]) == 3


@pytest.mark.cluster
@needs_helm
def test_every_service_tells_its_spans_where_it_is_said_and_may():
    collector = "--set=traces.endpoint=http://otel.monitoring.svc:4318,traces.egress[0].namespace=monitoring"
    for flags, told in (((), []), ((collector, "--set-string=traces.ratio=0.1"), ["0.1"])):
        objects = [one for one in yaml.safe_load_all(template(*flags).stdout) if one]
        for service in (one["spec"] for one in objects if one["kind"] == "ShopService"):
            env = {one["name"]: one.get("value") for one in service.get("env", [])}
            assert [env[name] for name in env if name == "OTEL_TRACES_SAMPLER_ARG"] == told
            assert ("OTEL_EXPORTER_OTLP_ENDPOINT" in env) is bool(told)
            ways = service.get("networkPolicy", {}).get("egress", [])
            assert ({"namespace": "monitoring"} in ways) is bool(told)


@pytest.mark.cluster
@needs_helm
def test_the_dashboards_are_those_of_this_namespace_and_found_by_label():
    done = template("--set=dashboards.labels.folder=x", "--namespace=elsewhere")
    maps = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "ConfigMap"]
    assert {next(iter(one["data"])) for one in maps} == {
        f"elsewhere.shop-{name}.json" for name in ("autoscaling", "events", "shop", "slo")
    }
    for one in maps:
        assert {"grafana_dashboard": "1", "folder": "x"}.items() <= one["metadata"]["labels"].items()
        (text,) = one["data"].values()
        variables = {each["name"]: each["query"] for each in json.loads(text)["templating"]["list"]}
        assert variables["namespace"] == "elsewhere"


@pytest.mark.cluster
@needs_helm
@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--set=services.nope.enabled=true", "services.nope"),
        ("--set=imageTag=latest", "imageTag"),
        ("--set=imageRegistri=x", "imageRegistri"),
        ("--set=services.logistics.env.SECONDS_PER_HOP=5", "SECONDS_PER_HOP"),
    ],
)
def test_wrong_values_are_refused_by_name(flag, named):
    done = template(flag)
    assert done.returncode != 0
    assert named in done.stderr
