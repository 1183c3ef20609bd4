import shutil
from pathlib import Path

import pytest
from shop_platform import images
from shop_platform.bases import bootstrap, dockerfile, python_recipe, recipes
from shop_platform.kind import Tools
from shop_platform.paths import ROOT, SERVICES
from shop_platform.process import Failure


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The sources of images in a folder of the test's own."""
    for path in ("services", "operator"):
        shutil.copytree(
            ROOT / path, tmp_path / path, ignore=shutil.ignore_patterns("tests", "__pycache__", ".*")
        )
    monkeypatch.setattr(images, "ROOT", tmp_path)
    monkeypatch.setattr(images, "SERVICES", tmp_path / "services")
    monkeypatch.setattr(images, "DOCKERFILE", tmp_path / "services" / "Dockerfile")
    monkeypatch.setattr(images, "OPERATOR", tmp_path / "operator" / "Dockerfile")
    monkeypatch.setattr(images, "exported", lambda *packages: f"requirements of {packages}")
    return tmp_path


def changed(before, after):
    return {name for name in before.all if before.all[name] != after.all[name]}


def append(path):
    path.write_text(path.read_text() + "# changed\n")


def test_unchanged_sources_keep_every_tag(copy):
    assert images.plan() == images.plan()


def test_a_service_changes_its_own_image_alone(copy):
    before = images.plan()
    append(copy / "services/catalog/src/shop_catalog/__init__.py")
    after = images.plan()
    assert changed(before, after) == {"catalog"}
    assert after.runtime == before.runtime


@pytest.mark.parametrize(
    "path",
    ["services/chassis/src/shop_chassis/__init__.py", "services/contracts/src/shop_contracts/__init__.py"],
)
def test_what_services_share_changes_all_of_them(copy, path):
    before = images.plan()
    append(copy / path)
    after = images.plan()
    assert changed(before, after) == set(before.services)
    assert after.libraries == before.libraries


def test_the_operator_stands_alone(copy):
    before = images.plan()
    append(copy / "operator/src/shop_operator/__init__.py")
    after = images.plan()
    assert changed(before, after) == {"operator"}
    assert after.below == before.below


@pytest.mark.parametrize("path", ["services/Dockerfile", "operator/Dockerfile"])
def test_a_changed_recipe_changes_what_is_made_by_it(copy, path):
    before = images.plan()
    append(copy / path)
    made = {"operator"} if path.startswith("operator") else set(before.services)
    assert changed(before, images.plan()) == made


def test_changed_dependencies_change_every_image(copy, monkeypatch):
    before = images.plan()
    monkeypatch.setattr(images, "exported", lambda *packages: f"other requirements of {packages}")
    after = images.plan()
    assert changed(before, after) == set(before.all)
    assert not set(after.below) & set(before.below)


def test_names_are_those_of_the_contract(copy):
    plan = images.plan()
    made_from = {**images.sources(), "operator": "operator"}
    assert all(image.startswith(f"shop/{made_from[name]}:dev-") for name, image in plan.all.items())
    assert plan.services["notification-worker"] == plan.services["notification"]
    assert set(plan.services) == {file.parent.name for file in SERVICES.glob("*/shopservice.yaml")}


def test_dependencies_are_pinned_with_hashes():
    lines = images.exported("shop-chassis")
    assert "fastapi==" in lines
    assert "--hash=sha256:" in lines
    assert "shop-contracts" not in lines


def test_base_images_have_the_names_and_users_that_pods_are_given():
    assert {(r.name, r.user["id"]) for r in recipes()} == {
        ("shop/python:3.11", 65532),
        ("shop/postgres:15", 999),
        ("shop/redis:7", 999),
    }


def test_a_recipe_is_marked_by_its_content(tmp_path):
    recipe = python_recipe()
    words = bootstrap(recipe, tmp_path / "root.tar")
    assert words[0] == "mmdebstrap"
    assert f"--include=usr-is-merged,{','.join(recipe.packages)}" in words
    assert dockerfile(recipe).startswith("FROM scratch\n")
    other = type(recipe)(**{**vars(recipe), "packages": [*recipe.packages, "tzdata"]})
    assert other.marked != recipe.marked


class Builds:
    """A store with these images, which notes what is built in it and from what."""

    def __init__(self, *names):
        self.there, self.built = set(names), {}

    def names(self):
        return list(self.there)

    def build(self, name, file, context, *, args, target, layers):
        self.there.add(name)
        self.built[name] = {args[key] for key in ("LIBRARIES", "RUNTIME") if key in args}


def builder_with(*there):
    """One whose store has these images, and the base images."""
    builder = images.Images(Tools(Path(), Path(), Path(), "docker"))
    builder._store = Builds(*(name for recipe in recipes() for name in (recipe.name, recipe.marked)), *there)
    return builder


def ensured(plan, *there):
    """What is built where these images are there."""
    builder = builder_with(*there)
    builder.ensure(plan)
    return builder._store.built


def test_nothing_is_built_twice(copy):
    plan = images.plan()
    built = ensured(plan)
    assert built.keys() == {*plan.below, *plan.all.values()}
    assert built[plan.operator] == {plan.operator_libraries}
    assert built[plan.services["cart"]] == {plan.runtime}
    assert ensured(plan, *plan.all.values()) == {}


def test_what_others_made_is_not_installed_again_for_a_change_of_ours(copy):
    """It takes half a minute, and as long to find out that it is there already."""
    before = images.plan()
    append(copy / "services/chassis/src/shop_chassis/__init__.py")
    append(copy / "operator/src/shop_operator/__init__.py")
    plan = images.plan()
    built = ensured(plan, *before.below, *before.all.values())
    assert built.keys() == {plan.runtime, *plan.all.values()}
    assert built[plan.runtime] == {plan.libraries}


def test_of_what_others_made_that_is_installed_on_which_something_is_to_be_built(copy):
    plan = images.plan()
    builder = builder_with(*plan.services.values())
    assert builder.libraries(plan) == [plan.operator_libraries]
    assert builder._store.built.keys() == {plan.operator_libraries}
    assert builder_with(plan.libraries, *plan.all.values()).libraries(plan) == [plan.libraries]


def test_only_our_own_superseded_images_are_let_go_of(copy):
    plan = images.plan()
    old = [f"shop/cart:dev-0000000{n}" for n in range(5)]
    others = [
        *("docker.io/library/postgres:15", "shop/postgres:15", "shop/python:3.11", "shop/cart:v1"),
        *("else/cart:dev-1", "shop/of-another-clone:dev-1", *plan.below, *plan.all.values()),
        python_recipe().marked,
    ]
    newest_first = [*others[:4], *old, *others[4:], "shop/python:recipe-1"]
    assert images.superseded(newest_first, plan) == old[images.KEPT :]


def test_an_image_that_is_in_use_stays(copy):
    plan, removed, told = images.plan(), [], []

    class Store:
        def names(self):
            return [f"shop/cart:dev-0000000{n}" for n in range(images.KEPT + 2)]

        def remove(self, name):
            if name.endswith(str(images.KEPT)):
                raise Failure("image used by a container")
            removed.append(name)

    builder = images.Images(Tools(Path(), Path(), Path(), "buildah"), told.append)
    builder._store = Store()
    assert builder.prune(plan) == [f"shop/cart:dev-0000000{images.KEPT + 1}"]
    assert removed == [f"shop/cart:dev-0000000{images.KEPT + 1}"]
    assert told == [f"shop/cart:dev-0000000{images.KEPT} is in use and stays"]
