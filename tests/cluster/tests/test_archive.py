"""Archives of images: what was put into one comes out of it."""

from pathlib import Path

import pytest
from kindlocal import archive


def test_a_file_of_an_image_is_taken_out_of_its_archive(tmp_path: Path) -> None:
    program, image, taken = tmp_path / "program", tmp_path / "image.tar", tmp_path / "taken"
    program.write_bytes(b"#!/bin/sh\n")
    archive.write(image, "a/b:1", ["/bin/program"], "1:1", {"/bin/program": program}, {})
    archive.take(image, "/bin/program", taken)
    assert taken.read_bytes() == program.read_bytes()
    assert taken.stat().st_mode & 0o777 == 0o755
    with pytest.raises(KeyError, match="has no /bin/other"):
        archive.take(image, "/bin/other", taken)
