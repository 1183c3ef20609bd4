import pytest
from shop_platform.digest import digest


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "a.py").write_text("a = 1\n")
    (tmp_path / "src" / "deep" / "b.py").write_text("b = 2\n")
    return tmp_path


def test_same_content_same_digest_whatever_the_time_and_place(tree, tmp_path_factory):
    before = digest(tree, [tree / "src"])
    (tree / "src" / "a.py").touch()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tree / "src").rename(elsewhere / "src")
    assert digest(elsewhere, [elsewhere / "src"]) == before
    assert len(before) == 8


def test_caches_do_not_count(tree):
    before = digest(tree, [tree / "src"])
    cache = tree / "src" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").write_bytes(b"x")
    assert digest(tree, [tree / "src"]) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda src: (src / "a.py").write_text("a = 2\n"),
        lambda src: (src / "a.py").rename(src / "c.py"),
        lambda src: (src / "deep" / "b.py").unlink(),
        lambda src: (src / "new.py").write_text(""),
        lambda src: (src / "a.py").chmod(0o755),
    ],
    ids=["content", "name", "removed", "added", "executable"],
)
def test_every_change_counts(tree, change):
    before = digest(tree, [tree / "src"])
    change(tree / "src")
    assert digest(tree, [tree / "src"]) != before


def test_words_do_not_run_together(tree):
    assert digest(tree, [], "ab", "c") != digest(tree, [], "a", "bc")
