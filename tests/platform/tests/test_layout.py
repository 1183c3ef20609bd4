import gzip
import hashlib
import json
import os
import tarfile

import pytest
from shop_platform.layout import Layout
from shop_platform.process import run

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="buildah needs root"),
]


@pytest.fixture
def image(tmp_path):
    """Makes an image of two layers, the first the same for all."""
    made = []

    def make(name, text):
        (tmp_path / "shared").write_text("shared\n" * 1000)
        (tmp_path / "own").write_text(text)
        file = tmp_path / "Dockerfile"
        file.write_text("FROM scratch\nCOPY shared /\nCOPY own /\n")
        run(["buildah", "build", "--quiet", "--layers", "-f", file, "-t", name, tmp_path])
        made.append(name)
        return name

    yield make
    run(["buildah", "rmi", "--force", *made])


def read(archive):
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        index = json.load(tar.extractfile("index.json"))
        return [
            entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]
        ], names


def blobs(names):
    return [name for name in names if name.startswith("blobs/")]


def test_an_archive_has_the_images_and_a_shared_layer_once(image, tmp_path):
    one, two = image("shop/layout-one:dev-1", "one"), image("shop/layout-two:dev-1", "two")
    layout = Layout(tmp_path / "layout")
    layout.archive([one, two], tmp_path / "both.tar")
    references, names = read(tmp_path / "both.tar")
    assert references == ["docker.io/shop/layout-one:dev-1", "docker.io/shop/layout-two:dev-1"]
    assert len(blobs(names)) == 2 * 2 + 2 + 1  # manifests and configurations, own layers, the shared one
    assert "oci-layout" in names

    layout.archive([two], tmp_path / "two.tar")
    references, names = read(tmp_path / "two.tar")
    assert references == ["docker.io/shop/layout-two:dev-1"]
    assert len(blobs(names)) == 4


def test_what_came_with_an_image_before_is_left_out(image, tmp_path):
    one, two = image("shop/layout-one:dev-1", "one"), image("shop/layout-two:dev-1", "two")
    layout = Layout(tmp_path / "layout")
    layout.archive([one], tmp_path / "one.tar")
    layout.archive([two], tmp_path / "two.tar", beside=[one, "shop/layout-none:dev-1"])
    shared, own = (
        layer["digest"].replace("sha256:", "blobs/sha256/")
        for layer in layers(tmp_path / "layout", "layout-two")
    )
    references, names = read(tmp_path / "two.tar")
    assert references == ["docker.io/shop/layout-two:dev-1"]
    assert own in names
    assert shared not in names


def test_a_shared_layer_is_compressed_once_and_unpacked_nowhere_but_here(image, tmp_path):
    one, folder = image("shop/layout-one:dev-1", "one"), tmp_path / "layout"
    Layout(folder).archive([one], tmp_path / "one.tar")
    shared, _ = layers(folder, "layout-one")
    before = inodes(folder)
    Layout(folder).archive([one, image("shop/layout-two:dev-1", "two")], tmp_path / "both.tar")
    assert layers(folder, "layout-two")[0] == shared
    assert inodes(folder).items() >= before.items(), "a layer was brought again"
    plain = gzip.decompress((folder / "blobs" / shared["digest"].replace(":", "/")).read_bytes())
    stored = hashlib.sha256(plain).hexdigest()
    assert stored in inodes(folder), "buildah would not know it again"
    assert f"blobs/sha256/{stored}" not in read(tmp_path / "both.tar")[1]


def layers(layout, name):
    """Descriptors of an image's layers."""
    [entry] = [
        each
        for each in json.loads((layout / "index.json").read_text())["manifests"]
        if name in each["annotations"]["org.opencontainers.image.ref.name"]
    ]
    return json.loads((layout / "blobs" / entry["digest"].replace(":", "/")).read_text())["layers"]


def inodes(layout):
    return {file.name: file.stat().st_ino for file in (layout / "blobs").rglob("*") if file.is_file()}


def test_what_is_superseded_leaves_the_layout(image, tmp_path):
    layout = Layout(tmp_path / "layout")
    layout.archive(
        [image("shop/layout-one:dev-1", "one"), image("shop/layout-two:dev-1", "two")], tmp_path / "a.tar"
    )
    before = len(list((tmp_path / "layout" / "blobs").rglob("*")))
    layout.archive([image("shop/layout-one:dev-2", "changed")], tmp_path / "b.tar")
    assert len(list((tmp_path / "layout" / "blobs").rglob("*"))) == before
    kept = json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]
    names = {entry["annotations"]["org.opencontainers.image.ref.name"] for entry in kept}
    assert names == {"docker.io/shop/layout-one:dev-2", "docker.io/shop/layout-two:dev-1"}
