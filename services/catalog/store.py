"""Where the products live: PostgreSQL with its full-text search."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from psycopg import Connection

from catalog.domain import Product
from labkit import migrations
from labkit.app import ApiError
from labkit.database import Pool

MIGRATIONS = Path(__file__).parent / "migrations"
STARTUP_TIMEOUT_S = 120.0
LOAD_LOCK = int.from_bytes(b"catalog")
COLUMNS = "product_id, name, brand, category, description, price_minor, popularity"

# Every word may be the beginning of one ("lam" finds lamps), and all of them must occur. A text of stop words alone
# ("the") is nothing in English; taken literally it is the beginning of "thermal", which is what live search needs.
SEARCH = f"""
WITH found AS MATERIALIZED (
    SELECT product_id, popularity, ts_rank(search, query) AS rank
    FROM products, to_tsquery('english', %(query)s) AS english, to_tsquery('simple', %(query)s) AS literally,
         LATERAL (SELECT CASE WHEN numnode(english) = 0 THEN literally ELSE english END AS query) AS chosen
    WHERE search @@ query
), best AS (
    SELECT product_id, rank, popularity FROM found ORDER BY rank DESC, popularity DESC, product_id LIMIT %(limit)s
)
SELECT {COLUMNS}, (SELECT count(*) FROM found) AS total
FROM best JOIN products USING (product_id, popularity) ORDER BY rank DESC, popularity DESC, product_id
"""  # noqa: S608 - a constant list of columns
POPULAR = f"""
SELECT {COLUMNS}, (SELECT products FROM assortment) AS total
FROM products ORDER BY popularity DESC, product_id LIMIT %(limit)s
"""  # noqa: S608 - a constant list of columns
SELECT_MANY = f"SELECT {COLUMNS} FROM products WHERE product_id = ANY(%s)"  # noqa: S608 - a constant list of columns
REMEMBER = """
INSERT INTO assortment (version, products) VALUES (%(version)s, %(products)s)
ON CONFLICT (only_row) DO UPDATE SET version = %(version)s, products = %(products)s, loaded_at = now()
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The best of a search, and how many there were in all."""

    products: tuple[Product, ...]
    total: int


class ProductStore(Protocol):
    """What the catalogue asks of its persistence."""

    def search(self, words: Sequence[str], limit: int) -> Found:
        """Products that have all words, best first; without words the most wanted ones."""

    def find_all(self, product_ids: Collection[str]) -> dict[str, Product]:
        """Products by id. ApiError 404 ``product.unknown`` naming the ids that do not exist."""


class PostgresProducts:
    """See :class:`ProductStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def migrate(self) -> None:
        """Bring the schema up to date."""
        with self._pool.connection(statement_timeout_s=STARTUP_TIMEOUT_S) as connection:
            migrations.apply(connection, migrations.load(MIGRATIONS))

    def load(self, version: str, products: Iterable[Product]) -> int:
        """Replace the assortment unless this version is there already; returns how many products were written."""
        with self._pool.connection(statement_timeout_s=STARTUP_TIMEOUT_S) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOAD_LOCK,))
            if _loaded_version(connection) == version:
                return 0
            return _replace(connection, version, products)

    def search(self, words: Sequence[str], limit: int) -> Found:
        """See :class:`ProductStore`."""
        query = " & ".join(f"{word}:*" for word in words)
        with self._pool.connection() as connection:
            rows = connection.execute(SEARCH if words else POPULAR, {"query": query, "limit": limit}).fetchall()
        return Found(tuple(_product(row) for row in rows), rows[0]["total"] if rows else 0)

    def find_all(self, product_ids: Collection[str]) -> dict[str, Product]:
        """See :class:`ProductStore`."""
        with self._pool.connection() as connection:
            rows = connection.execute(SELECT_MANY, (list(product_ids),)).fetchall()
        found = {row["product_id"]: _product(row) for row in rows}
        refuse_missing(product_ids, found)
        return found


def refuse_missing(product_ids: Iterable[str], found: Collection[str]) -> None:
    """ApiError 404 ``product.unknown`` unless every id was found."""
    missing = [product_id for product_id in product_ids if product_id not in found]
    if missing:
        raise ApiError(
            404,
            "product.unknown",
            "The catalogue has no product with this id." if len(missing) == 1 else "Some products do not exist.",
            "GET /products?q= lists what there is.",
            {"product_ids": missing},
        )


def _loaded_version(connection: Connection[dict[str, Any]]) -> str | None:
    row = connection.execute("SELECT version FROM assortment").fetchone()
    return None if row is None else row["version"]


def _replace(connection: Connection[dict[str, Any]], version: str, products: Iterable[Product]) -> int:
    connection.execute("TRUNCATE products")
    written = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY products ({COLUMNS}) FROM STDIN") as copy:
        for p in products:
            copy.write_row((p.product_id, p.name, p.brand, p.category, p.description, p.price_minor, p.popularity))
            written += 1
    connection.execute(REMEMBER, {"version": version, "products": written})
    connection.execute("ANALYZE products")
    return written


def _product(row: dict[str, Any]) -> Product:
    return Product(
        product_id=row["product_id"],
        name=row["name"],
        brand=row["brand"],
        category=row["category"],
        description=row["description"],
        price_minor=row["price_minor"],
        popularity=row["popularity"],
    )
