#!/bin/sh
# Ends when the server takes the login that is to become the current one: $LOGIN, with the password of the
# attempt $NEXT. The Secret with it may reach this pod later than the pod began.
until [ "$(cat "$LOGINS/next" 2>/dev/null)" = "$NEXT" ] &&
  USERNAME="${OWNER}_$LOGIN" PASSWORD_FILE="$LOGINS/$LOGIN" \
    sh "$(dirname "$0")/ready.sh" "$(cat "$SERVICE_BINDING_ROOT/database/host")"; do
  sleep 1
done
