#!/bin/sh
# Whether the service could use the cache now, with what its own binding says.
answer=$(REDISCLI_AUTH=$(cat "$SERVICE_BINDING_ROOT/cache/password") redis-cli -p "$REDIS_PORT" ping 2>/dev/null)
[ "$answer" = PONG ]
