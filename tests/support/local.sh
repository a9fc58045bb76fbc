# local.sh - sourced by tests: `dsql local` in the foreground of a test, with its log.
#
#   DSQL=...; local_start DIR [OPTION...]   exports what `dsql local --ready-file` writes; the log is DIR/local.log
#   local_stop                              fails, and shows the log, unless it ends well

LOCAL_PID=
local_start() {
  LOCAL_DIR=$1
  shift
  unset AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION "${!PG@}"
  "$DSQL" local --pg-bin "$(scripts/pg bin 18)" --ready-file "$LOCAL_DIR/local.env" "$@" >/dev/null \
    2>"$LOCAL_DIR/local.log" &
  LOCAL_PID=$!
  until [ -s "$LOCAL_DIR/local.env" ]; do
    kill -0 "$LOCAL_PID" || { cat "$LOCAL_DIR/local.log"; exit 1; }
    sleep 0.1
  done
  . "$LOCAL_DIR/local.env"
}

local_stop() {
  local pid=$LOCAL_PID
  LOCAL_PID=
  [ -n "$pid" ] || return 0
  kill -TERM "$pid"
  wait "$pid" || { cat "$LOCAL_DIR/local.log"; return 1; }
}
