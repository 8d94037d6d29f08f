#!/bin/bash
# Honours the part of the official image's contract that compose.yaml relies on: a password from a file, a cluster made
# at the first start, the server under the user postgres.
set -eu
if [ "${1:-}" = postgres ] && [ "$(id -u)" = 0 ]; then
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
        export POSTGRES_PASSWORD
        unset POSTGRES_PASSWORD_FILE
    fi
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    chown -R postgres:postgres /var/lib/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?Set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE}"
    # shellcheck disable=SC2086 - the arguments are words by contract
    initdb --username="${POSTGRES_USER:-postgres}" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    set -- "$@" -c listen_addresses='*'
elif [ "${1:-}" = postgres ]; then
    set -- "$@" -c listen_addresses='*'
fi
unset POSTGRES_PASSWORD
exec "$@"
