"""What the demo shop sells, as words: a tree of categories, kinds of goods, makers, materials and colours."""

from dataclasses import dataclass

from shop.demo.colours import Finish

TREE = {
    "home": ("Home", None),
    "lighting": ("Lighting", "home"),
    "desk-lamps": ("Desk lamps", "lighting"),
    "floor-lamps": ("Floor lamps", "lighting"),
    "pendants": ("Pendants", "lighting"),
    "textiles": ("Textiles", "home"),
    "throws-cushions": ("Throws & cushions", "textiles"),
    "bed-bath": ("Bed & bath", "textiles"),
    "decoration": ("Decoration", "home"),
    "vases-clocks": ("Vases & clocks", "decoration"),
    "kitchen": ("Kitchen", None),
    "cooking": ("Cooking", "kitchen"),
    "pots-pans": ("Pots & pans", "cooking"),
    "knives-boards": ("Knives & boards", "cooking"),
    "table": ("Table", "kitchen"),
    "mugs-cups": ("Mugs & cups", "table"),
    "plates-bowls": ("Plates & bowls", "table"),
    "coffee-tea": ("Coffee & tea", "table"),
    "outdoor": ("Outdoor", None),
    "hiking": ("Hiking", "outdoor"),
    "backpacks": ("Backpacks", "hiking"),
    "clothing": ("Clothing", "hiking"),
    "bottles-flasks": ("Bottles & flasks", "hiking"),
    "cycling": ("Cycling", "outdoor"),
    "helmets": ("Helmets", "cycling"),
    "bike-bags": ("Bike bags", "cycling"),
    "bike-lights": ("Lights & tools", "cycling"),
    "camping": ("Camping", "outdoor"),
    "tents-stoves": ("Tents & stoves", "camping"),
    "office": ("Office", None),
    "desk": ("Desk", "office"),
    "desk-tidying": ("Tidying up", "desk"),
    "stands-mats": ("Stands & mats", "desk"),
    "stationery": ("Stationery", "office"),
    "notebooks": ("Notebooks", "stationery"),
    "pens": ("Pens & pencils", "stationery"),
}
"""Slug: title, and the category above; parents come first. What has nothing below it has the products."""


@dataclass(frozen=True)
class Kind:
    """Something that comes from several makers in several materials and colours."""

    title: str
    category: str
    drawing: str
    """Name of a function of `shop.demo.drawings`."""
    price: tuple[int, int]
    """Lowest and highest, in euros."""
    grams: int
    finishes: tuple[Finish, ...]
    use: str
    """A sentence of its description."""


@dataclass(frozen=True)
class Brand:
    """A maker that nobody else is called."""

    title: str
    categories: tuple[str, ...]
    """Of the second level."""
    series: tuple[str, ...]
    promise: str
    """A sentence of the description of all it makes."""


F = Finish
WOODS = (F.OAK, F.WALNUT, F.ASH)
METALS = (F.BRASS, F.STEEL, F.BLACK, F.COPPER)
CLAYS = (F.CREAM, F.SAGE, F.INDIGO, F.TERRACOTTA, F.CHARCOAL)
CLOTHS = (F.CREAM, F.SAGE, F.RUST, F.NAVY, F.BLUSH, F.CHARCOAL)
SHELLS = (F.MOSS, F.NAVY, F.RUST, F.SLATE, F.MUSTARD)
PAPERS = (F.SAGE, F.NAVY, F.TERRACOTTA, F.MUSTARD, F.CHARCOAL, F.BLUSH)

KINDS = (
    Kind("desk lamp", "desk-lamps", "desk_lamp", (45, 149), 1800, (*METALS, F.SAGE),
         "The arm stays where it is put, and the light is warm enough for the evening."),
    Kind("table lamp", "desk-lamps", "table_lamp", (39, 129), 1600, (*WOODS, F.TERRACOTTA, F.SAGE),
         "A linen shade on a turned foot, for a sideboard or a bedside."),
    Kind("floor lamp", "floor-lamps", "floor_lamp", (89, 279), 6500, (*METALS, F.OAK),
         "It reads over your shoulder and needs a hand's breadth of floor."),
    Kind("tripod lamp", "floor-lamps", "tripod_lamp", (109, 299), 7200, (*WOODS, F.BLACK, F.BRASS),
         "Three legs, a wide shade, and a switch that the foot can find."),
    Kind("dome pendant", "pendants", "dome_pendant", (69, 199), 2400, (*METALS, *CLAYS[:3]),
         "It hangs over a table and lights what is on it, not who sits there."),
    Kind("globe pendant", "pendants", "globe_pendant", (59, 179), 1900, METALS,
         "Opal glass, blown by mouth, on three metres of cloth cable."),
    Kind("throw", "throws-cushions", "throw", (45, 159), 900, CLOTHS,
         "Woven wide enough for two, with a fringe tied by hand."),
    Kind("cushion", "throws-cushions", "cushion", (19, 69), 600, CLOTHS,
         "The cover comes off and goes into the machine at 40 degrees."),
    Kind("bed linen", "bed-bath", "bed_linen", (69, 199), 1600, CLOTHS,
         "Washed before it is sewn, so that it is soft from the first night."),
    Kind("bath towel", "bed-bath", "towel", (15, 49), 500, CLOTHS,
         "Takes up water at once and is dry again by the evening."),
    Kind("vase", "vases-clocks", "vase", (25, 119), 1400, CLAYS,
         "Thrown on the wheel, glazed inside, and heavy enough for branches."),
    Kind("wall clock", "vases-clocks", "clock", (39, 129), 900, (*WOODS, F.BLACK, F.SAGE),
         "A silent movement: the hands glide and nobody is kept awake."),
    Kind("casserole", "pots-pans", "casserole", (79, 249), 4200, (*CLAYS, F.RUST),
         "From the hob into the oven and on to the table, on any kind of stove."),
    Kind("frying pan", "pots-pans", "frying_pan", (39, 139), 1900, (F.STEEL, F.BLACK, F.COPPER, F.CHARCOAL),
         "It heats evenly, and with every meal less sticks to it."),
    Kind("kitchen knife", "knives-boards", "knife", (35, 169), 220, (*WOODS, F.BLACK, F.CHARCOAL),
         "Forged from one piece and sharp enough for ripe tomatoes."),
    Kind("chopping board", "knives-boards", "board", (19, 79), 1500, (*WOODS, F.CHERRY),
         "End grain is kind to blades; a groove keeps the juice."),
    Kind("mug", "mugs-cups", "mug", (12, 32), 350, CLAYS,
         "The handle has room for three fingers, the dishwasher does no harm."),
    Kind("espresso cup", "mugs-cups", "cup", (9, 24), 180, CLAYS,
         "Thick walls, so that the last sip is warm."),
    Kind("dinner plate", "plates-bowls", "plate", (15, 45), 700, CLAYS,
         "A rim just high enough for sauce; they stack without a sound."),
    Kind("bowl", "plates-bowls", "bowl", (14, 49), 600, CLAYS,
         "For soup, for salad, for what is left of yesterday."),
    Kind("kettle", "coffee-tea", "kettle", (39, 129), 1300, (F.STEEL, F.BLACK, F.COPPER, F.CREAM, F.SAGE),
         "A narrow spout pours slowly and exactly where it should."),
    Kind("teapot", "coffee-tea", "teapot", (35, 99), 950, CLAYS,
         "With a fine sieve inside and a spout that does not drip."),
    Kind("daypack", "backpacks", "daypack", (59, 149), 780, SHELLS,
         "For a day out: bottle, jacket, bread, and a pocket for the map."),
    Kind("trekking pack", "backpacks", "trekking_pack", (129, 289), 1900, SHELLS,
         "The load lies on the hips, and the back stays dry."),
    Kind("rain jacket", "clothing", "jacket", (99, 299), 450, SHELLS,
         "Taped seams and a hood with a peak; packs into its own pocket."),
    Kind("wool hat", "clothing", "hat", (19, 49), 90, CLOTHS,
         "Merino, knitted double, and it does not itch."),
    Kind("bottle", "bottles-flasks", "bottle", (15, 39), 260, (*SHELLS, F.STEEL),
         "Tight in any position, and wide enough for ice and a brush."),
    Kind("vacuum flask", "bottles-flasks", "flask", (29, 69), 420, (*SHELLS, F.STEEL),
         "Keeps tea hot for a day in the hills and water cold for two."),
    Kind("helmet", "helmets", "helmet", (49, 169), 320, (*SHELLS, F.CREAM),
         "Light, well aired, and closed with one hand."),
    Kind("child's helmet", "helmets", "small_helmet", (39, 79), 260, (F.MUSTARD, F.BLUSH, F.SAGE, F.NAVY),
         "Grows along with a wheel at the back; reflects all around."),
    Kind("pannier", "bike-bags", "pannier", (59, 149), 950, SHELLS,
         "Welded, not sewn: what is inside stays dry in a downpour."),
    Kind("handlebar bag", "bike-bags", "handlebar_bag", (45, 109), 480, SHELLS,
         "Comes off in one movement and turns into a shoulder bag."),
    Kind("light set", "bike-lights", "bike_light", (29, 99), 200, (F.BLACK, F.STEEL, F.COPPER),
         "White in front, red behind, thirty hours from one charge."),
    Kind("multitool", "bike-lights", "multitool", (19, 59), 180, (F.STEEL, F.BLACK, F.RUST),
         "Seventeen tools, no rattle, and it fits into a palm."),
    Kind("tent", "tents-stoves", "tent", (149, 499), 2600, SHELLS,
         "Stands in four minutes, also for one person, also in wind."),
    Kind("camping stove", "tents-stoves", "stove", (39, 119), 380, (F.STEEL, F.BLACK, F.COPPER),
         "Boils half a litre in three minutes and folds as small as a mug."),
    Kind("pen tray", "desk-tidying", "tray", (19, 49), 350, (*WOODS, F.BRASS, F.BLACK),
         "A place for what otherwise wanders over the desk."),
    Kind("magazine file", "desk-tidying", "file", (15, 45), 600, (*PAPERS[:4], F.OAK),
         "Keeps papers upright, and its label says which."),
    Kind("monitor stand", "stands-mats", "monitor_stand", (49, 169), 2800, (*WOODS, F.BLACK, F.STEEL),
         "Lifts the screen to the height of the eyes; the keyboard goes under it."),
    Kind("desk mat", "stands-mats", "mat", (25, 79), 700, (F.CHARCOAL, F.SAGE, F.NAVY, F.RUST, F.MUSTARD),
         "Wool felt with a cork back: warm to the wrists, quiet under the cup."),
    Kind("notebook", "notebooks", "notebook", (9, 26), 320, PAPERS,
         "Opens flat, 160 numbered pages, a paper that ink does not go through."),
    Kind("sketchbook", "notebooks", "sketchbook", (12, 34), 480, PAPERS,
         "Heavy paper with a light tooth, for pencil, ink and a little water."),
    Kind("fountain pen", "pens", "pen", (25, 149), 60, (F.BRASS, F.BLACK, F.STEEL, F.INDIGO, F.TERRACOTTA),
         "A medium nib that starts at the first touch, also after a week."),
    Kind("pencil set", "pens", "pencils", (9, 29), 120, (F.CHERRY, F.MUSTARD, F.SAGE, F.INDIGO),
         "Six cedar pencils from 2H to 4B, in a tin."),
)  # fmt: skip

BRANDS = (
    Brand("Halden", ("lighting", "decoration", "desk"), ("Alva", "Birk", "Eid"),
          "Halden has made lamps and furniture by a fjord since 1954."),
    Brand("Lumen Works", ("lighting", "cycling"), ("Arc", "Beam", "Orbit"),
          "Lumen Works gives five years on everything, the bulb included."),
    Brand("Moor & Field", ("textiles", "hiking"), ("Heath", "Fell", "Dale"),
          "Moor & Field spins its wool within a day's walk of the sheep."),
    Brand("Casa Lino", ("textiles", "table"), ("Sole", "Brisa", "Onda"),
          "Casa Lino weaves and glazes in small runs, so no two pieces are quite alike."),
    Brand("Kiln Street", ("decoration", "table", "cooking"), ("No. 4", "No. 7", "No. 12"),
          "Everything from Kiln Street is fired twice and checked by hand."),
    Brand("Ferro", ("cooking", "table", "camping"), ("Classico", "Uno", "Largo"),
          "Ferro sells spare parts for all it ever made."),
    Brand("Tarn", ("hiking", "camping"), ("Ridge", "Scree", "Cairn"),
          "Tarn repairs what you wear through, whoever sold it."),
    Brand("Veloce", ("cycling", "hiking"), ("Sprint", "Strada", "Tempo"),
          "Veloce tests on cobbles, in the rain, in November."),
    Brand("Papier & Co", ("stationery", "desk"), ("Folio", "Octavo", "Quarto"),
          "Papier & Co prints and binds under one roof."),
    Brand("Studio Nord", ("desk", "decoration", "stationery"), ("Plan", "Linje", "Form"),
          "Studio Nord draws things that are still right in twenty years."),
)  # fmt: skip

SHIRT = Kind("shirt", "clothing", "shirt", (69, 69), 190, (),
             "Warm when it is cold, cool when it is not, and fresh after a week in the hills.")  # fmt: skip
SHIRT_FINISHES, SHIRT_SIZES = (F.NAVY, F.MOSS, F.RUST), ("S", "M", "L", "XL")
"""Of the one family of variants: every size in every colour."""

ACCESSORIES = {
    "daypack": "bottle",
    "trekking pack": "vacuum flask",
    "tent": "camping stove",
    "helmet": "light set",
    "kettle": "mug",
    "casserole": "chopping board",
    "notebook": "fountain pen",
    "monitor stand": "desk mat",
}
"""Kind: the kind that goes with it."""
