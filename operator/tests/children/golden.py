"""The golden cases: a ShopService in, its children out, both to be read by people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from shop_operator.api import InvalidSpec, ShopService, parse
from shop_operator.children import Caller, Context, Issuer, Lender, Manifest, build, gaps
from shop_operator.children.scripts import folder
from shop_operator.cli.output import dump
from shop_operator.settings import Settings

ROOT = Path(__file__).parent / "golden"
NAMES = sorted(path.name for path in ROOT.iterdir())
REFUSED = [name for name in NAMES if name.startswith("refused-")]
ACCEPTED = [name for name in NAMES if name not in REFUSED]
UNRESTRICTED = [name for name in ACCEPTED if name.startswith("unrestricted-")]
"""Whose pods leave the restricted profile, by podTemplate."""

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

_SCRIPTS = {
    text: f"<scripts/{kind}/{name}>" for kind in ("postgres", "redis") for name, text in folder(kind).items()
}


@dataclass(frozen=True)
class Case:
    """One case: the object as a person wrote it, and what surrounds it."""

    obj: Mapping[str, Any]
    context: Context

    @cached_property
    def shop(self) -> ShopService:
        return parse(self.obj)

    def children(self) -> list[Manifest]:
        return build(self.shop, self.context)

    def output(self) -> str:
        """What output.yaml holds; scripts by their file's name."""
        try:
            shop = self.shop
        except InvalidSpec as error:
            return dump(
                {"kind": "InvalidSpec", "errors": [{field: message} for field, message in error.errors]}
            )
        children = [_without_scripts(child) for child in build(shop, self.context)]
        missing = [
            {"kind": "Gap", **{key: value for key, value in vars(gap).items() if value is not None}}
            for gap in gaps(shop, self.context)
        ]
        return dump(*children, *missing)


@cache
def case(name: str) -> Case:
    """Read a case; an optional first document, of kind Context, says what surrounds the service."""
    documents = list(yaml.safe_load_all((ROOT / name / "input.yaml").read_text()))
    around = documents[0] if len(documents) > 1 else {}
    return Case(
        obj=documents[-1],
        context=Context(
            settings=Settings.model_validate(around.get("settings", {})),
            kinds=frozenset(around.get("kinds", ())),
            dependants=frozenset(_caller(*text.split("/")) for text in around.get("dependants", ())),
            issuer=Issuer(**around["issuer"]) if "issuer" in around else None,
            autoscalers=frozenset(around.get("autoscalers", ())),
            secrets=around.get("secrets", {}),
            claims=around.get("claims", {}),
            external=frozenset(around["external"]) if "external" in around else None,
            sharers=frozenset(around.get("sharers", ())),
            lender=Lender(**around["lender"]) if "lender" in around else None,
            completed=frozenset(around.get("completed", ())),
            now=lambda: NOW,
            generate=lambda: "generated",
        ),
    )


def _caller(namespace: str, name: str, service_account: str = "") -> Caller:
    return Caller(namespace, name, service_account or name)


def pods(children: list[Manifest]) -> list[tuple[str, dict[str, Any]]]:
    """The pod specs among the children, with the names of their owners."""
    made_by = {"CronJob": lambda child: child["spec"]["jobTemplate"]}
    made_by |= dict.fromkeys(("Deployment", "StatefulSet", "Job"), lambda child: child)
    return [
        (
            f"{child['kind']}/{child['metadata']['name']}",
            made_by[child["kind"]](child)["spec"]["template"]["spec"],
        )
        for child in children
        if child["kind"] in made_by
    ]


def _without_scripts(child: Manifest) -> Manifest:
    if child["kind"] != "ConfigMap":
        return child
    return {**child, "data": {name: _shown(name, text) for name, text in child["data"].items()}}


def _shown(name: str, text: str) -> Any:
    """A script by its file's name; of a dashboard its panels' titles."""
    if not name.endswith(".json"):
        return _SCRIPTS.get(text, text)
    found = json.loads(text)
    panels = found.get("panels", ()) if isinstance(found, dict) else ()
    return [panel["title"] if panel["type"] == "row" else f"- {panel['title']}" for panel in panels] or text
