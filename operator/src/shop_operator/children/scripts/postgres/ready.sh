#!/bin/sh
# Whether the service could log in now, with what its own binding says; or, where given, USERNAME with the
# password of PASSWORD_FILE.
set -eu
binding=$SERVICE_BINDING_ROOT/database
export PATH="$POSTGRES_BIN:$PATH" PGCONNECT_TIMEOUT=2
PGHOST=${1:-127.0.0.1} PGUSER=${USERNAME:-$(cat "$binding/username")} PGDATABASE=$(cat "$binding/database") \
  PGPASSWORD=$(cat "${PASSWORD_FILE:-$binding/password}") \
  psql --no-psqlrc --quiet --tuples-only --output=/dev/null --command='SELECT 1'
