"""A real S3 server on a folder: versitygw, of which a bucket is a folder too."""

import os
import shutil
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from shop_chassis.binding import Binding
from shop_chassis.testing.servers import NotInstalled, Server, free_ports


class S3Server(Server):
    """With the bucket `pictures`, for one user; metadata of objects lies beside, as in the cluster."""

    name = "versitygw"
    url = "s3://pictures"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (port,) = free_ports(1)
        self._address = f"127.0.0.1:{port}"
        self.endpoint = f"http://{self._address}"
        for each in ("buckets/pictures", "metadata", "bindings/media"):
            (folder / each).mkdir(parents=True)
        self.bindings = folder / "bindings"
        self.credentials = Binding(self.bindings / "media")
        self.write_credentials("shop", "secret")

    def write_credentials(self, username: str, password: str) -> None:
        """What the binding has from now on; the server itself knows the first ones alone."""
        (self.credentials.folder / "username").write_text(username)
        (self.credentials.folder / "password").write_text(password)

    def _command(self) -> Sequence[str]:
        cache = Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache/kindlocal")
        program = shutil.which("versitygw", path=f"{cache}/bin:{os.environ['PATH']}")
        if program is None:
            raise NotInstalled("versitygw: not found; `make tools` builds it")
        user = ["--access", "shop", "--secret", "secret"]
        place = ["posix", "--sidecar", str(self.folder / "metadata"), str(self.folder / "buckets")]
        return [program, "--port", self._address, "--health", "/_/health", "--quiet", *user, *place]

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.endpoint}/_/health", timeout=1):
            return True
        return False
