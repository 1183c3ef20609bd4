"""What holds between services that may not import one another, nor what the chassis expects of them."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from shop.local.members import MEMBERS
from shop_chassis.erasure import PersonalData
from shop_chassis.identity import ServiceRequired
from shop_chassis.revocation import Revoked
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.tables import utc_now
from shop_contracts.user import events as user
from shop_user.personal import ROUTE
from shop_user.service import HOLDERS


def test_the_chassis_reads_the_events_of_user() -> None:
    assert PersonalData.topic == f"{user.STREAM}.{user.ERASED}"
    assert Settings().auth_revocations == f"{user.STREAM}.{user.SESSION_REVOKED}"
    now = utc_now()
    published = user.SessionRevoked(subject="ann", revoked_before=now)
    assert Revoked.model_validate(published.model_dump(mode="json")) == Revoked(
        subject="ann", revoked_before=now
    )
    assert set(Revoked.model_fields) <= set(user.SessionRevoked.model_fields)


def test_an_export_asks_whoever_holds_something() -> None:
    """How they answer is the chassis' route, before which user's own tests stand; that nobody is left out is
    not seen from either side."""
    holders = {
        member.name
        for member in MEMBERS
        if any(route.path == ROUTE for router in member.load().routers for route in router.routes)
    }
    assert holders == set(HOLDERS)


def callers_of(service: Service) -> Iterator[frozenset[str]]:
    """Of each route that only services may call: which ones."""
    for router in service.routers:
        for route in router.routes:
            for needed in getattr(route, "dependant").dependencies:  # noqa: B009 - of a route of FastAPI
                if isinstance(needed.call, ServiceRequired):
                    yield needed.call.services


def test_a_second_shopservice_of_an_image_is_let_in_where_the_first_one_is() -> None:
    """It runs the same code under a name of its own, by which callees know it."""
    files = Path(__file__).parents[2].glob("*/shopservice.yaml")
    declared = [yaml.safe_load(file.read_text()) for file in files]
    services = {member.name: member.load() for member in MEMBERS}
    asked = 0
    for each in declared:
        name, first = each["metadata"]["name"], each["spec"]["image"].rpartition("/")[2]
        for callee in each["spec"].get("dependsOn", []) if name != first else []:
            for callers in callers_of(services[callee["name"]]):
                asked += 1
                assert (name in callers) == (first in callers), f"{callee['name']}: {sorted(callers)}"
    assert asked, "a worker asks user"
