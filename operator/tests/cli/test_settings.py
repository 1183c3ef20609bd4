from argparse import ArgumentParser

import pytest
from shop_operator.settings import InvalidSettings, Settings, add_flags, load


def flags(*words: str) -> Settings:
    parser = ArgumentParser()
    add_flags(parser)
    return load(
        parser.parse_args(words), {"SHOP_OPERATOR_PROMETHEUS_URL": "http://v", "SHOP_OPERATOR_WORKERS": "4"}
    )


def test_a_flag_comes_before_a_variable_and_that_before_the_default() -> None:
    found = flags("--prometheus-url", "http://f")
    assert (found.prometheus_url, found.workers, found.redis_image) == ("http://f", 4, Settings().redis_image)


def test_an_empty_text_is_a_value() -> None:
    assert flags("--events-namespace", "").events_namespace == ""


def test_a_wrong_value_is_named_with_flag_variable_and_what_was_found() -> None:
    with pytest.raises(InvalidSettings, match=r"--workers \(SHOP_OPERATOR_WORKERS\): .*integer.*'many'"):
        flags("--workers", "many")


def test_every_setting_has_its_help() -> None:
    assert all(field.description for field in Settings.model_fields.values())
