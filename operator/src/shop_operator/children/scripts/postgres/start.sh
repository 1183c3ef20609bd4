#!/bin/sh
# The PostgreSQL server. Its data folder is made beside its place and renamed into it: a crash
# in between leaves nothing, never half a folder.
set -eu
here=$(dirname "$0")
PGUSER=$(id -un)
export PGUSER PATH="$POSTGRES_BIN:$PATH"

if [ ! -e "$PGDATA" ]; then
  rm -rf "$PGDATA.new"
  initdb --pgdata="$PGDATA.new" --encoding=UTF8 --locale=C.UTF-8 --data-checksums --auth=peer
  mv "$PGDATA.new" "$PGDATA"
  sync "$(dirname "$PGDATA")"
fi

postgres -D "$PGDATA" -c config_file="$here/postgresql.conf" -c hba_file="$here/pg_hba.conf" \
  -c ident_file="$here/pg_ident.conf" -c unix_socket_directories="$PGHOST" \
  -c shared_buffers="$SHARED_BUFFERS" &
server=$!
# The kubelet's SIGTERM means "wait until every client has left" to PostgreSQL; SIGINT ends now, cleanly.
trap 'kill -INT "$server"' TERM INT
until wait "$server"; do
  status=$?
  kill -0 "$server" 2>/dev/null || exit "$status" # else a signal woke us, and the server is still closing
done
