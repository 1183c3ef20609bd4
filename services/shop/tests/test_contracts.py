"""What the chassis expects of events that it may not import is what their owner publishes."""

from shop_chassis.erasure import PersonalData
from shop_chassis.revocation import Revoked
from shop_chassis.settings import Settings
from shop_chassis.tables import utc_now
from shop_contracts.user import events as user


def test_the_chassis_reads_the_events_of_user() -> None:
    assert PersonalData.topic == f"{user.STREAM}.{user.ERASED}"
    assert Settings().auth_revocations == f"{user.STREAM}.{user.SESSION_REVOKED}"
    now = utc_now()
    published = user.SessionRevoked(subject="ann", revoked_before=now)
    assert Revoked.model_validate(published.model_dump(mode="json")) == Revoked(
        subject="ann", revoked_before=now
    )
    assert set(Revoked.model_fields) <= set(user.SessionRevoked.model_fields)
