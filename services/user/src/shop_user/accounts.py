"""Accounts: how somebody gets one, into it, and back into it.

Nobody learns here whether an address has an account. Registering and asking for a reset run the same
statements whatever there is, and the answer goes to the address by mail; a login that fails says one thing
and takes one time.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shop_chassis.events.dialect import insert
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.user import api, events
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user import emails, throttle
from shop_user.passwords import Passwords, weakness
from shop_user.secret import digest, new_secret
from shop_user.sessions import Holder, Sessions
from shop_user.tables import ACCOUNT, OUTBOX, PENDING, SESSION
from shop_user.throttle import LOGIN_FROM_ADDRESS, LOGIN_OF_ACCOUNT, MAIL_TO_ADDRESS, Key

REGISTER = "register"
RESET = "reset"


class Accounts:
    """Accounts and the passwords that open them."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        sessions: Sessions,
        *,
        verify_within: timedelta,
        reset_within: timedelta,
    ) -> None:
        """The last two: how long the tokens of mails are good."""
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._verify_within = verify_within
        self._reset_within = reset_within

    async def register(self, wanted: api.Registration) -> None:
        """Sends a mail: to confirm the address, or to say that it has an account. Raises Problem 422."""
        check_strength(wanted.password, wanted.email, wanted.name)
        password_hash = await self._passwords.hash(wanted.password)
        async with self._store.transaction() as session:
            await self._mail(
                session,
                wanted.email,
                purpose=REGISTER,
                unknown="verify-email",
                known="account-exists",
                within=self._verify_within,
                password_hash=password_hash,
                name=wanted.name,
                locale=wanted.locale,
            )

    async def ask_reset(self, email: str) -> None:
        """Sends a mail: with a token for another password, or to say that there is no account."""
        async with self._store.transaction() as session:
            await self._mail(
                session,
                email,
                purpose=RESET,
                unknown="no-account",
                known="reset-password",
                within=self._reset_within,
            )

    async def verify(self, token: str) -> None:
        """Makes the account that the mail's token stands for. Raises Problem 422 `invalid-token`."""
        async with self._store.transaction() as session:
            pending = await _take(session, token, REGISTER)
            account = await create(
                session,
                email=pending.email,
                name=pending.name,
                password_hash=pending.password_hash,
                preferences=api.Preferences(locale=pending.locale),
            )
            if account is None:
                raise _invalid_token()  # the address was confirmed by another mail, perhaps another's wish

    async def reset(self, token: str, password: str) -> None:
        """Sets the password and ends all sessions. Raises Problem 422 `invalid-token`, `weak-password`."""
        known = await self._pending(token)
        check_strength(password, known.email)
        password_hash = await self._passwords.hash(password)
        async with self._store.transaction() as session:
            account = await lock(session, known.account_id)
            if account is None:
                raise _invalid_token()
            await _take(session, token, RESET)
            await session.execute(
                delete(PENDING).where(PENDING.c.account_id == account.id, PENDING.c.purpose == RESET)
            )
            await session.execute(
                update(ACCOUNT).where(ACCOUNT.c.id == account.id).values(password_hash=password_hash)
            )
            await throttle.forget(session, Key.of_email(LOGIN_OF_ACCOUNT, account.email))
            await self._sessions.end_all(session, str(account.id), because="reset")
            await _tell_changed(session, account)

    async def change_password(
        self, id: UUID, current_session: UUID | None, change: api.PasswordChange
    ) -> None:
        """Sets another and ends the other sessions. Raises Problem 403 `wrong-password`, 409, 422, 429."""
        known = await self._account(ACCOUNT.c.id == id)
        if known is None:
            raise gone()
        check_strength(change.new, known.email, known.name)
        key = Key.of_email(LOGIN_OF_ACCOUNT, known.email)
        await self._charge([key])
        right, _ = await self._passwords.check(change.current, known.password_hash)
        if not right:
            raise Problem(403, "the present password is another one", type="wrong-password")
        password_hash = await self._passwords.hash(change.new)
        async with self._store.transaction() as session:
            account = await locked(session, id)
            if account.password_hash != known.password_hash:
                raise Problem(409, "the password was changed meanwhile; sign in with that one")
            await session.execute(
                update(ACCOUNT).where(ACCOUNT.c.id == id).values(password_hash=password_hash)
            )
            await throttle.forget(session, key)
            others = [] if current_session is None else [SESSION.c.id != current_session]
            await self._sessions.end(session, str(id), *others, because="password")
            await _tell_changed(session, account)

    async def login(self, email: str, password: str, address: str) -> api.Tokens:
        """Opens a session. Raises Problem 401 `wrong-credentials`, 403 `account-locked`, 429, 503."""
        by_account, by_address = Key.of_email(LOGIN_OF_ACCOUNT, email), Key.of(LOGIN_FROM_ADDRESS, address)
        await self._charge([by_account, by_address])
        tokens = None
        while tokens is None:
            known = await self._account(ACCOUNT.c.email_key == emails.key(email))
            right, renewed = await self._passwords.check(password, known.password_hash if known else None)
            if known is None or not right:
                raise _wrong()
            tokens = await self._open(known, renewed, by_account, by_address)
        return tokens

    async def _open(
        self, known: Any, renewed: str | None, by_account: Key, by_address: Key
    ) -> api.Tokens | None:
        """None where the password was changed while it was being checked: then that one counts."""
        async with self._store.transaction() as session:
            account = await lock(session, known.id)
            if account is None or account.password_hash != known.password_hash:
                return None
            if account.locked_at is not None:
                raise Problem(403, "this account is locked; ask the shop's support", type="account-locked")
            await throttle.forget(session, by_account)
            await throttle.refund(session, by_address)
            await session.execute(
                update(ACCOUNT)
                .where(ACCOUNT.c.id == account.id)
                .values(last_login_at=utc_now(), password_hash=renewed or account.password_hash)
            )
            return await self._sessions.open(session, Holder.of_account(account))

    async def guest(self) -> api.Tokens:
        """A session without an account."""
        async with self._store.transaction() as session:
            return await self._sessions.open(session, Holder.guest())

    async def _account(self, which: Any) -> Any:
        async with self._store.session() as session:
            return (
                await session.execute(select(ACCOUNT).where(which, ACCOUNT.c.erased_at.is_(None)))
            ).first()

    async def _charge(self, keys: list[Key]) -> None:
        async with self._store.transaction() as session:
            blocked = await throttle.charge(session, keys)
        if blocked:
            seconds = int(blocked.total_seconds()) + 1
            raise Problem(
                429,
                f"too many tries of late: the next one is looked at in {seconds} s",
                type="too-many-tries",
                headers={"Retry-After": str(seconds)},
            )

    async def _pending(self, token: str) -> Any:
        query = select(PENDING).where(
            PENDING.c.digest == digest(token), PENDING.c.purpose == RESET, PENDING.c.account_id.is_not(None)
        )
        async with self._store.session() as session:
            row = (await session.execute(query)).first()
        if row is None:
            raise _invalid_token()
        return row

    async def _mail(
        self,
        session: AsyncSession,
        email: str,
        *,
        purpose: str,
        unknown: events.Template,
        known: events.Template,
        within: timedelta,
        password_hash: str | None = None,
        name: str = "",
        locale: str = "en",
    ) -> None:
        """The same statements whether there is an account or not; too many mails are left out in silence."""
        if await throttle.charge(session, [Key.of_email(MAIL_TO_ADDRESS, email)]):
            return
        query = select(ACCOUNT).where(ACCOUNT.c.email_key == emails.key(email))
        account = (await session.execute(query)).first()
        # Of two spellings that count as one the account's own is written to: the other may be a stranger's.
        to = emails.as_written(email) if account is None else account.email
        token, expires = new_secret(), utc_now() + within
        waits = (account is None) == (purpose == REGISTER)
        await session.execute(
            PENDING.insert().values(
                digest=digest(token),
                purpose=purpose if waits else "",
                account_id=account.id if account is not None and waits else None,
                email=to,
                email_key=emails.key(email),
                password_hash=password_hash,
                name=name,
                locale=locale,
                expires_at=expires,
            )
        )
        data = {"name": name if account is None else account.name}
        if waits:
            data |= {"token": token, "expires_at": expires.isoformat()}
        mail = events.MailRequested(
            to=to,
            template=unknown if account is None else known,
            locale=locale if account is None else api.Preferences(**account.preferences).locale,
            data=data,
        )
        await send(session, mail)


async def create(
    session: AsyncSession,
    *,
    email: str,
    name: str,
    password_hash: str,
    preferences: api.Preferences,
    scopes: list[str] | None = None,
) -> UUID | None:
    """A new account with a confirmed address; None where the address has one."""
    id = new_id()
    new = insert(session, ACCOUNT).values(
        id=id,
        email=emails.as_written(email),
        email_key=emails.key(email),
        name=name,
        password_hash=password_hash,
        scopes=scopes or [],
        preferences=preferences.model_dump(mode="json"),
        created_at=utc_now(),
        version=1,
    )
    made = new.on_conflict_do_nothing(index_elements=[ACCOUNT.c.email_key]).returning(ACCOUNT.c.id)
    if (await session.execute(made)).first() is None:
        return None
    await OUTBOX.add(session, events.REGISTERED, subject=str(id), data=events.Registered(subject=str(id)))
    await OUTBOX.add(session, events.VERIFIED, subject=str(id), data=events.Verified(subject=str(id)))
    return id


async def lock(session: AsyncSession, id: UUID) -> Any | None:
    """The account's row, nobody else's until the transaction ends; None for one that was erased."""
    query = select(ACCOUNT).where(ACCOUNT.c.id == id, ACCOUNT.c.erased_at.is_(None)).with_for_update()
    return (await session.execute(query)).first()


async def locked(session: AsyncSession, id: UUID) -> Any:
    """As `lock`. Raises Problem 404."""
    row = await lock(session, id)
    if row is None:
        raise gone()
    return row


def gone() -> Problem:
    """The token is of somebody who is not here, or not any more."""
    return Problem(404, "there is no such account, or not any more", type="account-gone")


def check_strength(password: str, *known: str) -> None:
    """Raises Problem 422 `weak-password`."""
    if reason := weakness(password, *known):
        raise Problem(422, f"password: {reason}", type="weak-password")


async def send(session: AsyncSession, mail: events.MailRequested) -> None:
    """Has a mail sent once the transaction commits; added last, since other subjects sort before `mail:`."""
    subject = f"mail:{emails.digest(mail.to)}"
    await OUTBOX.add(session, events.MAIL_REQUESTED, subject=subject, data=mail)


async def _take(session: AsyncSession, token: str, purpose: str) -> Any:
    """Uses a mail's token up; whoever deletes the row has it. Raises Problem 422 `invalid-token`."""
    used = delete(PENDING).where(
        PENDING.c.digest == digest(token), PENDING.c.purpose == purpose, PENDING.c.expires_at > utc_now()
    )
    row = (await session.execute(used.returning(*PENDING.c))).first()
    if row is None:
        raise _invalid_token()
    return row


async def _tell_changed(session: AsyncSession, account: Any) -> None:
    mail = events.MailRequested(
        to=account.email,
        template="password-changed",
        locale=api.Preferences(**account.preferences).locale,
        data={"name": account.name},
    )
    await send(session, mail)


def _wrong() -> Problem:
    return Problem(
        401,
        "e-mail or password is wrong, or the address is not confirmed yet",
        type="wrong-credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _invalid_token() -> Problem:
    return Problem(
        422,
        "this token is not known, was used before or is too old; ask for another mail",
        type="invalid-token",
    )
