"""Credentials of a database or cache: two logins that take turns, in two Secrets that heal from each other.

`<store>-logins` has the passwords of both logins and says which of them is current; only the store's own pods
see it. `<store>` is the binding, which has the current login alone and is what the service sees. Each holds
what it takes to make the other again, so one that is deleted or edited comes back as it was, and no client
notices. With both gone, both logins get new passwords, and store and service follow as their mounts do.

A rotation is that of "alternating users" (AWS Secrets Manager): the login that is not current gets a new
password; when a Job has logged in with it, it becomes current. So no client is ever given a password that the
server does not take yet, however long a kubelet needs to bring a Secret into a pod. The login before stays
valid until the next rotation.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shop_operator.api import Credentials, ShopService
from shop_operator.children.context import Context, Gap, Manifest
from shop_operator.children.meta import APPLY_POLICY, Component, labels, manifest
from shop_operator.children.pod import TMP_VOLUME, security

MOUNT = "/logins"
SETTLED = timedelta(minutes=3)
"""How long a pod may still be given the login that is no longer current: a kubelet brings a changed Secret
into its pods within 90 s. Until then that login's password must not change again."""
_OTHER = {"a": "b", "b": "a"}


@dataclass(frozen=True)
class Logins:
    """What the Secret `<store>-logins` says."""

    store: str
    passwords: Mapping[str, str]
    current: str
    """a or b."""
    revision: str
    """`credentials.revision` as it was when the current login became current."""
    since: str = ""
    """When that was (RFC 3339); empty when it was so from the start."""
    next: str = ""
    """While a rotation is under way: its revision, a dot, and a word of its own for the new password."""

    @property
    def other(self) -> str:
        """The login that is not current."""
        return _OTHER[self.current]

    @property
    def password(self) -> str:
        """Of the current login."""
        return self.passwords[self.current]

    @property
    def job(self) -> str | None:
        """Name of the Job that logs in with the password to come: a new one for each new password."""
        return (
            f"{self.store}-login-{hashlib.sha256(self.next.encode()).hexdigest()[:8]}" if self.next else None
        )


def secret(store: str) -> str:
    """Name of the Secret with both logins."""
    return f"{store}-logins"


def logins(store: str, wanted: Credentials | None, context: Context) -> Logins:
    """The logins as they are to be now: what the Secrets say, made whole, and one step further if a rotation
    is due. The Secrets alone decide, so it does not matter when the operator was last here."""
    kept, bound = context.secrets.get(secret(store), {}), context.secrets.get(store, {})
    revision = str(wanted.revision) if wanted else ""
    # A binding without logins is one from before there were two, or its other half was deleted.
    said = (kept.get("current", ""), bound.get("username", "")[-2:].removeprefix("_"))
    current = next((login for login in said if login in _OTHER), "a")
    other = _OTHER[current]
    found = Logins(
        store=store,
        passwords={
            current: kept.get(current) or bound.get("password") or context.generate(),
            other: kept.get(other) or context.generate(),
        },
        current=current,
        revision=kept.get("revision") or bound.get("revision") or revision or "0",
        since=kept.get("since", ""),
        # An attempt whose password is lost is none.
        next=kept.get("next", "") if kept.get(other) else "",
    )
    return _rotated(found, revision or found.revision, context)


def _rotated(found: Logins, wanted: str, context: Context) -> Logins:
    if found.revision == wanted:
        return replace(found, next="")
    if found.next.partition(".")[0] == wanted:
        if found.job not in context.completed:
            return found
        now = context.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return replace(found, current=found.other, revision=wanted, since=now, next="")
    if _settles(found, context) > timedelta(0):
        return replace(found, next="")
    passwords = {**found.passwords, found.other: context.generate()}
    return replace(found, passwords=passwords, next=f"{wanted}.{context.generate()}")


def _settles(found: Logins, context: Context) -> timedelta:
    """How long the login that is not current may still be in use."""
    try:
        since = datetime.strptime(found.since, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return timedelta(0)
    return SETTLED - (context.now() - since)


def gaps(field: str, found: Logins, wanted: Credentials | None, context: Context) -> list[Gap]:
    """What is to be said of a rotation that is under way."""
    if wanted is None or found.revision == str(wanted.revision):
        return []
    if found.job:
        message = f"spec.{field}.credentials: the new login becomes current when Job {found.job} could log in"
        return [Gap("Progressing", "RotatingCredentials", message)]
    wait = max(1.0, _settles(found, context).total_seconds())
    message = (
        f"spec.{field}.credentials: revision {wanted.revision} waits until {SETTLED.seconds // 60} minutes "
        f"after the rotation before, {found.since}: pods may still be using the login before"
    )
    return [Gap("Progressing", "RotatingCredentials", message, retry_seconds=wait)]


def secrets(
    shop: ShopService, component: Component, found: Logins, *, owned: bool, binding: Mapping[str, str]
) -> list[Manifest]:
    """The Secret of both logins, then the one of the binding: what makes a login valid comes first."""
    both = {**found.passwords, "current": found.current, "revision": found.revision}
    both |= {key: value for key, value in (("since", found.since), ("next", found.next)) if value}
    bound = {**binding, "password": found.password, "revision": found.revision}
    return [
        _secret(shop, component, secret(found.store), owned, "Opaque", both),
        _secret(shop, component, found.store, owned, f"servicebinding.io/{binding['type']}", bound),
    ]


def _secret(
    shop: ShopService, component: Component, name: str, owned: bool, kind: str, data: Mapping[str, str]
) -> Manifest:
    encoded = {key: b64encode(value.encode()).decode() for key, value in sorted(data.items())}
    return manifest(shop, "v1", "Secret", component, name=name, owned=owned, type=kind, data=encoded)


def volume(store: str) -> dict[str, Any]:
    """Both logins, for the store's own pods."""
    return {"name": "logins", "secret": {"secretName": secret(store), "defaultMode": 0o440}}


def mount() -> dict[str, Any]:
    """Where they are seen."""
    return {"name": "logins", "mountPath": MOUNT, "readOnly": True}


def proof(
    shop: ShopService, found: Logins, *, user: int, container: dict[str, Any], volumes: list[dict[str, Any]]
) -> list[Manifest]:
    """While a rotation is under way, the Job whose end shows that the server takes the new password.

    `container` runs the store's login.sh. A Secret may reach the pod late, so that script waits for the very
    password that this Job is about.
    """
    if found.job is None:
        return []
    env = [
        *container["env"],
        {"name": "LOGIN", "value": found.other},
        {"name": "NEXT", "value": found.next},
    ]
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security(user),
        "restartPolicy": "OnFailure",
        "volumes": [TMP_VOLUME, *volumes],
        "containers": [{**container, "env": env}],
    }
    spec = {
        # The script tries for as long as it takes; what ends it is a node that goes.
        "backoffLimit": 1000,
        "template": {"metadata": {"labels": labels(shop, "rotation")}, "spec": pod},
    }
    annotations = {APPLY_POLICY: "Once"}
    return [manifest(shop, "batch/v1", "Job", "rotation", name=found.job, annotations=annotations, spec=spec)]
