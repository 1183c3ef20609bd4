#!/bin/sh
# Ends when the server takes the password that is to become the current one: that of $LOGIN in the attempt
# $NEXT. The Secret with it may reach this pod later than the pod began.
until [ "$(cat "$LOGINS/next" 2>/dev/null)" = "$NEXT" ] && PASSWORD_FILE="$LOGINS/$LOGIN" \
  sh "$(dirname "$0")/ready.sh" "$(cat "$SERVICE_BINDING_ROOT/cache/host")"; do
  sleep 1
done
