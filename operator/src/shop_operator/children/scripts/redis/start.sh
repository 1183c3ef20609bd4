#!/bin/sh
# Redis with the two passwords of the mounted Secret, which it follows within seconds and without a restart.
set -eu
here=$(dirname "$0")
hash() { printf %s "$1" | sha256sum | cut -c1-64; }

# By the shell itself: a process every few seconds in every cache adds up.
read_logins() {
  a= b=
  IFS= read -r a <"$LOGINS/a" || :
  IFS= read -r b <"$LOGINS/b" || :
  wanted="$a
$b"
}
# Redis needs no more of a password than its hash.
hashes() { echo "#$(hash "$a") #$(hash "$b")"; }

read_logins
current=$a applied=$wanted
{
  cat "$here/redis.conf"
  echo "user default on $(hashes) ~* &* +@all"
  # The exporter in this pod, if there is one: it may look, and at no data.
  if [ -n "${METRICS_PASSWORD:-}" ]; then
    echo "user metrics on #$(hash "$METRICS_PASSWORD") -@all +info +ping +config|get +slowlog|len +latency|latest"
  fi
} | redis-server - --port "$REDIS_PORT" --dir "$REDIS_DATA" &
server=$!
ended=
trap 'ended=yes' TERM INT
while [ -z "$ended" ] && kill -0 "$server" 2>/dev/null; do
  read_logins
  if [ "$wanted" != "$applied" ] &&
    REDISCLI_AUTH=$current redis-cli -e -p "$REDIS_PORT" acl setuser default resetpass $(hashes); then
    current=$a applied=$wanted
  fi
  sleep 3 &
  wait $! || :
done
kill -TERM "$server" 2>/dev/null || :
wait "$server"
