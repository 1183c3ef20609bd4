"""General rates of where logistics goes to begin with; administrators keep them, and add reduced ones."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Basis points of what prices contain: standard rates of November 2026.
INCLUDED = {
    "AT": 2000,
    "BE": 2100,
    "CH": 810,
    "CZ": 2100,
    "DE": 1900,
    "DK": 2500,
    "ES": 2100,
    "FI": 2550,
    "FR": 2000,
    "GB": 2000,
    "IE": 2300,
    "IT": 2200,
    "LU": 1700,
    "NL": 2100,
    "NO": 2500,
    "PL": 2300,
    "PT": 2300,
    "SE": 2500,
}
# What is added to prices, by region: of the states and provinces that are sold to.
ADDED = {
    "CA": {"AB": 500, "BC": 1200, "MB": 1200, "NS": 1400, "ON": 1300, "SK": 1100},
    "US": {"CA": 725, "NY": 400, "OR": 0, "TX": 625, "WA": 650},
}


def upgrade() -> None:
    country = sa.table(
        "tax_country",
        sa.column("country", sa.String()),
        sa.column("prices_include_tax", sa.Boolean()),
        sa.column("by_region", sa.Boolean()),
        sa.column("version", sa.Integer()),
    )
    rate = sa.table(
        "tax_rate",
        *(sa.column(name, sa.String()) for name in ("country", "region", "category")),
        sa.column("basis_points", sa.Integer()),
    )
    op.bulk_insert(
        country,
        [
            {
                "country": name,
                "prices_include_tax": name in INCLUDED,
                "by_region": name in ADDED,
                "version": 1,
            }
            for name in [*INCLUDED, *ADDED]
        ],
    )
    rates = [(name, "", points) for name, points in INCLUDED.items()]
    rates += [(name, region, points) for name, regions in ADDED.items() for region, points in regions.items()]
    op.bulk_insert(
        rate,
        [
            {"country": name, "region": region, "category": "", "basis_points": points}
            for name, region, points in rates
        ],
    )
