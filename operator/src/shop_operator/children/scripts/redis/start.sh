#!/bin/sh
# Redis with the two passwords of the mounted Secret, which it follows within seconds and without a restart.
set -eu
here=$(dirname "$0")
hash() { printf %s "$1" | sha256sum | cut -c1-64; }

# The user as the Secret says; Redis needs no more of a password than its hash. Keeps what this script itself
# logs in with next time.
read_logins() {
  password=$(cat "$LOGINS/a")
  wanted="#$(hash "$password") #$(hash "$(cat "$LOGINS/b")")"
}

read_logins
current=$password applied=$wanted
{
  cat "$here/redis.conf"
  echo "user default on $applied ~* &* +@all"
} | redis-server - --port "$REDIS_PORT" --dir "$REDIS_DATA" &
server=$!
ended=
trap 'ended=yes' TERM INT
while [ -z "$ended" ] && kill -0 "$server" 2>/dev/null; do
  read_logins
  if [ "$wanted" != "$applied" ] &&
    REDISCLI_AUTH=$current redis-cli -e -p "$REDIS_PORT" acl setuser default resetpass $wanted; then
    current=$password applied=$wanted
  fi
  sleep 10 &
  wait $! || :
done
kill -TERM "$server" 2>/dev/null || :
wait "$server"
