"""Zones and rates to begin with, so that a new shop can send; administrators change them as they like."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ZONES = {
    "home": ["NL"],
    "near": ["BE", "DE", "LU"],
    "europe": ["AT", "CH", "CZ", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NO", "PL", "PT", "SE"],
    # Islands and far parts of countries that are nearer otherwise.
    "remote": ["ES 07", "ES 35", "ES 38", "FR 20", "FR 97", "GB BT", "PT 9"],
    "world": ["CA", "US"],
}
CARRIERS = {
    "paketpost": ("Paketpost", "PP"),
    "swiftline": ("Swiftline", "SW"),
    "counter": ("Our counter", "CN"),
}
BANDS = (1_000, 5_000, 20_000, 31_500)
# Prices of the bands in cents; of a carrier that does not take the heaviest there are fewer.
RATES = [
    ("paketpost", "home", "standard", (390, 490, 790, 1190), 1, 2),
    ("paketpost", "near", "standard", (590, 790, 1290, 1990), 2, 4),
    ("paketpost", "europe", "standard", (990, 1290, 1990, 2990), 3, 6),
    ("paketpost", "remote", "standard", (1490, 1990, 3490), 5, 10),
    ("paketpost", "world", "standard", (1990, 2990, 5990), 7, 14),
    ("swiftline", "home", "standard", (450, 480, 690), 1, 3),
    ("swiftline", "home", "express", (890, 1090, 1690), 1, 1),
    ("swiftline", "near", "express", (1290, 1590, 2690), 1, 2),
    ("swiftline", "europe", "express", (1990, 2690, 4490), 2, 3),
    ("swiftline", "world", "express", (3990, 5990), 3, 5),
    ("counter", "home", "pickup", (0, 0, 0, 0), 1, 1),
]


def upgrade() -> None:
    text, number = sa.String(), sa.BigInteger()
    zone = sa.table("zone", sa.column("id", text), sa.column("version", number))
    area = sa.table("area", *(sa.column(name, text) for name in ("country", "postal_prefix", "zone")))
    carrier = sa.table(
        "carrier",
        *(sa.column(name, text) for name in ("id", "title", "tracking_prefix")),
        sa.column("active", sa.Boolean()),
        sa.column("version", number),
    )
    rate = sa.table(
        "rate",
        *(sa.column(name, text) for name in ("carrier", "zone", "option", "currency")),
        *(sa.column(name, number) for name in ("max_weight_grams", "amount", "days_min", "days_max")),
    )
    op.bulk_insert(zone, [{"id": id, "version": 1} for id in ZONES])
    places = [(id, *place.partition(" ")[::2]) for id, places in ZONES.items() for place in places]
    op.bulk_insert(
        area, [{"zone": id, "country": country, "postal_prefix": prefix} for id, country, prefix in places]
    )
    op.bulk_insert(
        carrier,
        [
            {"id": id, "title": title, "tracking_prefix": prefix, "active": True, "version": 1}
            for id, (title, prefix) in CARRIERS.items()
        ],
    )
    op.bulk_insert(
        rate,
        [
            {
                "carrier": carrier_id,
                "zone": zone_id,
                "option": option,
                "currency": "EUR",
                "max_weight_grams": weight,
                "amount": amount,
                "days_min": first,
                "days_max": last,
            }
            for carrier_id, zone_id, option, amounts, first, last in RATES
            for weight, amount in zip(BANDS, amounts, strict=False)
        ],
    )
