"""The CRD: generated files, size, and what a structural schema must and must not have."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from shop_operator.api import ShopService
from shop_operator.api.base import Model
from shop_operator.api.crd import custom_resource_definition
from shop_operator.api.schema import structural
from shop_operator.cli import rbac
from shop_operator.cli.output import dump

from ..generated import check

CRD = custom_resource_definition()
SCHEMA: dict[str, Any] = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
GENERATED = "# Generated from the models in shop_operator.api by: pytest --update-golden operator/tests\n"


def test_the_crd_is_up_to_date(request: pytest.FixtureRequest) -> None:
    check("crds/shopservices.yaml", GENERATED + dump(CRD), request)


def test_the_charts_crd_is_the_same_but_survives_an_uninstall(request: pytest.FixtureRequest) -> None:
    metadata = {**CRD["metadata"], "annotations": {"helm.sh/resource-policy": "keep"}}
    text = dump({**CRD, "metadata": metadata})
    assert "{{" not in text  # it is a template of Helm's
    check("charts/shop-operator/templates/crd.yaml", GENERATED + text, request)


def test_the_charts_role_is_what_the_builders_need(request: pytest.FixtureRequest) -> None:
    generated = "# Generated from shop_operator.cli.rbac by: pytest --update-golden operator/tests\n"
    check("charts/shop-operator/files/rules.yaml", generated + dump(rbac.rules()), request)


def test_it_is_small() -> None:
    assert len(dump(CRD)) < 200 * 1024


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from schemas(field, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from schemas(schema[inner], f"{path}[]")


SPEC = list(schemas(SCHEMA["properties"]["spec"], "spec"))


@pytest.mark.parametrize(("path", "schema"), SPEC, ids=[path for path, _ in SPEC])
def test_every_field_is_bounded_described_and_structural(path: str, schema: dict[str, Any]) -> None:
    assert not {"$ref", "anyOf", "oneOf", "allOf", "const", "title", "nullable", "examples"} & schema.keys()
    assert ("type" in schema) != ("x-kubernetes-int-or-string" in schema)
    assert schema.get("default", 0) is not None
    if not path.endswith("[]"):
        assert schema["description"][0].isupper() or schema["description"].startswith("dedicated")
        assert schema["description"].endswith(".")
        assert "  " not in schema["description"]
        if not isinstance(default := schema.get("default", {}), dict | list):
            words = str(default).lower() if isinstance(default, bool) else str(default)
            assert schema["description"].endswith(f" Default: {words}."), "kubectl explain prints no defaults"
    if schema.get("type") == "array":  # CEL's cost is budgeted
        assert schema["maxItems"] <= 128
        assert schema["x-kubernetes-list-type"] in ("map", "atomic")
    if schema.get("type") == "string":
        assert "maxLength" in schema or "enum" in schema
    if schema.get("type") == "integer":
        assert "minimum" in schema
        assert "maximum" in schema
    if "pattern" in schema:
        re.compile(schema["pattern"])


def test_lists_of_named_things_are_maps() -> None:
    keys = {
        path: schema["x-kubernetes-list-map-keys"]
        for path, schema in SPEC
        if schema.get("x-kubernetes-list-type") == "map"
    }
    assert keys == {
        "spec.imagePullSecrets": ["name"],
        "spec.ports": ["name"],
        "spec.env": ["name"],
        "spec.volumes": ["name"],
        "spec.volumeMounts": ["mountPath"],
        "spec.dependsOn": ["name"],
        "spec.jobs": ["name"],
        "spec.initContainers": ["name"],
        "spec.initContainers[].env": ["name"],
        "spec.initContainers[].volumeMounts": ["mountPath"],
        "spec.sidecars": ["name"],
        "spec.sidecars[].env": ["name"],
        "spec.sidecars[].volumeMounts": ["mountPath"],
        "spec.placement.topologySpread": ["topologyKey", "whenUnsatisfiable"],
    }


def models(model: type[BaseModel]) -> Iterator[type[Model]]:
    for found in model.__subclasses__():
        if issubclass(found, Model):
            yield found
            yield from models(found)


@pytest.mark.parametrize("model", [model for model in models(Model) if model.rules], ids=lambda m: m.__name__)
def test_messages_start_with_the_fields_name(model: type[Model]) -> None:
    for rule in model.rules:
        if rule.field:
            assert rule.message.split()[0] in (rule.field, rule.field + ","), rule
        assert (rule.holds is None) == ("oldSelf" in rule.cel), rule


def test_the_scale_subresource_and_the_columns_lead_to_fields() -> None:
    version = CRD["spec"]["versions"][0]
    scale = version["subresources"]["scale"]
    paths = [*scale.values(), *(column["jsonPath"] for column in version["additionalPrinterColumns"])]
    for path in paths:
        schema = SCHEMA
        for step in re.sub(r"\[.*\].*", "", path).strip(".").split("."):
            if step == "creationTimestamp":
                break
            schema = schema["properties"][step]


def test_a_union_is_refused_since_no_structural_schema_can_say_it() -> None:
    class Odd(BaseModel):
        either: int | str

    with pytest.raises(TypeError, match="union"):
        structural(Odd)


def test_a_fields_own_words_come_before_its_types() -> None:
    database = SCHEMA["properties"]["spec"]["properties"]["database"]
    assert database["description"].startswith("Give the service a PostgreSQL database")
    assert structural(ShopService)["description"].startswith("One microservice")
