"""An image of a few files as a docker archive, written without any tool: the same input gives the same bytes.

The format is that of `docker save`: https://github.com/moby/docker-image-spec/blob/main/spec.md
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any


def _entry(name: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.lstrip("/"))
    info.mode, info.type = mode, kind
    return info


def layer(path: Path, files: Mapping[str, Path], links: Mapping[str, str]) -> str:
    """Write executables, links (link -> target), the folders above them and /tmp; returns the digest."""
    folders = {parent for name in (*files, *links) for parent in PurePosixPath(name).parents} - {
        PurePosixPath("/")
    }
    with tarfile.open(path, "w") as tar:
        for folder in sorted(folders):
            tar.addfile(_entry(str(folder), 0o755, tarfile.DIRTYPE))
        tar.addfile(_entry("/tmp", 0o1777, tarfile.DIRTYPE))
        for name, source in sorted(files.items()):
            info = _entry(name, 0o755)
            info.size = source.stat().st_size
            with source.open("rb") as content:
                tar.addfile(info, content)
        for name, target in sorted(links.items()):
            info = _entry(name, 0o777, tarfile.SYMTYPE)
            info.linkname = target
            tar.addfile(info)
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write(
    path: Path,
    reference: str,
    entry_point: Sequence[str],
    user: str,
    files: Mapping[str, Path],
    links: Mapping[str, str],
) -> None:
    """Write the archive of an image with one layer."""
    layer_path = path.with_suffix(".layer")
    try:
        digest = layer(layer_path, files, links)
        run = {"Entrypoint": list(entry_point), "User": user, "Env": ["PATH=/usr/bin:/bin"]}
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": run,
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            }
        ).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest: list[dict[str, Any]] = [
            {"Config": config_name, "RepoTags": [reference], "Layers": [f"{digest}.tar"]}
        ]
        with tarfile.open(path, "w") as tar:
            for name, content in ((config_name, config), ("manifest.json", json.dumps(manifest).encode())):
                info = _entry(name, 0o644)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            tar.add(layer_path, f"{digest}.tar")
    finally:
        layer_path.unlink(missing_ok=True)
