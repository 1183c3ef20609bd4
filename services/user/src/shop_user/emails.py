"""When two e-mail addresses are the same account's. They are ASCII: the contract sees to that."""

from hashlib import sha256


def as_written(email: str) -> str:
    """To be stored and written to: domains have no case, what is before the @ may have."""
    local, _, domain = email.rpartition("@")
    return f"{local}@{domain.lower()}"


def key(email: str) -> str:
    """Equal for addresses that count as one: the unique column."""
    return email.casefold()


def digest(email: str) -> str:
    """Stands for an address where it must not be read, in 40 characters."""
    return sha256(key(email).encode()).hexdigest()[:40]
