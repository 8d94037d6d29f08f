-- Money is integer minor units with an ISO 4217 code. Nothing of a payment instrument is ever stored.
CREATE TABLE orders (
    order_id       text PRIMARY KEY,
    user_id        text NOT NULL,
    status         text NOT NULL CHECK (status IN ('pending', 'placed', 'payment_declined', 'payment_rejected')),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    payment_method text NOT NULL,
    transaction_id text UNIQUE,
    failure        jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    settled_at     timestamptz,
    CHECK ((status = 'placed') = (transaction_id IS NOT NULL)),
    CHECK ((status IN ('payment_declined', 'payment_rejected')) = (failure IS NOT NULL))
);

CREATE TABLE order_lines (
    order_id         text NOT NULL REFERENCES orders ON DELETE CASCADE,
    position         smallint NOT NULL,
    product_id       text NOT NULL,
    name             text NOT NULL,
    quantity         smallint NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor > 0),
    PRIMARY KEY (order_id, position)
);

-- A key belongs to a user. claimed_until: somebody is at work on it until then at the latest; null: nobody is.
CREATE TABLE idempotency_keys (
    user_id       text NOT NULL,
    key           text NOT NULL,
    fingerprint   text NOT NULL,
    order_id      text NOT NULL REFERENCES orders DEFERRABLE INITIALLY DEFERRED,
    claimed_until timestamptz,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
CREATE INDEX orders_user_id_created_at ON orders (user_id, created_at);
