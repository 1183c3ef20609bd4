"""Pictures of a product: catalog keeps what is uploaded, the product has them in their order."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Response
from shop_contracts.catalog.api import Image, Media, Product, ProductChanges

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages, uploads
from shop_storefront.routes.admin import fields
from shop_storefront.routes.admin.desk import desk, done, saved
from shop_storefront.routes.admin.products import product_of, shown
from shop_storefront.visit import VisitDep

router = pages()
Catalog = Annotated[Desk, desk("catalog")]

UPLOAD = 5 * 2**20
"""Bytes that catalog takes."""
_FORM = 64 * 1024
"""Around the file."""
_SECONDS = 8.0
"""Catalog makes the other sizes while the request waits."""


@router.post("/admin/products/{id}/pictures")
@uploads(UPLOAD + _FORM, "catalog:admin")
async def upload(visit: VisitDep, catalog: Catalog, id: UUID) -> Response:
    """Adds one, as the last. The same file again is the same picture."""
    _, form = visit.say, visit.form
    file = form.files.get("file")
    content = await file.read() if file else b""
    if file is None or not content:
        form.wrong("file", _("Please choose a picture."))
    else:
        kind = file.content_type or "application/octet-stream"
        work = _add(catalog, id, kind, content, form.get("alt")[:300])
        if await saved(visit, work, at="file", otherwise=_("This picture cannot be used.")):
            await visit.notice(_("The picture is there."))
            return visit.to(f"/admin/products/{id}")
    return await shown(visit, catalog, await product_of(catalog, id), pictures=form, status=422)


@router.post("/admin/products/{id}/pictures/{deed}")
async def arrange(visit: VisitDep, catalog: Catalog, id: UUID, deed: Literal["first", "remove"]) -> Response:
    """Makes one the first, which lists show; or takes it off the product."""
    _, url, product = visit.say, visit.form.get("url"), await product_of(catalog, id)
    chosen = [each for each in product.images if each.url == url]
    others = [each for each in product.images if each.url != url]
    if deed == "remove":
        images, said = others, _("The picture is off the product.")
    else:
        images, said = chosen + others, _("The picture is the first now.")
    work = _save(catalog, product, images, fields.version(visit.form))
    return await done(visit, work, said, f"/admin/products/{id}")


async def _add(catalog: Desk, id: UUID, kind: str, content: bytes, alt: str) -> Product:
    media = await catalog.call(
        "POST", "/admin/media", upload=(kind, content), into=Media, idempotent=True, timeout=_SECONDS
    )
    product = await product_of(catalog, id)
    others = [each for each in product.images if each.url != media.url]
    return await _save(catalog, product, [*others, Image(url=media.url, alt=alt, sizes=media.sizes)])


async def _save(catalog: Desk, product: Product, images: list[Image], version: int | None = None) -> Product:
    """`version`: as somebody saw it; None: as it was read right now."""
    return await catalog.call(
        "PATCH",
        "/admin/products/{id}",
        path={"id": product.id},
        body=ProductChanges(images=images),
        version=product.version if version is None else version,
        into=Product,
    )
