"""Forms: read with limits, checked by the models of the contracts, shown again with what is wrong.

form = visit.form
entered = form.into(Login)
if entered is None:
    return await visit.page("pages/sign-in.html", status=422, form=form)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from shop_chassis.client import CallRefused
from starlette.datastructures import FormData, UploadFile

M = TypeVar("M", bound=BaseModel)


def sentence(words: str) -> str:
    """A problem's detail as people write it: with a capital and a full stop."""
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) or not words else ".")


class Form:
    """What was entered, and what is wrong with it. Names with dots are fields of inner models."""

    def __init__(
        self, data: FormData | Mapping[str, str] | None = None, say: Callable[[str], str] = str
    ) -> None:
        """`say` translates."""
        items = data.multi_items() if isinstance(data, FormData) else list((data or {}).items())
        # Browsers send CR LF between lines (HTML, section 4.10.22.4); contracts know LF alone.
        texts = [(name, value.replace("\r\n", "\n")) for name, value in items if isinstance(value, str)]
        self.values = dict(texts)
        self.files = {name: value for name, value in items if isinstance(value, UploadFile)}
        self.errors: dict[str, str] = {}
        """By name of the field; `""` is the form's own."""
        self._lists: dict[str, list[str]] = {}
        for name, value in texts:
            self._lists.setdefault(name, []).append(value)
        self._say = say

    def get(self, name: str, otherwise: str = "") -> str:
        """What was entered, without blanks around it."""
        return self.values.get(name, otherwise).strip()

    def all(self, name: str) -> list[str]:
        """Of boxes with one name: those that are ticked."""
        return self._lists.get(name, [])

    def fill(self, **values: object) -> "Form":
        """With values for fields that were not sent: what a form shows at first."""
        for name, value in values.items():
            if value is not None:
                self.values.setdefault(name.replace("__", "."), str(value))
        return self

    def choose(self, name: str, values: Iterable[str]) -> "Form":
        """With these boxes of one name ticked: what a form shows at first."""
        self._lists[name] = list(values)
        return self

    def wrong(self, name: str, text: str) -> None:
        """Says what is wrong with a field; the first word stays."""
        self.errors.setdefault(name, text)

    def refused(self, name: str, error: CallRefused, otherwise: str) -> None:
        """Says at a field why a service refused it, in the service's words where it gave any."""
        self.wrong(name, sentence(str(error.problem.get("detail") or otherwise)))

    def into(self, model: type[M], *, prefix: str = "", **given: Any) -> M | None:
        """The model made of the fields (those below `prefix`), and of what is given beside them.

        Fields that were left empty are left out, so defaults hold. None when something is wrong: see
        `errors`.
        """
        content = (
            _nested(
                {
                    name.removeprefix(prefix): value
                    for name, value in self.values.items()
                    if name.startswith(prefix) and value.strip() != ""
                },
                model,
            )
            | given
        )
        try:
            return model.model_validate(content)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                name = prefix + ".".join(str(part) for part in each["loc"] if isinstance(part, str))
                self.wrong(name, self._sentence(each["type"], each.get("ctx") or {}, each["msg"]))
            return None

    def _sentence(self, kind: str, limits: Mapping[str, Any], message: str) -> str:
        _ = self._say
        match kind:
            case "missing":
                return _("Please fill this in.")
            case "string_too_short":
                return _("At least %(n)s characters, please.") % {"n": limits.get("min_length")}
            case "string_too_long":
                return _("At most %(n)s characters, please.") % {"n": limits.get("max_length")}
            case "string_pattern_mismatch" | "literal_error" | "enum":
                return _("This is not in the form that is needed here.")
            case "int_parsing" | "decimal_parsing" | "float_parsing" | "int_from_float":
                return _("Please enter a number.")
            case "greater_than_equal" | "greater_than":
                return _("At least %(n)s, please.") % {"n": limits.get("ge", limits.get("gt"))}
            case "less_than_equal" | "less_than":
                return _("At most %(n)s, please.") % {"n": limits.get("le", limits.get("lt"))}
            case "datetime_parsing" | "datetime_from_date_parsing" | "timezone_aware":
                return _("Please enter a day and a time.")
            case "uuid_parsing":
                return _("This is not one of the choices.")
            case _:
                return message.removeprefix("Value error, ").capitalize()


def _nested(values: Mapping[str, str], model: type[BaseModel]) -> dict[str, Any]:
    """`address.city` becomes a dictionary in `address`; what the model does not have is left out."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        first, *rest = name.split(".")
        if first not in model.model_fields:
            continue
        at = nested
        for step in [first, *rest][:-1]:
            inner = at.setdefault(step, {})
            if not isinstance(inner, dict):
                break
            at = inner
        else:
            at[[first, *rest][-1]] = value
    return nested
