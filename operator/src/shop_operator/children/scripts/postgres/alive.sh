#!/bin/sh
# 1 is "starting up or recovering", which a restart would only prolong; 2 is no answer.
"$POSTGRES_BIN/pg_isready" --quiet
[ $? -le 1 ]
