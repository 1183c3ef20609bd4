"""Images as an OCI layout on disk, from where any cluster loads them in seconds.

buildah would write each image whole for every load. Here a layer is kept once, however many images share
it, and one archive brings them all. It lies here compressed, as the node is to keep it in memory, and as it
is in buildah's store, which knows it again by that digest; else it would be compressed for every image that
has it.
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

    def _read(self, descriptor: dict[str, Any]) -> dict[str, Any]:
        return dict(json.loads(self._blob(descriptor["digest"]).read_text()))

    def _blobs_of(self, entry: dict[str, Any]) -> list[Path]:
        manifest = self._read(entry)
        parts = [entry, manifest["config"], *manifest["layers"]]
        return [self._blob(part["digest"]) for part in parts]

    def _layers_of(self, entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The layers by the digests that they have in buildah's store."""
        manifest = self._read(entry)
        digests = self._read(manifest["config"])["rootfs"]["diff_ids"]
        return dict(zip(digests, manifest["layers"], strict=True))

    def archive(self, images: Sequence[str], file: Path, beside: Sequence[str] = ()) -> None:
        """Writes an archive with these images of buildah's store, as `kind load image-archive` takes it.

        Without the layers of those `beside` which they are loaded: whom an archive of this layout has brought
        them has them. Older images of the same repositories leave the layout. Raises Failure.
        """
        wanted = {f"docker.io/{image}": image for image in images}
        with self._alone():
            there = self._manifests()
            # A base image keeps its tag when its content changes; only a content hash says what is known.
            for reference, image in wanted.items():
                if reference not in there or ":dev-" not in reference:
                    self._bring(image, reference)
            entries = self._prune({repository(reference) for reference in wanted}, set(wanted))
            chosen = [entries[reference] for reference in wanted]
            index = file.with_suffix(".json")
            index.write_text(json.dumps({"schemaVersion": 2, "manifests": chosen}))
            with tarfile.open(file, "w") as tar:
                tar.add(self._folder / "oci-layout", "oci-layout")
                tar.add(index, "index.json")
                brought = {
                    blob
                    for image in beside
                    if (entry := entries.get(f"docker.io/{image}"))
                    for blob in self._blobs_of(entry)
                }
                for blob in sorted({blob for entry in chosen for blob in self._blobs_of(entry)} - brought):
                    tar.add(blob, str(blob.relative_to(self._folder)))
            index.unlink()

    def _bring(self, image: str, reference: str) -> None:
        """From buildah's store. What it found here uncompressed is named by its compressed form again."""
        packed: dict[str, dict[str, Any]] = {}
        for entry in self._manifests().values():
            packed |= self._layers_of(entry)
        run(["buildah", "push", "--quiet", image, f"oci:{self._folder}:{reference}"])
        entries = self._manifests()
        layers = self._layers_of(entries[reference])
        for digest, layer in layers.items():
            self._unpack(layer, self._blob(digest))
        manifest = self._read(entries[reference])
        manifest["layers"] = [packed.get(digest, layer) for digest, layer in layers.items()]
        text = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        self._blob(digest).write_bytes(text)
        entries[reference].update(digest=digest, size=len(text))
        self._write_index(entries.values())

    def _unpack(self, layer: dict[str, Any], plain: Path) -> None:
        if not plain.exists():
            part = plain.with_suffix(".part")
            with gzip.open(self._blob(layer["digest"])) as packed, open(part, "wb") as file:
                shutil.copyfileobj(packed, file, 2**20)
            part.rename(plain)

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
        used |= {self._blob(digest) for entry in entries.values() for digest in self._layers_of(entry)}
        for blob in (self._folder / "blobs").glob("*/*"):
            if blob not in used:
                blob.unlink()
        return entries
