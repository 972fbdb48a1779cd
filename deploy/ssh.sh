#!/usr/bin/env bash
# Runs one load test from several machines by ssh, one shard each, and merges what they found into one report.
#
# usage: ssh.sh [-o REPORT.json] [-d DELAY_S] HOST… -- OPTIONS OF THRUM LOAD
#
#   -o FILE   where the merged report goes (default load.json); the shards' go beside it, load.1.json, load.2.json …
#   -d S      seconds until all shards start together (default 30: time to log in and to mint identities)
#
# Each HOST has thrum on its PATH, the files that the options name, the time from NTP, and lets you in without a question.
# Exits as 'thrum load merge' does: 0, 1 when an assertion failed, or 3 when a shard has no report.
#
#   deploy/ssh.sh gen-1 gen-2 gen-3 -- --url mqtts://broker.example:8883 --scenario connect-storm --set clients=30000
set -euo pipefail

usage() {
  sed -n '/^# usage/,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
  exit 2
}

# One word for any POSIX shell.
quoted() {
  printf "'%s' " "${1//\'/\'\\\'\'}"
}

report=load.json
delay_s=30
while getopts 'o:d:' option; do
  case $option in
    o) report=$OPTARG ;;
    d) delay_s=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))

hosts=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in -*) usage ;; esac
  hosts+=("$1")
  shift
done
if [ ${#hosts[@]} -eq 0 ] || [ $# -lt 2 ]; then usage; fi
case $delay_s in '' | *[!0-9]*) usage ;; esac
shift

start_at=$(node -p "new Date(Date.now() + $delay_s * 1000).toISOString()")
options=$(for word in "$@"; do quoted "$word"; done)

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; exit 130' INT TERM
shards=()
for index in "${!hosts[@]}"; do
  shard=$((index + 1))
  file=${report%.json}.$shard.json
  shards+=("$file")
  # The report comes back on stdout; a shard's own verdict (1) is not that of the whole.
  remote="folder=\$(mktemp -d) || exit 3; thrum load $options --shard $shard/${#hosts[@]} --start-at $start_at --out \"\$folder/report.json\" --quiet >&2; code=\$?; cat \"\$folder/report.json\"; rm -rf \"\$folder\"; [ \$code -eq 1 ] && code=0; exit \$code"
  ssh -o BatchMode=yes -o ServerAliveInterval=15 -- "${hosts[$index]}" "$remote" >"$file" &
  pids+=($!)
done
printf '%s shards start at %s\n' "${#hosts[@]}" "$start_at" >&2

missing=0
for index in "${!pids[@]}"; do
  if ! wait "${pids[$index]}"; then
    printf 'no report from %s (shard %s)\n' "${hosts[$index]}" "$((index + 1))" >&2
    missing=1
  fi
done
[ "$missing" -eq 0 ] || exit 3

exec thrum load merge "${shards[@]}" --out "$report"
