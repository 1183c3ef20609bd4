import base64
import json
from pathlib import Path

import pytest
import yaml
from shop_platform import media
from shop_platform.addons import OVERLAYS
from shop_platform.kubectl import Kubectl
from shop_platform.paths import SERVICES
from shop_platform.process import Failure


class Remembering(Kubectl):
    """A cluster that has Secrets alone, by namespace and name."""

    def __init__(self):
        super().__init__(Path("kubectl"), "shop")
        self.__dict__["secrets"] = {}

    def get(self, kind, name, _, namespace):
        return self.secrets.get((namespace, name), {})

    def __call__(self, verb, *_, stdin):
        assert verb == "create"
        assert self._key(stdin) not in self.secrets, "AlreadyExists"
        self.apply(stdin)

    def apply(self, manifests):
        secret = json.loads(manifests)
        plain = {
            key: base64.b64encode(text.encode()).decode()
            for key, text in secret.get("stringData", {}).items()
        }
        self.secrets[self._key(manifests)] = {"data": plain | secret.get("data", {})}

    def _key(self, text):
        metadata = json.loads(text)["metadata"]
        return metadata["namespace"], metadata["name"]


def test_credentials_are_made_once_and_the_shop_has_the_same():
    cluster = Remembering()
    media.ensure(cluster)
    media.lend(cluster, "shop")
    first = cluster.secrets["media", "media"]
    assert len(base64.b64decode(first["data"]["password"])) >= 40
    media.ensure(cluster)
    assert cluster.secrets["media", "media"] == cluster.secrets["shop", "shop-media"] == first


def test_credentials_of_an_earlier_server_are_replaced():
    cluster = Remembering()
    cluster.secrets["shop", "shop-media"] = {"data": {"username": "b2xk", "password": "b2xk"}}
    media.ensure(cluster)
    media.lend(cluster, "shop")
    assert cluster.secrets["shop", "shop-media"] == cluster.secrets["media", "media"]


def test_without_the_addon_it_says_what_to_do():
    with pytest.raises(Failure, match="make up"):
        media.lend(Remembering(), "shop")


def test_the_addon_and_catalog_agree_with_what_is_told():
    objects = list(yaml.safe_load_all((OVERLAYS / "media" / "media.yaml").read_text()))
    service, deployment = (
        next(each for each in objects if each["kind"] == kind) for kind in ("Service", "Deployment")
    )
    (port,) = service["spec"]["ports"]
    host = f"{service['metadata']['name']}.{media.NAMESPACE}.svc"
    assert media.ENV["MEDIA_ENDPOINT"] == f"http://{host}:{port['port']}"
    assert media.EGRESS["ports"] == [{"port": port["port"]}]
    (bucket,) = deployment["spec"]["template"]["spec"]["initContainers"]
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    assert media.ENV["MEDIA_URL"].replace("s3:/", server["args"][-1]) in bucket["command"]
    catalog = yaml.safe_load((SERVICES / "catalog" / "shopservice.yaml").read_text())["spec"]
    assert {"secretName": media.LENT, "optional": True} in [each.get("secret") for each in catalog["volumes"]]
