"""Images as an OCI layout on disk, from where any cluster loads them in seconds.

buildah would write each image whole for every load. Here a layer is kept once, however many images share
it, and one archive brings them all. Layers are kept as they are in buildah's store, uncompressed, so that
it knows them again by their digests; else it would compress each of them for every image that has it.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shop_platform.process import run

REF = "org.opencontainers.image.ref.name"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def repository(reference: str) -> str:
    """A reference without its tag."""
    return reference.rpartition(":")[0]


class Layout:
    """A folder in the form of the OCI image layout specification, version 1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / ".lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _manifests(self) -> dict[str, dict[str, Any]]:
        index = self._folder / "index.json"
        entries = json.loads(index.read_text())["manifests"] if index.exists() else []
        return {entry["annotations"][REF]: entry for entry in entries if REF in entry.get("annotations", {})}

    def _blob(self, digest: str) -> Path:
        return self._folder / "blobs" / digest.replace(":", "/")

    def _blobs_of(self, entry: dict[str, Any]) -> list[Path]:
        manifest = json.loads(self._blob(entry["digest"]).read_text())
        parts = [entry, manifest["config"], *manifest["layers"]]
        return [self._blob(part["digest"]) for part in parts]

    def archive(self, images: Sequence[str], file: Path) -> None:
        """Writes an archive with these images of buildah's store, as `kind load image-archive` takes it.

        Older images of the same repositories leave the layout. Raises Failure.
        """
        wanted = {f"docker.io/{image}": image for image in images}
        with self._alone():
            there = self._manifests()
            # A base image keeps its tag when its content changes; only a content hash says what is known.
            for reference, image in wanted.items():
                if reference not in there or ":dev-" not in reference:
                    run(["buildah", "push", "--quiet", image, f"oci:{self._folder}:{reference}"])
                    self._decompress(reference)
            entries = self._prune({repository(reference) for reference in wanted}, set(wanted))
            chosen = [entries[reference] for reference in wanted]
            index = file.with_suffix(".json")
            index.write_text(json.dumps({"schemaVersion": 2, "manifests": chosen}))
            with tarfile.open(file, "w") as tar:
                tar.add(self._folder / "oci-layout", "oci-layout")
                tar.add(index, "index.json")
                for blob in sorted({blob for entry in chosen for blob in self._blobs_of(entry)}):
                    tar.add(blob, str(blob.relative_to(self._folder)))
            index.unlink()

    def _decompress(self, reference: str) -> None:
        """Puts the layers that were just brought, and a manifest that names them, in place of packed ones."""
        entries = self._manifests()
        manifest = json.loads(self._blob(entries[reference]["digest"]).read_text())
        config = json.loads(self._blob(manifest["config"]["digest"]).read_text())
        for layer, digest in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            plain = self._blob(digest)
            if not plain.exists():
                part = plain.with_suffix(".part")
                with gzip.open(self._blob(layer["digest"])) as packed, open(part, "wb") as file:
                    shutil.copyfileobj(packed, file, 2**20)
                part.rename(plain)
            layer.update(mediaType=LAYER, digest=digest, size=plain.stat().st_size)
        text = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        self._blob(digest).write_bytes(text)
        entries[reference].update(digest=digest, size=len(text))
        self._write_index(entries.values())

    def _write_index(self, entries: Iterable[dict[str, Any]]) -> None:
        index = {"schemaVersion": 2, "manifests": list(entries)}
        (self._folder / "index.json").write_text(json.dumps(index))

    def _prune(self, repositories: set[str], keep: set[str]) -> dict[str, dict[str, Any]]:
        entries = {
            reference: entry
            for reference, entry in self._manifests().items()
            if reference in keep or repository(reference) not in repositories
        }
        self._write_index(entries.values())
        used = {blob for entry in entries.values() for blob in self._blobs_of(entry)}
        for blob in (self._folder / "blobs").glob("*/*"):
            if blob not in used:
                blob.unlink()
        return entries
