#!/bin/sh
# Redis with the password of the mounted Secret, which it follows within seconds and without a restart.
set -eu
here=$(dirname "$0")
password() { cat "$SERVICE_BINDING_ROOT/cache/password"; }

current=$(password)
{
  cat "$here/redis.conf"
  printf 'requirepass "%s"\n' "$(printf %s "$current" | sed 's/["\\]/\\&/g')"
} | redis-server - --port "$REDIS_PORT" --dir "$REDIS_DATA" &
server=$!
ended=
trap 'ended=yes' TERM INT
while [ -z "$ended" ] && kill -0 "$server" 2>/dev/null; do
  wanted=$(password)
  if [ "$wanted" != "$current" ] && printf %s "$wanted" |
    REDISCLI_AUTH=$current redis-cli -p "$REDIS_PORT" -x config set requirepass; then
    current=$wanted
  fi
  sleep 10 &
  wait $! || :
done
kill -TERM "$server" 2>/dev/null || :
wait "$server"
