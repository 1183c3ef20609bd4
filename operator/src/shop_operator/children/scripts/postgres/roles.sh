#!/bin/sh
# Makes database and roles what the mounted Secret says: at start, and within three seconds of a change.
# So a lost Secret heals, and a login is changed; connections that are open stay open.
set -eu
here=$(dirname "$0")
PGUSER=$(id -un)
export PGUSER PATH="$POSTGRES_BIN:$PATH"
trap 'exit 0' TERM INT

# By the shell itself: a process every few seconds in every database adds up.
read_logins() {
  a= b=
  IFS= read -r a <"$LOGINS/a" || :
  IFS= read -r b <"$LOGINS/b" || :
  wanted="$a
$b"
}

applied= pause=1
while :; do
  read_logins
  if [ "$wanted" != "$applied" ] && pg_isready --quiet; then
    if psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres --file="$here/roles.sql"; then
      applied=$wanted pause=3
      echo "database and roles are as the Secret says"
    fi
  fi
  sleep $pause &
  wait $! || :
done
