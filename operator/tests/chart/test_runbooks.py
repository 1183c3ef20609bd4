"""Whoever is woken finds what to do: one section per alert, with commands."""

import re
from itertools import chain
from typing import Any

import pytest
import yaml

from ..children import golden
from ..generated import REPOSITORY

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
SECTIONS = {
    (file.name, title): text
    for file in RUNBOOKS.glob("*.md")
    for title, text in re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", file.read_text(), re.S | re.M)
}

OF_CHARTS = ("shop-operator/files/alerts.yaml", "shop/alerts.yaml")


def alerts() -> list[dict[str, Any]]:
    charts = [yaml.safe_load((REPOSITORY / "charts" / file).read_text()) for file in OF_CHARTS]
    rules = next(c for c in golden.case("objectives").children() if c["kind"] == "PrometheusRule")
    groups = chain(*charts, rules["spec"]["groups"])
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


ALERTS = {rule["alert"]: rule for rule in alerts()}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_its_section(alert: str) -> None:
    address = ALERTS[alert]["annotations"]["runbook_url"]
    file, _, anchor = address.rpartition("/")[2].partition("#")
    assert anchor == alert.lower()
    text = SECTIONS[file, alert]
    assert re.search(r"^```sh\n(kubectl|promtool|# )", text, re.M), "there is no command to begin with"


def test_no_section_is_about_nothing() -> None:
    assert {title for _, title in SECTIONS} == ALERTS.keys()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_who_is_to_look_and_at_what(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}


def test_links_between_runbooks_lead_somewhere() -> None:
    for file in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", file.read_text()):
            name, _, anchor = target.partition("#")
            other = name or file.name
            assert (RUNBOOKS / other).exists(), target
            assert not anchor or anchor in {title.lower() for found, title in SECTIONS if found == other}, (
                target
            )
