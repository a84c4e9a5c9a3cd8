#!/usr/bin/env bash
# Kills `naslat measure` at random moments, resumes it, and checks after each kill that no complete record was lost or
# changed, and at the end that every network is there exactly once.
#   tests/kill_test.sh NASLAT [KILLS] [BACKEND]
set -euo pipefail

naslat=$1 kills=${2:-10} backend=${3:-onednn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dataset=$work/killed.jsonl
networks=60
measure=("$naslat" measure --backend "$backend" --threads 1 --archs "random:$networks" --out "$dataset" --quiet
  --warmup 2 --discard 1 --runs 5 --visits 1 --no-anchor) # records come one by one: kills fall among them
RANDOM=${SEED:-1}

fail() {
  echo "kill_test: $*" >&2
  exit 1
}

: >"$dataset"
killed=0 amid=0
while [ "$killed" -lt "$kills" ]; do
  # Complete lines of before must be the beginning of what is there after the kill.
  head -n "$(wc -l <"$dataset")" "$dataset" >"$work/before"
  "${measure[@]}" >/dev/null 2>"$work/log" &
  process=$!
  if [ $((killed % 2)) -eq 0 ]; then
    sleep "0.$(printf %03d $((RANDOM % 900)))"
  else # however slow the machine is: after so many more records
    enough=$(($(wc -l <"$work/before") + 1 + RANDOM % 10))
    until [ "$(wc -l <"$dataset")" -gt "$enough" ] || ! kill -0 "$process" 2>/dev/null; do sleep 0.01; done
  fi
  if kill -KILL "$process" 2>/dev/null; then
    killed=$((killed + 1))
  fi
  wait "$process" 2>/dev/null && finished=true || finished=false
  cmp -s -n "$(stat -c %s "$work/before")" "$work/before" "$dataset" || fail "records of before kill $killed are gone"
  lines=$(wc -l <"$dataset")
  [ "$lines" -gt 1 ] && [ "$lines" -le "$networks" ] && amid=$((amid + 1))
  # A finished dataset leaves nothing to interrupt: cut it in the middle of a line and go on from there.
  if $finished || [ "$(wc -l <"$dataset")" -gt "$networks" ]; then
    truncate -s $(($(stat -c %s "$dataset") * (RANDOM % 100) / 100)) "$dataset"
  fi
done

[ "$amid" -gt 0 ] || fail "no kill of $killed fell among the records"
"${measure[@]}" >/dev/null || fail "the last run failed"
"$naslat" export "$dataset" --format csv --out "$work/table.csv"
rows=$(($(wc -l <"$work/table.csv") - 1))
records=$(grep -c '"type":"measurement"' "$dataset")
[ "$rows" -eq "$networks" ] || fail "$rows networks after $killed kills, wanted $networks"
[ "$records" -eq "$networks" ] || fail "$records records for $networks networks after $killed kills"
echo "kill_test: $killed kills, $amid among the records, $networks networks, none lost, none twice"
