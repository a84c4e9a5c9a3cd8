#!/usr/bin/env bash
# What the README promises of the released file, tried on the file itself: tests/release_test.sh build/release/naslat
set -uo pipefail
naslat=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
passed=0 failed=0

holds() { # what, command…
  local what=$1
  shift
  if "$@" >output 2>errors; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$what"
    tail -n 5 output errors
  fi
}
exits() { # wanted exit code, part of the one line on stderr, arguments…
  local code=$1 message=$2
  shift 2
  "$naslat" "$@" >output 2>errors
  [ $? -eq "$code" ] && [ "$(wc -l <errors)" -eq 1 ] && grep -qF -- "$message" errors
}
json() { # python-free check that stdout is one JSON document holding a text
  local wanted=$1
  shift
  "$naslat" "$@" >output 2>errors && head -c 1 output | grep -q '[[{]' && grep -qF -- "$wanted" output
}
static() { ldd "$naslat" 2>&1 | grep -q 'not a dynamic executable'; }
small() {
  strip -o stripped "$naslat" && [ "$(stat -c %s stripped)" -lt $((60 * 1024 * 1024)) ]
}
starts_fast() { # the best of five, since the machine may be busy
  local best=1000000 start took
  for _ in 1 2 3 4 5; do
    start=$(date +%s%N)
    "$naslat" --version >/dev/null
    took=$((($(date +%s%N) - start) / 1000))
    [ "$took" -lt "$best" ] && best=$took
  done
  echo "$best us"
  [ "$best" -lt 50000 ]
}

holds 'the binary is fully static' static
holds 'stripped it is under 60 MB' small
holds 'it starts in under 50 ms' starts_fast
holds 'spaces are listed' json '"nasbench201"' spaces --json
holds 'a network is printed by its index' json '220119680' spaces nasbench201 1462 --json
holds 'an unknown space is the request'"'"'s fault' exits 2 "got 'nosuch', wanted one of nasbench201" spaces nosuch
holds 'an unknown subcommand is the request'"'"'s fault' exits 2 '' nosuch
holds 'a broken architecture is named' exits 2 'nasbench201: architecture' spaces nasbench201 '|conv~0|'

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
