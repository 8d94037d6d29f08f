"""The assortment: products made up from lists of words, the same ones for the same seed.

It exists because a search over twenty rows teaches nothing. Every (adjective, material, noun) is used at most once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from catalog.domain import Product

# Part of the version stored beside the products: raise it when the lists or the sentences change.
EDITION = 1


@dataclass(frozen=True, slots=True)
class Department:
    """Part of a category: things that can be made of the same materials, and between which prices in euro."""

    name: str
    nouns: tuple[str, ...]
    materials: tuple[str, ...]
    price_range: tuple[int, int]
    uses: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


ADJECTIVES = _words(
    "Compact, Lightweight, Classic, Modern, Rustic, Elegant, Portable, Sturdy, Slim, Handmade, Minimalist, Vintage,"
    " Everyday, Premium, Travel, Nordic, Urban, Durable, Bright, Essential, Signature, Oversized, Mini, Deluxe,"
    " Natural, Polished, Timeless, Robust, Refined, Simple, Heritage, Artisan, Coastal, Alpine, Graphic, Bold, Pure,"
    " Rounded, Tall, Contemporary, Scandinavian, Industrial, Country, Studio, Royal, Midnight, Original, Little"
)
BRANDS = _words(
    "Aldermoor, Birkenfeld, Brightwater, Calder & Finch, Corvane, Dalhart, Elmstead, Fenwick Row, Fjellborg, Garrison,"
    " Halden, Harrowgate, Ingleside, Juniper Lane, Kestrel, Kolding, Larkhill, Linden & Co, Marlowe, Morrow, Nordhavn,"
    " Northfold, Oakhurst, Orsini, Palisade, Pemberton, Quillon, Ravensworth, Redfern, Rosenthal Works, Saltmarsh,"
    " Silvervale, Skagen Yard, Solvang, Stonebridge, Tallow & Wick, Tern, Thistledown, Umberto, Vesterhus, Westerly,"
    " Whitcombe, Wildrose, Yarrow"
)
FEATURES = _words(
    "Easy to clean with a damp cloth, Ships fully assembled, Comes with a five-year guarantee, Spare parts are"
    " available for ten years, Packed without plastic, Tested for daily use, Made in small batches, Repairable with"
    " ordinary tools, Folds flat when not in use, Available in six colours, Certified by an independent laboratory,"
    " A favourite of our customers, Finished by hand, Holds up to twice the usual load, Quick to set up"
)
DEPARTMENTS = (
    Department(
        "Furniture",
        _words("Chair, Armchair, Desk, Bookshelf, Dining Table, Stool, Bench, Wardrobe, Sideboard, Coffee Table"),
        _words("Oak, Walnut, Beech, Birch, Bamboo, Pine, Ash, Rattan"),
        (45, 900),
        _words("for the living room, for small flats, for the home office, for the hallway"),
    ),
    Department(
        "Furniture",
        _words("Sofa, Footstool, Headboard, Cushion, Recliner"),
        _words("Velvet, Linen, Leather, Corduroy, Wool"),
        (35, 1400),
        _words("for the living room, for long evenings, for small flats"),
    ),
    Department(
        "Lighting",
        _words("Desk Lamp, Floor Lamp, Pendant, Lantern, Wall Light, Reading Lamp, Table Lamp"),
        _words("Brass, Copper, Glass, Steel, Ceramic, Concrete, Bamboo, Paper"),
        (15, 320),
        _words("for reading, for long evenings, for the balcony, for a warm light in the kitchen"),
    ),
    Department(
        "Kitchen",
        _words("Kettle, Frying Pan, Saucepan, Casserole, Roasting Tin, Wok"),
        _words("Cast Iron, Copper, Stainless Steel, Enamel, Carbon Steel"),
        (18, 240),
        _words("for every day, for two people, for big families, for slow cooking"),
    ),
    Department(
        "Kitchen",
        _words("Teapot, Mixing Bowl, Mug, Plate, Serving Dish, Jug, Espresso Cup"),
        _words("Stoneware, Porcelain, Glass, Earthenware, Enamel"),
        (6, 110),
        _words("for every day, for baking, for guests, for the perfect coffee"),
    ),
    Department(
        "Kitchen",
        _words("Cutting Board, Tray, Salad Bowl, Spice Rack, Bread Box, Rolling Pin"),
        _words("Maple, Walnut, Bamboo, Olive Wood, Beech"),
        (8, 120),
        _words("for every day, for baking, for big families"),
    ),
    Department(
        "Electronics",
        _words("Headphones, Speaker, Earbuds, Keyboard, Mouse, Microphone"),
        _words("Wireless, Bluetooth, Noise-Cancelling, USB-C, Low-Latency"),
        (18, 480),
        _words("for calls, for travel, for the studio, for the desk, for long battery life"),
    ),
    Department(
        "Electronics",
        _words("Charger, Power Bank, Desk Hub, Cable Set, Laptop Stand, Docking Station"),
        _words("Aluminium, Graphite, USB-C, Magnetic, Foldable"),
        (12, 260),
        _words("for travel, for the desk, for three devices at once"),
    ),
    Department(
        "Electronics",
        _words("Monitor, Webcam, Projector, Router, Smart Display"),
        _words("Wide-Angle, High-Contrast, Dual-Band, Glare-Free"),
        (45, 780),
        _words("for the home office, for the studio, for films"),
    ),
    Department(
        "Clothing",
        _words("Jacket, Sweater, Shirt, Scarf, Trousers, Coat, Cardigan, Hoodie, Socks, Beanie"),
        _words("Wool, Cotton, Linen, Cashmere, Denim, Corduroy, Merino, Fleece"),
        (9, 360),
        _words("for cold mornings, for rainy days, for the office, for layering, for all seasons"),
    ),
    Department(
        "Outdoor",
        _words("Tent, Backpack, Hammock, Tarp, Dry Bag, Rain Cover"),
        _words("Nylon, Canvas, Ripstop, Recycled, Waterproof"),
        (15, 540),
        _words("for weekend trips, for high mountains, for festivals, for bad weather"),
    ),
    Department(
        "Outdoor",
        _words("Camping Stove, Water Bottle, Cook Set, Hiking Poles, Headlamp, Flask"),
        _words("Titanium, Aluminium, Steel, Carbon"),
        (10, 220),
        _words("for weekend trips, for the lake, for long distances"),
    ),
    Department(
        "Garden",
        _words("Planter, Bird Bath, Plant Pot, Garden Lantern, Fountain"),
        _words("Terracotta, Zinc, Stone, Clay, Concrete"),
        (8, 260),
        _words("for balconies, for herbs, for large gardens, for shady corners"),
    ),
    Department(
        "Garden",
        _words("Watering Can, Garden Shears, Trowel, Rake, Spade, Hand Fork"),
        _words("Steel, Copper, Enamel, Ash, Stainless Steel"),
        (6, 140),
        _words("for herbs, for beginners, for tomatoes, for roses"),
    ),
    Department(
        "Garden",
        _words("Raised Bed, Bird House, Compost Bin, Garden Bench, Trellis"),
        _words("Cedar, Larch, Willow, Oak, Acacia"),
        (15, 380),
        _words("for balconies, for large gardens, for beginners"),
    ),
    Department(
        "Sports",
        _words("Yoga Mat, Foam Roller, Yoga Block, Exercise Mat"),
        _words("Cork, Rubber, Recycled Foam, Jute"),
        (9, 120),
        _words("for training at home, for stretching, for beginners"),
    ),
    Department(
        "Sports",
        _words("Dumbbells, Kettlebell, Weight Plates, Pull-Up Bar"),
        _words("Cast Iron, Steel, Rubber, Neoprene"),
        (12, 290),
        _words("for the gym, for training at home, for competitions"),
    ),
    Department(
        "Toys",
        _words("Train Set, Building Blocks, Doll House, Stacking Tower, Marble Run, Puzzle, Rocking Horse"),
        _words("Wooden, Beech, Bamboo, Painted, Maple"),
        (8, 190),
        _words("for ages three and up, for rainy afternoons, for patient builders"),
    ),
    Department(
        "Toys",
        _words("Teddy Bear, Rabbit, Elephant, Hand Puppet, Play Mat"),
        _words("Plush, Felt, Cotton, Wool, Organic"),
        (7, 80),
        _words("for ages one and up, for bedtime, for the whole family"),
    ),
    Department(
        "Stationery",
        _words("Notebook, Sketchbook, Planner, Pencil Case, Folder, Desk Mat"),
        _words("Leather, Linen, Recycled Paper, Canvas, Cork"),
        (4, 110),
        _words("for sketches, for students, for meetings, for a tidy desk"),
    ),
    Department(
        "Stationery",
        _words("Fountain Pen, Bookend, Letter Opener, Pen Tray, Paperweight"),
        _words("Brass, Steel, Walnut, Marble, Copper"),
        (6, 140),
        _words("for letters, for meetings, for a tidy desk"),
    ),
    Department(
        "Bath",
        _words("Towel, Bathrobe, Bath Mat, Hand Towel, Washcloth"),
        _words("Cotton, Linen, Bamboo, Waffle, Terry"),
        (5, 120),
        _words("for the guest bathroom, for sensitive skin, for a spa at home"),
    ),
    Department(
        "Bath",
        _words("Soap Dish, Mirror, Toothbrush Holder, Towel Rail, Shower Caddy"),
        _words("Chrome, Marble, Ceramic, Teak, Brass"),
        (6, 190),
        _words("for the guest bathroom, for small bathrooms, for a spa at home"),
    ),
    Department(
        "Bags",
        _words("Tote, Messenger Bag, Wallet, Weekender, Laptop Sleeve, Belt Bag, Briefcase, Card Holder"),
        _words("Leather, Canvas, Felt, Waxed Cotton, Vegan Leather, Denim"),
        (12, 420),
        _words("for commuting, for carry-on, for a night away, for markets, for cyclists"),
    ),
)


def version(count: int, seed: int) -> str:
    """Names an assortment: equal versions are equal products."""
    return f"edition-{EDITION}-seed-{seed}-products-{count}"


def capacity() -> int:
    """How many different products the words can make."""
    return sum(len(ADJECTIVES) * len(d.materials) * len(d.nouns) for d in DEPARTMENTS)


def products(count: int, seed: int) -> Iterator[Product]:
    """``count`` products, at most :func:`capacity`; the same ones in the same order for the same seed."""
    random = Random(seed)  # noqa: S311 - made-up products, not secrets
    chosen = random.sample(range(capacity()), count)
    return (_product(position, number, random) for position, number in enumerate(chosen, start=1))


def _product(position: int, number: int, random: Random) -> Product:
    department, adjective, material, noun = _decode(number)
    brand = random.choice(BRANDS)
    return Product(
        product_id=f"prd-{position:06d}",
        name=f"{adjective} {material} {noun}",
        brand=brand,
        category=department.name,
        description=_description(f"{adjective} {material} {noun} by {brand}", department, random),
        price_minor=_price_minor(department, random),
        popularity=int(random.paretovariate(1.2) * 10),
    )


def _decode(number: int) -> tuple[Department, str, str, str]:
    """The words that a number below :func:`capacity` stands for."""
    for department in DEPARTMENTS:
        size = len(ADJECTIVES) * len(department.materials) * len(department.nouns)
        if number < size:
            number, adjective = divmod(number, len(ADJECTIVES))
            noun, material = divmod(number, len(department.materials))
            return department, ADJECTIVES[adjective], department.materials[material], department.nouns[noun]
        number -= size
    raise ValueError(f"number is {number} beyond the {capacity()} products that the words can make")


def _description(what: str, department: Department, random: Random) -> str:
    features = random.sample(FEATURES, 2)
    return ". ".join((f"{what}, made {random.choice(department.uses)}", *features)) + "."


def _price_minor(department: Department, random: Random) -> int:
    """Euro cents: most things near the low end of their range, ending as prices do."""
    low, high = department.price_range
    euro = low + (high - low) * random.betavariate(1.3, 4.0)
    return int(euro) * 100 + random.choice((0, 49, 90, 95, 99))
