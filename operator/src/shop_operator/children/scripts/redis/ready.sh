#!/bin/sh
# Whether the service could use the cache now, with what its own binding says; or, where given, with the
# password of PASSWORD_FILE.
password=$(cat "${PASSWORD_FILE:-$SERVICE_BINDING_ROOT/cache/password}")
answer=$(REDISCLI_AUTH=$password timeout 5 redis-cli -h "${1:-127.0.0.1}" -p "$REDIS_PORT" ping 2>/dev/null)
[ "$answer" = PONG ]
