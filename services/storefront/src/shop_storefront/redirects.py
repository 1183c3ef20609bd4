"""Where a browser may be sent: within the shop."""

from urllib.parse import urlsplit


def safe_path(wanted: str | None, otherwise: str = "/") -> str:
    """A path of the shop with its query; `otherwise` for anything that a browser might take for more.

    Browsers read `\\` as `/`, drop tabs and line ends, and take `//host` for another host.
    """
    if not wanted or len(wanted) > 2000 or not wanted.startswith("/"):
        return otherwise
    if (
        wanted.startswith("//")
        or "\\" in wanted
        or any(ord(each) < 0x21 or ord(each) == 0x7F for each in wanted)
    ):
        return otherwise
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else wanted
