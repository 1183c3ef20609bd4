from shop_contracts.order_taking.api import Address
from shop_contracts.user.api import NewAddress, Registration
from shop_storefront.forms import Form
from starlette.datastructures import FormData


def test_fields_with_dots_are_those_of_inner_models() -> None:
    form = Form(
        {
            "csrf": "x",
            "label": " home ",
            "address.name": "Ann",
            "address.line1": "Main Street 1",
            "address.city": "Delft",
            "address.postal_code": "2611",
            "address.country": "NL",
        }
    )
    entered = form.into(NewAddress)
    assert entered is not None, form.errors
    assert isinstance(entered.address, Address)
    assert (entered.label, entered.address.city) == ("home", "Delft")


def test_what_is_wrong_is_said_at_the_field() -> None:
    form = Form({"email": "ann@example.com", "password": "short", "name": ""})
    assert form.into(Registration) is None
    assert form.errors == {"password": "At least 12 characters, please."}
    assert Form({}).into(Registration) is None


def test_lines_are_apart_as_everybody_keeps_them() -> None:
    form = Form(FormData([("text", "One.\r\n\r\nTwo."), ("box", "a\r\nb")]))
    assert form.get("text") == "One.\n\nTwo."
    assert form.all("box") == ["a\nb"]
