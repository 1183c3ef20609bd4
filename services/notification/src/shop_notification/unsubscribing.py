"""What a click in a mail does, and the page that says so."""

from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_contracts.notification.api import Language

from shop_notification import suppressions
from shop_notification.choices import Choices
from shop_notification.deciding import MARKETING
from shop_notification.links import BadToken, Unsubscription, wish_of
from shop_notification.packing import DIGEST
from shop_notification.people import Gone
from shop_notification.templates import SETTINGS_PAGE, Templates

SAID: dict[Language, dict[str, dict[str, str]]] = {
    "en": {
        "ask": {
            "title": "No more of these mails?",
            "text": "We will not send you mails about {what} any more. Everything else stays as it is.",
            "button": "Unsubscribe",
            "settings": "Choose for yourself what you hear of, and where",
        },
        "done": {
            "title": "Done",
            "text": "You will get no more mails about {what}.",
            "button": "",
            "settings": "Change your mind, or choose more",
        },
        "what": {
            "order": "orders",
            "price_drop": "prices that have fallen",
            "promotion": "offers",
            DIGEST: "prices that have fallen and offers",
        },
    },
    "de": {
        "ask": {
            "title": "Diese E-Mails abbestellen?",
            "text": "Wir schicken Ihnen keine E-Mails mehr zu {what}. Alles andere bleibt, wie es ist.",
            "button": "Abbestellen",
            "settings": "Selbst auswählen, was Sie wo erfahren",
        },
        "done": {
            "title": "Erledigt",
            "text": "Sie bekommen keine E-Mails mehr zu {what}.",
            "button": "",
            "settings": "Doch anders? Mehr Einstellungen",
        },
        "what": {
            "order": "Bestellungen",
            "price_drop": "gefallenen Preisen",
            "promotion": "Angeboten",
            DIGEST: "gefallenen Preisen und Angeboten",
        },
    },
}


class Unsubscribing:
    """Tokens of mails, and what they stand for."""

    def __init__(self, store: Store, choices: Choices, templates: Templates, secret: str, page: str) -> None:
        """`page`: the storefront's first page."""
        self._store = store
        self._choices = choices
        self._templates = templates
        self._secret = secret
        self._settings_page = page.rstrip("/") + SETTINGS_PAGE

    def wish(self, token: str) -> Unsubscription:
        """What a token says. Raises Problem 404, 503."""
        if not self._secret:
            raise Problem(503, "links cannot be checked: LINK_SECRET is not set")
        try:
            return wish_of(token, self._secret)
        except BadToken as error:
            raise Problem(404, str(error)) from None

    async def carry_out(self, wish: Unsubscription) -> None:
        """From now on; nothing is left to do for an account that is gone."""
        kinds = sorted(MARKETING) if wish.kind == DIGEST else [wish.kind]
        for kind in kinds:
            if wish.subject is not None:
                try:
                    await self._choices.give_up(wish.subject, "email", kind)  # type: ignore[arg-type]
                except Gone:
                    return
            elif wish.address is not None:
                async with self._store.transaction() as session:
                    await suppressions.suppress(session, wish.address, kind, "unsubscribed")

    def page(self, wish: Unsubscription, accepted: str, *, asks: bool) -> str:
        """HTML, in the language that the browser names first, if it is one of ours."""
        language: Language = "de" if accepted.strip().lower().startswith("de") else "en"
        said = SAID[language]
        words = dict(said["ask" if asks else "done"])
        words["text"] = words["text"].format(what=said["what"].get(wish.kind, wish.kind))
        return self._templates.page(
            "unsubscribe.html", said=words, language=language, asks=asks, settings_page=self._settings_page
        )
