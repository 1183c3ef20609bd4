"""Materials and colours of the demo goods: what they are called and how they are drawn."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Shades:
    """Three of one colour, as hexadecimal RGB: lit, as it is, in shadow."""

    light: str
    base: str
    dark: str


class Finish(Enum):
    """Value: the attribute by which it is filtered, what it is called, and its shades."""

    OAK = ("material", "oak", Shades("#e3c08d", "#cfa266", "#a87b43"))
    WALNUT = ("material", "walnut", Shades("#8d6243", "#6f4a31", "#4f3322"))
    ASH = ("material", "ash", Shades("#efdfc3", "#dfc8a2", "#bfa47a"))
    CHERRY = ("material", "cherry", Shades("#c98a63", "#ad6a45", "#874e31"))
    BRASS = ("material", "brass", Shades("#e9cf86", "#cfa84c", "#9f7b2b"))
    STEEL = ("material", "steel", Shades("#e3e8ec", "#bfc8cf", "#8f9aa3"))
    COPPER = ("material", "copper", Shades("#e8a986", "#cb7f58", "#9c5937"))
    BLACK = ("colour", "black", Shades("#5a5d62", "#3b3e43", "#26282c"))
    CREAM = ("colour", "cream", Shades("#fbf4e4", "#efe3c8", "#d3c29c"))
    SAGE = ("colour", "sage", Shades("#bccbb0", "#97ac89", "#708564"))
    MOSS = ("colour", "moss", Shades("#7d8f5c", "#5f7242", "#43532d"))
    INDIGO = ("colour", "indigo", Shades("#6f7fb8", "#4b5c97", "#34416f"))
    NAVY = ("colour", "navy", Shades("#4f6583", "#344866", "#222f46"))
    SLATE = ("colour", "slate", Shades("#8fa0ab", "#6b7d89", "#4c5b65"))
    TERRACOTTA = ("colour", "terracotta", Shades("#de9270", "#c66f4b", "#9a5134"))
    RUST = ("colour", "rust", Shades("#cf7447", "#b15529", "#843c1b"))
    MUSTARD = ("colour", "mustard", Shades("#ecc566", "#d9a637", "#a87c20"))
    BLUSH = ("colour", "blush", Shades("#f1cdc4", "#e2aba0", "#bf8479"))
    CHARCOAL = ("colour", "charcoal", Shades("#73767b", "#54575c", "#393b3f"))

    @property
    def attribute(self) -> str:
        """`material` or `colour`."""
        return self.value[0]

    @property
    def title(self) -> str:
        """As in the product's title."""
        return self.value[1]

    @property
    def shades(self) -> Shades:
        """How it is drawn."""
        return self.value[2]
