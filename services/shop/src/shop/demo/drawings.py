# ruff: noqa: D103, E501 - what a function draws is its name, and a shape is one line
"""Drawings of the demo goods: flat shapes in three shades on a square of 200, the floor at 168.

Each function gives the SVG elements of one kind of goods in the shades of one finish.
"""

from shop.demo.colours import Finish, Shades

STEEL, DARK, WOOD = Finish.STEEL.shades, Finish.BLACK.shades, Finish.OAK.shades
LINEN, GLOW = Finish.CREAM.shades, "#ffe9ad"


def path(d: str, fill: str, more: str = "") -> str:
    """A closed shape."""
    return f'<path d="{d}" fill="{fill}" {more}/>'


def line(d: str, stroke: str, width: float, more: str = "") -> str:
    """A stroke with round ends."""
    return (
        f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}" '
        f'stroke-linecap="round" stroke-linejoin="round" {more}/>'
    )


def oval(x: float, y: float, rx: float, ry: float, fill: str) -> str:
    """An ellipse by its centre."""
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}"/>'


def box(x: float, y: float, width: float, height: float, fill: str, round: float = 0) -> str:
    """A rectangle by its corner."""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{round}" fill="{fill}"/>'


def desk_lamp(p: Shades) -> str:
    return (
        oval(82, 164, 34, 7, p.dark)
        + oval(82, 161, 34, 7, p.base)
        + line("M82 160 L70 98 L118 52", p.dark, 5)
        + oval(70, 98, 6, 6, p.light)
        + path("M104 66 L88 108 L172 108 Q166 66 136 48 Q112 40 104 66Z", GLOW, 'opacity=".35"')
        + path("M100 72 Q98 42 124 36 Q152 34 160 78 Q130 66 100 72Z", p.base)
        + path("M134 37 Q152 40 160 78 Q150 73 140 71 Q146 50 134 37Z", p.dark)
        + path("M100 72 Q130 65 160 78 Q130 84 100 72Z", GLOW)
    )


def table_lamp(p: Shades) -> str:
    return (
        oval(100, 165, 30, 6, p.dark)
        + path("M72 162 Q74 152 94 150 Q84 132 92 116 Q94 106 92 98 L108 98 Q106 106 108 116 "
               "Q116 132 106 150 Q126 152 128 162 Q114 169 100 169 Q86 169 72 162Z", p.base)
        + path("M102 98 L108 98 Q106 106 108 116 Q116 132 106 150 Q126 152 128 162 Q118 167 108 168 "
               "Q104 152 102 98Z", p.dark)
        + path("M72 36 L128 36 L146 100 Q100 108 54 100Z", LINEN.light)
        + path("M112 36 L128 36 L146 100 Q134 103 120 104Z", LINEN.base)
        + path("M54 100 Q100 108 146 100 L145 96 Q100 104 55 96Z", LINEN.dark)
    )  # fmt: skip


def floor_lamp(p: Shades) -> str:
    return (
        oval(78, 172, 28, 6, p.dark)
        + oval(78, 169, 28, 6, p.base)
        + line("M78 168 L78 52 Q78 26 104 26 Q124 26 126 42", p.dark, 4)
        + path("M104 74 L84 122 L172 122 L148 74Z", GLOW, 'opacity=".3"')
        + path("M104 74 Q104 42 126 40 Q148 42 148 74Z", p.base)
        + path("M130 40 Q148 44 148 74 L136 74 Q138 52 130 40Z", p.dark)
        + oval(126, 74, 22, 4, GLOW)
    )


def tripod_lamp(p: Shades) -> str:
    return (
        line("M100 84 L100 168", p.dark, 5)
        + line("M98 84 L66 172", p.base, 6)
        + line("M102 84 L134 172", p.base, 6)
        + oval(100, 86, 7, 5, p.dark)
        + path("M64 26 L136 26 L148 82 Q100 90 52 82Z", LINEN.light)
        + path("M118 26 L136 26 L148 82 Q138 85 124 86Z", LINEN.base)
        + path("M52 82 Q100 90 148 82 L147 78 Q100 86 53 78Z", LINEN.dark)
    )


def dome_pendant(p: Shades) -> str:
    return (
        line("M100 0 L100 62", DARK.base, 2.5)
        + box(93, 56, 14, 14, p.dark, 3)
        + path("M54 122 L36 178 L164 178 L146 122Z", GLOW, 'opacity=".28"')
        + path("M44 122 Q46 70 100 68 Q154 70 156 122Z", p.base)
        + path("M112 69 Q154 74 156 122 L138 122 Q138 84 112 69Z", p.dark)
        + path("M58 112 Q62 84 84 76", "none", f'stroke="{p.light}" stroke-width="5" stroke-linecap="round"')
        + oval(100, 122, 56, 8, GLOW)
    )


def globe_pendant(p: Shades) -> str:
    return (
        line("M100 0 L100 58", DARK.base, 2.5)
        + box(86, 52, 28, 18, p.base, 4)
        + box(102, 52, 12, 18, p.dark, 4)
        + oval(100, 116, 50, 50, "#fdf8ec")
        + path("M118 70 Q150 82 150 116 Q148 162 100 166 Q138 150 136 112 Q134 84 118 70Z", "#eadfc7")
        + oval(80, 96, 10, 14, "#ffffff")
    )


def throw(p: Shades) -> str:
    stripes = "".join(box(46, y, 108, 4, p.light) for y in (70, 84, 128))
    fringe = "".join(line(f"M{x} 152 l0 14", p.dark, 2.5) for x in range(50, 154, 8))
    return (
        box(46, 54, 108, 100, p.base, 8)
        + path("M118 54 L146 54 Q154 54 154 62 L154 152 L124 152 Q130 100 118 54Z", p.dark, 'opacity=".35"')
        + stripes
        + fringe
        + path("M46 66 Q46 48 62 46 L150 46 Q158 48 154 60 L58 60 Q50 60 46 66Z", p.light)
    )


def cushion(p: Shades) -> str:
    return (
        path("M46 58 Q100 46 154 58 Q148 106 156 158 Q100 168 44 158 Q52 106 46 58Z", p.base)
        + path("M154 58 Q148 106 156 158 Q132 163 110 163 Q142 120 132 54 Q144 55 154 58Z", p.dark, 'opacity=".45"')
        + line("M62 74 Q100 66 138 74 M62 142 Q100 150 138 142", p.light, 3)
        + oval(100, 108, 5, 4, p.light)
    )  # fmt: skip


def bed_linen(p: Shades) -> str:
    return (
        path("M34 150 Q36 112 48 108 L152 108 Q164 112 166 150 Q166 168 156 168 L44 168 Q34 168 34 150Z", p.base)
        + path("M34 140 Q100 126 166 140 L166 152 Q100 138 34 152Z", p.light)
        + path("M54 110 Q46 78 62 74 Q80 68 96 74 Q100 92 94 110Z", LINEN.light)
        + path("M106 110 Q100 78 112 74 Q130 68 146 74 Q154 90 146 110Z", LINEN.light)
        + path("M84 72 Q96 72 96 74 Q100 92 94 110 L84 110 Q90 92 84 72Z", LINEN.base)
        + path("M134 71 Q142 72 146 74 Q154 90 146 110 L134 110 Q142 92 134 71Z", LINEN.base)
        + path("M138 108 L152 108 Q164 112 166 150 Q166 168 156 168 L146 168 Q154 130 138 108Z", p.dark, 'opacity=".4"')
    )  # fmt: skip


def towel(p: Shades) -> str:
    folds = [
        box(48, y, 104, 24, p.base, 11)
        + box(48, y + 14, 104, 10, p.dark, 5)
        + path(f"M60 {y + 8} h70", "none", f'stroke="{p.light}" stroke-width="4" stroke-linecap="round"')
        for y in (140, 114, 88)
    ]
    roll = oval(100, 68, 40, 19, p.base) + oval(100, 68, 28, 13, p.dark) + oval(100, 68, 16, 7, p.base)
    return "".join(folds) + roll


def vase(p: Shades) -> str:
    return (
        line("M100 60 Q92 34 78 20 M101 60 Q104 30 118 14 M100 60 Q112 44 134 38", "#7d8f5c", 2.5)
        + "".join(
            oval(x, y, 6, 9, "#97ac89") for x, y in ((78, 20), (88, 36), (118, 14), (108, 34), (134, 38))
        )
        + path("M88 58 L112 58 Q110 78 122 92 Q138 112 132 138 Q126 166 100 168 Q74 166 68 138 "
               "Q62 112 78 92 Q90 78 88 58Z", p.base)
        + path("M104 58 L112 58 Q110 78 122 92 Q138 112 132 138 Q126 166 100 168 Q122 140 114 104 "
               "Q106 80 104 58Z", p.dark)
        + oval(100, 58, 12, 3, p.light)
        + line("M78 116 Q74 132 80 146", p.light, 4)
    )  # fmt: skip


def clock(p: Shades) -> str:
    hours = "".join(
        f'<rect x="98.5" y="50" width="3" height="{10 if hour % 3 == 0 else 6}" rx="1.5" fill="{p.dark}" '
        f'transform="rotate({hour * 30} 100 100)"/>'
        for hour in range(12)
    )
    return (
        oval(100, 103, 66, 66, p.dark)
        + oval(100, 100, 66, 66, p.base)
        + oval(100, 100, 56, 56, "#fbf7ee")
        + hours
        + line("M100 100 L76 84", DARK.base, 5)
        + line("M100 100 L122 62", DARK.base, 3.5)
        + oval(100, 100, 5, 5, p.base)
    )


def casserole(p: Shades) -> str:
    return (
        path("M24 104 Q22 96 32 96 L48 96 L48 112 L34 112 Q26 112 24 104Z", p.dark)
        + path("M176 104 Q178 96 168 96 L152 96 L152 112 L166 112 Q174 112 176 104Z", p.dark)
        + path("M42 94 L158 94 L154 150 Q152 168 134 168 L66 168 Q48 168 46 150Z", p.base)
        + path("M132 94 L158 94 L154 150 Q152 168 134 168 L112 168 Q134 150 132 94Z", p.dark)
        + path("M40 92 Q44 66 100 64 Q156 66 160 92Z", p.light)
        + path("M116 65 Q156 68 160 92 L138 92 Q138 74 116 65Z", p.base)
        + box(38, 88, 124, 8, p.dark, 4)
        + oval(100, 60, 12, 6, STEEL.base)
        + oval(100, 58, 12, 5, STEEL.light)
    )


def frying_pan(p: Shades) -> str:
    return (
        f'<g transform="rotate(-28 80 112)">{box(124, 106, 70, 13, WOOD.dark, 6)}{box(124, 106, 70, 7, WOOD.base, 4)}</g>'
        + oval(80, 116, 56, 48, p.dark)
        + oval(80, 112, 56, 48, p.base)
        + oval(80, 113, 45, 38, p.dark)
        + path("M48 98 Q58 82 82 80", "none", f'stroke="{p.light}" stroke-width="5" stroke-linecap="round"')
    )  # fmt: skip


def knife(p: Shades) -> str:
    return f"""<g transform="rotate(-38 100 100)">{
        path("M20 92 Q24 112 66 118 L128 118 L128 88 L20 88Z", STEEL.base)
    }{path("M20 92 Q24 112 66 118 L128 118 L128 108 L70 106 Q36 102 20 92Z", STEEL.light)}{
        box(124, 86, 12, 30, STEEL.dark, 3)
    }{path("M136 88 L190 86 Q198 98 190 112 L136 114Z", p.base)}{
        path("M136 102 L195 102 Q194 108 190 112 L136 114Z", p.dark)
    }{oval(150, 100, 3, 3, STEEL.light)}{oval(176, 100, 3, 3, STEEL.light)}</g>"""


def board(p: Shades) -> str:
    grain = "".join(line(f"M{56 + 16 * i} 70 q6 40 -2 88", p.dark, 1.6, 'opacity=".45"') for i in range(6))
    return (
        box(40, 58, 120, 112, p.dark, 14)
        + box(40, 54, 120, 112, p.base, 14)
        + grain
        + box(88, 22, 24, 40, p.base, 10)
        + oval(100, 36, 6, 6, p.dark)
        + f'<rect x="50" y="64" width="100" height="92" rx="9" fill="none" stroke="{p.light}" stroke-width="3"/>'
    )


def mug(p: Shades) -> str:
    return (
        line("M136 88 Q170 84 168 112 Q164 140 132 138", p.dark, 11)
        + path("M50 66 L140 66 L136 156 Q134 168 120 168 L70 168 Q56 168 54 156Z", p.base)
        + path("M116 66 L140 66 L136 156 Q134 168 120 168 L100 168 Q118 150 116 66Z", p.dark, 'opacity=".55"')
        + oval(95, 66, 45, 10, p.light)
        + oval(95, 67, 38, 7, "#5b3b28")
        + path("M50 128 L137.5 128 L136 156 Q134 168 120 168 L70 168 Q56 168 54 156Z", p.dark, 'opacity=".3"')
    )


def cup(p: Shades) -> str:
    return (
        oval(100, 158, 66, 12, p.dark)
        + oval(100, 154, 66, 12, p.base)
        + oval(100, 153, 40, 6, p.dark)
        + line("M130 104 Q156 100 152 120 Q146 136 124 134", p.dark, 8)
        + path("M62 92 L134 92 Q134 150 98 152 Q62 150 62 92Z", p.base)
        + path("M116 92 L134 92 Q134 150 98 152 Q122 138 116 92Z", p.dark, 'opacity=".55"')
        + oval(98, 92, 36, 8, p.light)
        + oval(98, 93, 30, 6, "#4a2d1d")
    )


def plate(p: Shades) -> str:
    return (
        oval(100, 108, 78, 66, p.dark)
        + oval(100, 104, 78, 66, p.base)
        + oval(100, 104, 74, 62, p.light)
        + oval(100, 105, 52, 43, p.base)
        + oval(100, 107, 49, 40, p.light)
        + path("M46 80 Q60 56 90 50", "none", 'stroke="#fff" stroke-width="4" stroke-linecap="round" opacity=".7"')
    )  # fmt: skip


def bowl(p: Shades) -> str:
    return (
        path("M74 158 L126 158 L122 168 L78 168Z", p.dark)
        + path("M32 92 L168 92 Q164 160 100 162 Q36 160 32 92Z", p.base)
        + path("M140 92 L168 92 Q164 160 100 162 Q146 146 140 92Z", p.dark, 'opacity=".55"')
        + oval(100, 92, 68, 16, p.light)
        + oval(100, 94, 59, 12, p.dark)
        + line("M46 112 Q52 136 70 148", p.light, 4)
    )


def kettle(p: Shades) -> str:
    return (
        line("M60 74 Q58 26 100 26 Q142 26 140 74", DARK.base, 8)
        + path("M138 118 Q158 108 162 76 L176 72 Q174 116 144 142Z", p.dark)
        + path("M48 104 Q52 72 100 70 Q148 72 152 104 L158 150 Q158 168 140 168 L60 168 Q42 168 42 150Z", p.base)
        + path("M126 76 Q150 82 152 104 L158 150 Q158 168 140 168 L116 168 Q136 150 126 76Z", p.dark, 'opacity=".6"')
        + path("M74 72 Q78 60 100 60 Q122 60 126 72 Q100 78 74 72Z", p.light)
        + oval(100, 57, 7, 6, DARK.base)
        + line("M60 108 Q56 130 58 148", p.light, 5)
    )  # fmt: skip


def teapot(p: Shades) -> str:
    return (
        line("M54 96 Q22 92 24 120 Q30 146 60 142", p.dark, 9)
        + path("M142 128 Q164 122 166 92 L180 86 Q184 140 140 152Z", p.dark)
        + oval(100, 124, 54, 44, p.base)
        + path("M118 82 Q156 94 154 126 Q148 166 104 168 Q144 136 118 82Z", p.dark, 'opacity=".55"')
        + path("M68 90 Q74 72 100 72 Q126 72 132 90 Q100 98 68 90Z", p.light)
        + oval(100, 68, 9, 7, p.dark)
        + line("M62 112 Q58 128 66 144", p.light, 5)
    )


def daypack(p: Shades) -> str:
    return (
        line("M84 42 Q84 22 100 22 Q116 22 116 42", p.dark, 6)
        + path("M54 84 Q54 38 100 36 Q146 38 146 84 L150 152 Q150 168 134 168 L66 168 Q50 168 50 152Z", p.base)
        + path("M124 42 Q146 50 146 84 L150 152 Q150 168 134 168 L118 168 Q140 120 124 42Z", p.dark, 'opacity=".5"')
        + path("M64 112 L136 112 L138 146 Q138 156 128 156 L72 156 Q62 156 62 146Z", p.light)
        + line("M64 120 L136 120", p.dark, 3)
        + line("M70 70 Q100 56 130 70", p.dark, 3)
        + box(92, 84, 16, 10, WOOD.dark, 2)
        + box(36, 108, 14, 44, p.dark, 7)
    )  # fmt: skip


def trekking_pack(p: Shades) -> str:
    return (
        box(56, 152, 88, 18, DARK.base, 9)
        + path("M58 62 L142 62 L148 146 Q148 162 132 162 L68 162 Q52 162 52 146Z", p.base)
        + path("M120 62 L142 62 L148 146 Q148 162 132 162 L114 162 Q130 116 120 62Z", p.dark, 'opacity=".5"')
        + path("M52 62 Q50 30 100 28 Q150 30 148 62 Q100 72 52 62Z", p.light)
        + path("M118 30 Q148 36 148 62 Q138 65 128 66 Q132 44 118 30Z", p.base)
        + line("M76 64 L76 150 M124 64 L124 150", DARK.light, 4)
        + box(70, 88, 12, 8, STEEL.light, 2)
        + box(118, 88, 12, 8, STEEL.light, 2)
        + box(64, 112, 72, 34, p.dark, 8)
        + box(36, 96, 16, 54, "#d9a637", 8)
    )


def jacket(p: Shades) -> str:
    return (
        path("M72 48 L40 70 L28 138 L52 144 L62 96 L62 168 L138 168 L138 96 L148 144 L172 138 L160 70 L128 48Z", p.base)
        + path("M100 52 L128 48 L160 70 L172 138 L148 144 L138 96 L138 168 L104 168Z", p.dark, 'opacity=".38"')
        + path("M72 50 Q70 22 100 22 Q130 22 128 50 Q116 66 100 66 Q84 66 72 50Z", p.dark)
        + path("M80 50 Q80 32 100 32 Q120 32 120 50 Q112 60 100 60 Q88 60 80 50Z", p.base)
        + line("M100 62 L100 166", p.light, 3)
        + line("M74 122 L88 134 M126 122 L112 134", p.light, 3)
    )  # fmt: skip


def shirt(p: Shades) -> str:
    return (
        path("M70 44 L36 62 L24 108 L50 116 L60 92 L60 166 L140 166 L140 92 L150 116 L176 108 L164 62 L130 44Z", p.base)
        + path("M108 54 L130 44 L164 62 L176 108 L150 116 L140 92 L140 166 L112 166Z", p.dark, 'opacity=".35"')
        + path("M70 44 Q100 72 130 44 L118 40 Q100 54 82 40Z", p.dark)
        + line("M60 158 L140 158 M33 104 L50 109 M167 104 L150 109", p.light, 2.5)
        + oval(118, 86, 6, 6, p.light)
    )  # fmt: skip


def hat(p: Shades) -> str:
    ribs = "".join(line(f"M{52 + 12 * i} 132 l0 24", p.base, 3) for i in range(9))
    return (
        path("M44 136 Q42 62 100 60 Q158 62 156 136Z", p.base)
        + path("M112 61 Q158 66 156 136 L132 136 Q138 84 112 61Z", p.dark, 'opacity=".5"')
        + line("M70 128 Q72 92 92 72 M100 128 L100 70", p.light, 3, 'opacity=".7"')
        + box(38, 126, 124, 36, p.dark, 12)
        + ribs
        + oval(100, 50, 20, 18, p.light)
    )


def bottle(p: Shades) -> str:
    return (
        box(84, 22, 32, 24, DARK.base, 5)
        + line("M88 22 Q88 10 100 10 Q112 10 112 22", DARK.light, 5)
        + path("M80 46 L120 46 Q122 60 132 70 Q136 76 136 86 L136 156 Q136 170 122 170 L78 170 Q64 170 64 156 "
               "L64 86 Q64 76 68 70 Q78 60 80 46Z", p.base)
        + path("M112 46 L120 46 Q122 60 132 70 Q136 76 136 86 L136 156 Q136 170 122 170 L108 170 Q120 120 112 46Z",
               p.dark, 'opacity=".55"')
        + line("M76 86 L76 148", p.light, 6)
        + box(64, 116, 72, 5, p.dark)
    )  # fmt: skip


def flask(p: Shades) -> str:
    return (
        path("M74 20 L126 20 L130 58 L70 58Z", STEEL.base)
        + path("M112 20 L126 20 L130 58 L114 58Z", STEEL.dark)
        + box(68, 56, 64, 10, DARK.base, 3)
        + box(64, 64, 72, 106, p.base, 10)
        + path("M116 64 L126 64 Q136 64 136 74 L136 160 Q136 170 126 170 L112 170Z", p.dark, 'opacity=".55"')
        + line("M76 80 L76 150", p.light, 6)
        + box(84, 104, 32, 20, p.light, 4)
    )


def helmet(p: Shades) -> str:
    vents = "".join(
        path(f"M{x} 104 Q{x + 6} {y} {x + 26} {y - 8} Q{x + 16} {y + 8} {x + 12} 104Z", DARK.dark)
        for x, y in ((58, 78), (90, 70), (122, 78))
    )
    return (
        line("M62 126 Q74 166 100 168 Q120 166 132 130", DARK.light, 4)
        + path(
            "M28 118 Q30 46 104 46 Q172 48 176 112 Q176 124 164 126 Q100 112 40 132 Q28 132 28 118Z", p.base
        )
        + path("M124 48 Q172 56 176 112 Q176 124 164 126 Q154 123 144 121 Q156 76 124 48Z", p.dark)
        + vents
        + line("M44 98 Q54 66 84 58", p.light, 5)
        + box(92, 160, 16, 12, DARK.base, 3)
    )


def small_helmet(p: Shades) -> str:
    return (
        line("M60 128 Q72 166 100 168 Q128 166 140 128", DARK.light, 4)
        + path("M34 124 Q34 44 100 44 Q166 44 166 124 Q100 142 34 124Z", p.base)
        + path("M118 46 Q166 56 166 124 Q154 128 140 130 Q150 78 118 46Z", p.dark, 'opacity=".6"')
        + "".join(oval(x, y, 8, 11, DARK.dark) for x, y in ((72, 82), (100, 74), (128, 82)))
        + oval(64, 110, 7, 7, "#fff")
        + oval(100, 114, 7, 7, "#fff")
        + oval(136, 110, 7, 7, "#fff")
    )


def pannier(p: Shades) -> str:
    return (
        line("M74 40 Q74 24 100 24 Q126 24 126 40", DARK.base, 6)
        + path("M50 66 L150 66 L144 156 Q142 170 128 170 L72 170 Q58 170 56 156Z", p.base)
        + path("M122 66 L150 66 L144 156 Q142 170 128 170 L112 170 Q128 130 122 66Z", p.dark, 'opacity=".5"')
        + path("M46 68 Q46 38 64 38 L136 38 Q154 38 154 68 Q100 82 46 68Z", p.light)
        + line("M74 62 L74 130 M126 62 L126 130", DARK.light, 5)
        + box(66, 104, 16, 10, STEEL.base, 2)
        + box(118, 104, 16, 10, STEEL.base, 2)
        + oval(100, 140, 12, 12, "#fbf7ee")
        + oval(100, 140, 6, 6, p.dark)
    )


def handlebar_bag(p: Shades) -> str:
    return (
        line("M44 82 Q100 10 156 82", DARK.light, 5)
        + box(36, 80, 128, 84, p.base, 24)
        + path("M130 80 L140 80 Q164 82 164 104 L164 140 Q164 164 140 164 L124 164 Q142 124 130 80Z", p.dark, 'opacity=".5"')
        + path("M36 104 Q36 78 60 78 L140 78 Q164 78 164 104 L164 112 Q100 124 36 112Z", p.light)
        + box(58, 96, 10, 46, WOOD.dark, 4)
        + box(132, 96, 10, 46, WOOD.dark, 4)
        + box(56, 124, 14, 9, STEEL.light, 2)
        + box(130, 124, 14, 9, STEEL.light, 2)
    )  # fmt: skip


def bike_light(p: Shades) -> str:
    return (
        path("M96 74 L190 40 L190 148 L96 118Z", GLOW, 'opacity=".5"')
        + box(34, 70, 58, 52, p.base, 16)
        + box(34, 98, 58, 24, p.dark, 12)
        + path("M84 66 Q104 70 104 96 Q104 122 84 126Z", STEEL.light)
        + path("M88 74 Q98 78 98 96 Q98 114 88 118Z", "#fffbe8")
        + box(52, 122, 18, 22, DARK.base, 4)
        + box(46, 140, 30, 14, DARK.light, 6)
        + oval(52, 84, 5, 5, "#d2483a")
    )


def multitool(p: Shades) -> str:
    return f"""{line("M60 96 L26 54", STEEL.dark, 8)}{line("M66 92 L52 34", STEEL.base, 8)}{
        line("M76 92 L86 30 L98 32", STEEL.dark, 7)
    }{line("M142 124 L176 152", STEEL.base, 9)}{line("M136 130 L152 172 L142 174", STEEL.dark, 7)}<g transform="rotate(24 100 110)">{
        box(44, 88, 112, 40, p.dark, 16)
    }{box(44, 84, 112, 34, p.base, 16)}{oval(62, 101, 7, 7, STEEL.light)}{oval(138, 101, 7, 7, STEEL.light)}{
        line("M82 96 L118 96", p.light, 5)
    }</g>"""  # fmt: skip


def tent(p: Shades) -> str:
    return (
        line("M24 168 L12 176 M176 168 L188 176", DARK.light, 2.5)
        + path("M22 168 Q56 60 104 50 Q150 66 178 168Z", p.base)
        + path("M104 50 Q150 66 178 168 L126 168 Q126 96 104 50Z", p.dark)
        + path("M104 50 Q82 100 78 168 L126 168 Q126 96 104 50Z", p.light)
        + path("M103 84 Q94 120 92 168 L116 168 Q114 118 103 84Z", DARK.dark)
        + path("M103 84 Q114 118 116 168 L126 168 Q124 120 103 84Z", "#fbf7ee", 'opacity=".5"')
        + line("M40 132 Q58 92 84 66", p.light, 3, 'opacity=".8"')
    )


def stove(p: Shades) -> str:
    return (
        path("M100 62 Q78 44 92 22 Q98 34 104 18 Q128 40 100 62Z", "#6f9fd8")
        + path("M100 60 Q90 48 98 36 Q112 48 100 60Z", "#bcd9f5")
        + line("M46 66 L84 84 M154 66 L116 84", STEEL.dark, 6)
        + line("M40 64 L64 64 M136 64 L160 64", STEEL.dark, 6)
        + box(80, 66, 40, 20, p.base, 6)
        + box(104, 66, 16, 20, p.dark, 6)
        + box(92, 84, 16, 20, STEEL.base)
        + line("M108 94 L142 100", STEEL.dark, 5)
        + path(
            "M58 122 Q58 104 100 104 Q142 104 142 122 L142 156 Q142 168 130 168 L70 168 Q58 168 58 156Z",
            "#c8503c",
        )
        + path("M122 106 Q142 110 142 122 L142 156 Q142 168 130 168 L114 168Z", "#98372a")
        + box(58, 130, 84, 18, "#f4ead2")
    )


def tray(p: Shades) -> str:
    return (
        line("M84 108 L120 34", "#d9a637", 7)
        + path("M120 34 L124 22 L127 37Z", WOOD.light)
        + line("M104 108 L104 30", "#344866", 7)
        + line("M122 108 L152 48", DARK.light, 6)
        + path("M34 112 L166 112 L158 156 Q156 166 146 166 L54 166 Q44 166 42 156Z", p.base)
        + path(
            "M138 112 L166 112 L158 156 Q156 166 146 166 L120 166 Q140 146 138 112Z", p.dark, 'opacity=".6"'
        )
        + oval(100, 112, 66, 9, p.dark)
        + line("M52 128 L56 152", p.light, 5)
    )


def file(p: Shades) -> str:
    return (
        path("M66 40 L78 26 L124 26 L124 110 L66 110Z", "#fdfaf2")
        + path("M76 48 L88 32 L134 32 L134 110 L76 110Z", "#efe6d2")
        + path("M50 70 L108 40 L108 168 L50 168Z", p.base)
        + path("M108 40 L150 56 L150 168 L108 168Z", p.dark)
        + box(62, 112, 34, 22, "#fbf7ee", 3)
        + line("M68 120 L90 120 M68 127 L84 127", DARK.light, 2)
        + oval(79, 150, 7, 7, p.dark)
    )


def monitor_stand(p: Shades) -> str:
    return (
        box(46, 30, 108, 74, DARK.dark, 5)
        + box(51, 35, 98, 62, "#8fb3c9")
        + path("M51 97 L51 76 Q74 60 94 78 Q118 58 149 84 L149 97Z", "#5f8a76")
        + oval(126, 52, 8, 8, "#fff3c9")
        + box(92, 104, 16, 20, STEEL.dark)
        + box(24, 124, 152, 14, p.base, 4)
        + box(24, 132, 152, 6, p.dark, 3)
        + path("M36 138 L52 138 L50 168 L38 168Z M148 138 L164 138 L162 168 L150 168Z", p.dark)
        + box(70, 156, 60, 10, "#e9ecee", 3)
    )


def mat(p: Shades) -> str:
    return (
        path("M36 66 L178 66 L164 158 L22 158Z", p.dark)
        + path("M36 60 L178 60 L164 152 L22 152Z", p.base)
        + path("M42 66 L170 66 L158 146 L30 146Z", "none", f'stroke="{p.light}" stroke-width="2" stroke-dasharray="5 4"')
        + path("M60 92 L122 92 L116 130 L54 130Z", "#f4f1ea")
        + path("M64 98 L116 98 M62 106 L114 106 M61 114 L112 114", "none", 'stroke="#c9c3b6" stroke-width="3"')
        + oval(144, 100, 13, 9, DARK.base)
        + oval(144, 97, 13, 9, "#f7f4ee")
        + oval(144, 97, 9, 6, "#5b3b28")
    )  # fmt: skip


def notebook(p: Shades) -> str:
    return (
        box(58, 36, 96, 134, p.dark, 6)
        + box(60, 34, 92, 130, "#fdfaf2", 4)
        + box(50, 30, 98, 134, p.base, 6)
        + box(50, 30, 14, 134, p.dark, 6)
        + line("M132 31 L132 163", p.light, 4)
        + box(78, 60, 42, 26, "#fbf7ee", 3)
        + line("M85 70 L113 70 M85 77 L104 77", p.dark, 2.5)
        + path("M96 164 L96 180 L101 175 L106 180 L106 164Z", "#c8503c")
    )


def sketchbook(p: Shades) -> str:
    rings = "".join(
        line(f"M{46 + 12 * i} 40 l0 -10", STEEL.dark, 4) + oval(46 + 12 * i, 44, 3, 3, DARK.dark)
        for i in range(10)
    )
    return (
        box(34, 42, 132, 118, p.dark, 5)
        + box(34, 36, 132, 118, p.base, 5)
        + rings
        + path("M52 138 Q68 88 92 110 Q108 124 122 88 Q130 70 150 78", "none",
               f'stroke="{p.light}" stroke-width="4" stroke-linecap="round"')
        + f'<g transform="rotate(38 140 140)">{box(104, 134, 70, 9, "#d9a637", 1)}'
        + path("M174 134 L190 138.5 L174 143Z", WOOD.light)
        + path("M184 136.8 L190 138.5 L184 140.2Z", DARK.dark)
        + "</g>"
    )  # fmt: skip


def pen(p: Shades) -> str:
    return f"""<g transform="rotate(-42 100 100)">{box(18, 91, 92, 19, p.base, 9)}{box(18, 101, 92, 9, p.dark, 5)}{
        box(104, 90, 7, 21, Finish.BRASS.shades.base)
    }{path("M111 92 L146 94 L146 107 L111 109Z", p.dark)}{
        path("M146 94 Q170 95 190 100.5 Q170 106 146 107Z", Finish.BRASS.shades.light)
    }{path("M146 100.5 L190 100.5 Q170 106 146 107Z", Finish.BRASS.shades.dark)}{
        line("M158 100.5 L186 100.5", DARK.dark, 1.2)
    }{box(30, 85, 52, 5, Finish.BRASS.shades.base, 2)}{line("M28 96 L96 96", p.light, 3)}</g>{
        line("M150 166 Q164 172 176 160 Q182 152 188 162", "#344866", 2.5)
    }"""  # fmt: skip


def pencils(p: Shades) -> str:
    leads = "".join(
        box(x, 52, 13, 76, shade)
        + box(x + 8, 52, 5, 76, p.dark)
        + path(f"M{x} 52 L{x + 6.5} 28 L{x + 13} 52Z", WOOD.light)
        + path(f"M{x + 4.2} 36.5 L{x + 6.5} 28 L{x + 8.8} 36.5Z", DARK.dark)
        for x, shade in zip(range(50, 140, 17), (p.base, p.light) * 3, strict=True)
    )
    return (
        leads
        + box(38, 100, 124, 68, STEEL.base, 8)
        + path("M130 100 L154 100 Q162 100 162 108 L162 160 Q162 168 154 168 L122 168Z", STEEL.dark, 'opacity=".6"')
        + box(38, 100, 124, 8, STEEL.light, 4)
        + box(74, 122, 52, 26, p.base, 4)
        + line("M84 132 L116 132 M84 139 L106 139", p.light, 2.5)
    )  # fmt: skip
