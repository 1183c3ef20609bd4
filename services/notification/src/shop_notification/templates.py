"""What is sent, as files: a folder for each template, with its words in each language and a sample.

`templates/<name>/template.json` says what kind it is, where it links to and which body of `_mail/` its mail
has, and has sample data; `en.jinja` and `de.jinja` have the words. All else is shared: `_mail/layout.html`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from shop_contracts.notification.api import Channel, Kind, Language, Preview

from shop_notification.formats import Formats, columns, first_sentence, paragraphs, wrap
from shop_notification.links import Links
from shop_notification.wishes import language

FOLDER = Path(__file__).with_name("templates")
LANGUAGES: tuple[Language, ...] = get_args(Language)
SETTINGS_PAGE = "/account/notifications"


class NoSuchTemplate(LookupError):  # noqa: N818 - named for what it says
    """There is no folder of that name."""


@dataclass(frozen=True)
class Template:
    """One of the folders."""

    name: str
    kind: Kind
    body: str
    link: str
    sample: Mapping[str, Any]
    action_first: bool = False
    """What is to be done stands above what it is about."""

    @property
    def channels(self) -> list[Channel]:
        """Where it can be sent."""
        if self.kind == "account" or self.name == "digest":
            return ["email"]
        return ["email", "sms", "push", "inbox"]


@dataclass(frozen=True)
class Words:
    """A message as somebody reads it, without any form."""

    subject: str
    preheader: str
    headline: str
    greeting: str
    lead: str
    action: str
    closing: str
    title: str
    short: str
    sms: str


@dataclass(frozen=True)
class Reader:
    """For whom it is written."""

    locale: str
    zone: str

    @property
    def language(self) -> Language:
        """Of the words."""
        return language(self.locale)


class Templates:
    """All of them; a sandbox, since what is filled in comes from others."""

    def __init__(self, links: Links, shop: str) -> None:
        self._links = links
        self._shop = shop
        self._plain = _environment(autoescape=False)
        self._html = _environment(autoescape=True)

    @cached_property
    def all(self) -> dict[str, Template]:
        """By name."""
        return {file.parent.name: _read(file) for file in sorted(FOLDER.glob("*/template.json"))}

    def named(self, name: str) -> Template:
        """One of them. Raises NoSuchTemplate."""
        try:
            return self.all[name]
        except KeyError:
            raise NoSuchTemplate(f"expected one of {', '.join(self.all)}, found {name!r}") from None

    def path(self, name: str, data: Mapping[str, Any]) -> str:
        """Where it leads: a path at the storefront, or an address that the data have."""
        known = {**data, "token": quote(str(data.get("token", "")))}
        return self.named(name).link.format(**known)

    def words(self, name: str, data: Mapping[str, Any], reader: Reader) -> Words:
        """What it says. Raises jinja2.TemplateError where data are missing."""
        context = self._context(name, data, reader)
        rendered = self._plain.get_template(f"{name}/{reader.language}.jinja").render(context)
        return Words(**{key: str(value).strip() for key, value in json.loads(rendered).items()})

    def mail(
        self, name: str, data: Mapping[str, Any], reader: Reader, unsubscribe: str | None
    ) -> tuple[Words, str, str]:
        """Its words, and the whole of it as text and as HTML."""
        words = self.words(name, data, reader)
        context = self._context(name, data, reader) | {"words": words, "unsubscribe": unsubscribe}
        text = self._plain.get_template("_mail/layout.txt").render(context)
        return words, _squeezed(text), self._html.get_template("_mail/layout.html").render(context)

    def preview(self, template: Template, channel: Channel, reader: Reader) -> Preview:
        """Filled with its sample."""
        name, data = template.name, template.sample
        link = self._links.page(self.path(name, data))
        html = None
        if channel == "email":
            unsubscribe = None if template.kind == "account" else self._links.page("/")
            words, text, html = self.mail(name, data, reader, unsubscribe)
            title = words.subject
        else:
            words = self.words(name, data, reader)
            title, text = ("", words.sms) if channel == "sms" else (words.title, words.short)
        return Preview(
            template=name,
            language=reader.language,
            channel=channel,
            title=title,
            text=text,
            html=html,
            link=link,
        )

    def page(self, name: str, **context: Any) -> str:
        """A page of `_pages/`, for a browser."""
        return self._html.get_template(f"_pages/{name}").render(context | {"shop": self._shop})

    def _context(self, name: str, data: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
        template, formats = self.named(name), Formats.of(reader.locale, reader.language, reader.zone)
        return {
            "name": "",
            **data,
            "said": _said(data, reader.language),
            "number": str(data.get("order", {}).get("id", ""))[:8].upper(),
            "kind": template.kind,
            "body": template.body,
            "action_first": template.action_first,
            "shop": self._shop,
            "storefront": self._links.page("/"),
            "settings_page": self._links.page(SETTINGS_PAGE),
            "link": self._links.page(self.path(name, data)),
            "language": reader.language,
            "label": _LABELS[reader.language],
            "formats": formats,
            "columns": columns,
            "less": formats.less,
            "page": self._links.page,
        }


def _environment(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(FOLDER),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"paragraphs": paragraphs, "wrap": wrap, "first_sentence": first_sentence}
    made.filters |= {each: _by_reader(each) for each in ("money", "day", "moment")}
    made.filters["page"] = _page
    return made


def _by_reader(what: str) -> Any:
    @pass_context
    def format(context: Context, value: Any) -> str:
        return str(getattr(context["formats"], what)(value))

    return format


@pass_context
def _page(context: Context, path: str) -> str:
    return str(context["page"](path))


def _said(data: Mapping[str, Any], wanted: Language) -> Any:
    """The words of a promotion, which come with it."""
    said = data.get("words") or {}
    return said.get(wanted) or said.get("en")


def _read(file: Path) -> Template:
    content = json.loads(file.read_text())
    base = json.loads((FOLDER / "_mail" / f"{content['base']}.json").read_text()) if "base" in content else {}
    return Template(
        file.parent.name,
        content["kind"],
        content["body"],
        content["link"],
        _laid_over(base, content["sample"]),
        content.get("action_first", False),
    )


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: _laid_over(below.get(key), value) for key, value in above.items()}}


def _squeezed(text: str) -> str:
    """With at most one empty line in a row."""
    lines: list[str] = []
    for line in text.split("\n"):
        line = line if line == "-- " else line.rstrip()
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


_LABELS: dict[str, dict[str, str]] = json.loads((FOLDER / "_mail" / "labels.json").read_text())
