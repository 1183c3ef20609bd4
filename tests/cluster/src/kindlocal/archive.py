"""An image of a few files as a docker archive, written without any tool: the same input gives the same bytes.

The format is that of `docker save`: https://github.com/moby/docker-image-spec/blob/main/spec.md
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO


def _add(tar: tarfile.TarFile, name: str, mode: int, content: BinaryIO, size: int) -> None:
    info = _entry(name, mode)
    info.size = size
    tar.addfile(info, content)


def _add_file(tar: tarfile.TarFile, name: str, mode: int, source: Path) -> None:
    with source.open("rb") as content:
        _add(tar, name, mode, content, source.stat().st_size)


def _entry(name: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    # Owner and time are those of a new TarInfo: root and 1970.
    info = tarfile.TarInfo(name.lstrip("/"))
    info.mode, info.type = mode, kind
    return info


def layer(path: Path, files: Mapping[str, Path], links: Mapping[str, str]) -> str:
    """Write executables, links (link -> target), the folders above them and /tmp; returns the digest."""
    names = [PurePosixPath(name) for name in (*files, *links)]
    folders = {parent for name in names for parent in name.parents} - {PurePosixPath("/")}
    with tarfile.open(path, "w") as tar:
        for folder in sorted(folders):
            tar.addfile(_entry(str(folder), 0o755, tarfile.DIRTYPE))
        tar.addfile(_entry("/tmp", 0o1777, tarfile.DIRTYPE))
        for name, source in sorted(files.items()):
            _add_file(tar, name, 0o755, source)
        for name, target in sorted(links.items()):
            info = _entry(name, 0o777, tarfile.SYMTYPE)
            info.linkname = target
            tar.addfile(info)
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def image_config(digest: str, entry_point: Sequence[str], user: str) -> dict[str, Any]:
    """The configuration of an image with one layer."""
    run = {"Entrypoint": list(entry_point), "User": user, "Env": ["PATH=/usr/bin:/bin"]}
    layers = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    return {"architecture": "amd64", "os": "linux", "config": run, "rootfs": layers}


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
        config = json.dumps(image_config(digest, entry_point, user)).encode()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": name, "RepoTags": [reference], "Layers": [f"{digest}.tar"]}]
        with tarfile.open(path, "w") as tar:
            for file, content in ((name, config), ("manifest.json", json.dumps(manifest).encode())):
                _add(tar, file, 0o644, io.BytesIO(content), len(content))
            _add_file(tar, f"{digest}.tar", 0o644, layer_path)
    finally:
        layer_path.unlink(missing_ok=True)


def take(archive: Path, file: str, target: Path) -> None:
    """Write one file of an image to `target`, executable. Raises KeyError when the image does not have it."""
    with tarfile.open(archive) as tar:
        (manifest,) = json.load(_member(tar, "manifest.json"))
        for name in reversed(manifest["Layers"]):
            with tarfile.open(fileobj=_member(tar, name)) as layer_of_it:
                if file.lstrip("/") in layer_of_it.getnames():
                    target.write_bytes(_member(layer_of_it, file.lstrip("/")).read())
                    target.chmod(0o755)
                    return
    raise KeyError(f"{archive} has no {file}")


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise KeyError(f"{name} is no file")
    return found
