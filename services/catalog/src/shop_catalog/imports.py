"""Many products at once: from lines of NDJSON or CSV to a report that names each line left out."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from shop_contracts.catalog.api import IMPORT_MAX, ImportProblem, ImportReport, NewProduct

from shop_catalog.errors import Refused
from shop_catalog.products import Products

MAX_BYTES = 5 * 2**20
CSV_EXAMPLE = """\
sku,slug,title,category,price.amount,price.currency,weight_grams,attributes.material
LGT-0042,oak-desk-lamp,Oak desk lamp,lighting,4900,EUR,1200,oak
"""
NDJSON_EXAMPLE = (
    '{"sku": "LGT-0042", "slug": "oak-desk-lamp", "title": "Oak desk lamp", "category": "lighting", '
    '"price": {"amount": 4900, "currency": "EUR"}, "weight_grams": 1200}\n'
)
Parsed = tuple[int, NewProduct | str]
"""Number of the line, and the product or what is wrong with it."""


class NotReadable(Exception):  # noqa: N818 - the name says it
    """The document as a whole cannot be read; says why."""


def parse(document: bytes, media_type: str) -> list[Parsed]:
    """`media_type`: application/x-ndjson or text/csv. Raises NotReadable."""
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotReadable(f"expected UTF-8, found {error.reason} at byte {error.start}") from error
    match media_type:
        case "application/x-ndjson":
            parsed = list(_ndjson(text))
        case "text/csv":
            parsed = list(_csv(text))
        case other:
            raise NotReadable(f"Content-Type: expected application/x-ndjson or text/csv, found {other!r}")
    if len(parsed) > IMPORT_MAX:
        raise NotReadable(f"expected at most {IMPORT_MAX} products, found {len(parsed)}; send the rest apart")
    return parsed


async def run(products: Products, parsed: list[Parsed]) -> ImportReport:
    """Puts each product, in a transaction of its own; what is refused is reported and the next one taken."""
    counts = {"created": 0, "changed": 0, "unchanged": 0}
    problems: list[ImportProblem] = []
    for number, product in parsed:
        problem = product if isinstance(product, str) else None
        if isinstance(product, NewProduct):
            try:
                counts[await products.put(product)] += 1
            except Refused as error:
                problem = str(error)
        if problem is not None:
            problems.append(ImportProblem(line=number, problem=problem))
    return ImportReport(**counts, problems=problems)


def _ndjson(text: str) -> Iterator[Parsed]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, _product(json.loads(line))
        except (ValueError, RecursionError) as error:
            yield number, f"not JSON: {error}"


def _csv(text: str) -> Iterator[Parsed]:
    """Columns are fields: `price.amount`, `attributes.material`, `options.size`; an empty cell is none."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield max(rows.line_num, 1), f"not CSV: {error}"
            continue
        if not row:
            continue
        if names is None:
            names = row
        elif len(row) != len(names):
            yield rows.line_num, f"expected {len(names)} cells, found {len(row)}"
        else:
            cells = zip(names, row, strict=True)
            yield rows.line_num, _product(_nested({name: cell for name, cell in cells if cell}))


def _nested(row: dict[str, str]) -> dict[str, Any]:
    product: dict[str, Any] = {}
    for name, cell in row.items():
        field, dot, inner = name.partition(".")
        if not dot:
            product[field] = cell
        elif isinstance(inside := product.setdefault(field, {}), dict):
            inside[inner] = cell
    return product


def _product(found: Any) -> NewProduct | str:
    try:
        return NewProduct.model_validate(found)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'line'}: {each['msg']}" for each in problems[:5]
        )
