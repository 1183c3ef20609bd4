"""Products in several variants: what the variants differ in, and which there are."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel
from shop_contracts.catalog.api import Family, FamilyContent, FamilyPage, FamilyWithVariants, Slug

from shop_storefront.forms import Form
from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin import fields
from shop_storefront.routes.admin.desk import PAGE, desk, saved
from shop_storefront.visit import Visit, VisitDep

router = pages()
Catalog = Annotated[Desk, desk("catalog")]
Name = Annotated[str, Path(max_length=120)]


class NewFamily(BaseModel):
    """What the form of a new one has besides its content."""

    slug: Slug


@router.get("/admin/families")
async def list_families(visit: VisitDep, catalog: Catalog) -> Response:
    """All, by name; and a form for another."""
    return await _list(visit, catalog, Form())


@router.post("/admin/families")
async def create_family(visit: VisitDep, catalog: Catalog) -> Response:
    """Makes one without variants."""
    form = visit.form
    new, content = form.into(NewFamily), _content(form)
    if new is None or content is None or not await _put(visit, catalog, new.slug, content, None):
        return await _list(visit, catalog, form, 422)
    return visit.to(f"/admin/families/{new.slug}")


@router.get("/admin/families/{slug}")
async def read_family(visit: VisitDep, catalog: Catalog, slug: Name) -> Response:
    """One with its variants."""
    return await _shown(visit, await _read(catalog, slug))


@router.post("/admin/families/{slug}")
async def change_family(visit: VisitDep, catalog: Catalog, slug: Name) -> Response:
    """Changes it, if it is still as the form showed it."""
    content = _content(visit.form)
    if content is None or not await _put(visit, catalog, slug, content, fields.version(visit.form)):
        return await _shown(visit, await _read(catalog, slug), visit.form)
    return visit.to(f"/admin/families/{slug}")


def _content(form: Form) -> FamilyContent | None:
    options = [each.strip() for each in form.get("options").split(",") if each.strip()]
    return form.into(FamilyContent, description=form.get("description"), options=options)


async def _put(visit: Visit, catalog: Desk, slug: str, content: FamilyContent, version: int | None) -> bool:
    """Whether it is done; else the form says why not."""
    _ = visit.say
    work = catalog.call(
        "PUT", "/admin/families/{slug}", path={"slug": slug}, body=content, version=version, into=Family
    )
    taken = ("slug", _("There is one of that name already.")) if version is None else None
    if await saved(visit, work, otherwise=_("This cannot be saved."), overtaken=taken) is None:
        return False
    visit.site.catalog.family.forget(slug)
    await visit.notice(_("Saved."))
    return True


async def _read(catalog: Desk, slug: str) -> FamilyWithVariants:
    return await catalog.call("GET", "/families/{slug}", path={"slug": slug}, into=FamilyWithVariants)


async def _list(visit: Visit, catalog: Desk, form: Form, status: int = 200) -> Response:
    after = visit.request.query_params.get("after")
    params = {"limit": PAGE} | ({"after": after} if after else {})
    page = await catalog.call("GET", "/families", params=params, into=FamilyPage)
    return await visit.page(
        "pages/admin/products/families.html", status=status, page=page, after=after, form=form
    )


async def _shown(visit: Visit, family: FamilyWithVariants, form: Form | None = None) -> Response:
    entered = form or Form().fill(
        title=family.title, description=family.description, options=", ".join(family.options)
    )
    entered.values["version"] = str(family.version)
    return await visit.page(
        "pages/admin/products/family.html", status=422 if form else 200, family=family, form=entered
    )
