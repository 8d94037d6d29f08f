-- Prices are integer euro cents. Words of the name weigh most in a search, then brand and category, then the rest.
CREATE TABLE products (
    product_id  text PRIMARY KEY,
    name        text NOT NULL,
    brand       text NOT NULL,
    category    text NOT NULL,
    description text NOT NULL,
    price_minor integer NOT NULL CHECK (price_minor > 0),
    popularity  integer NOT NULL,
    search      tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('english', brand || ' ' || category), 'B')
        || setweight(to_tsvector('english', description), 'D')
    ) STORED
);

CREATE INDEX products_search ON products USING gin (search) WITH (fastupdate = off);
CREATE INDEX products_popularity ON products (popularity DESC, product_id);

-- One row: which assortment was loaded, so that a second start finds the work done.
CREATE TABLE assortment (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version   text NOT NULL,
    products  integer NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
