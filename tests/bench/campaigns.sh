#!/usr/bin/env bash
# How well measurements repeat here, and how much of the time goes into executions. Prints figures, judges nothing.
#   tests/bench/campaigns.sh NASLAT [THREADS]
set -euo pipefail

naslat=$1 threads=${2:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "load average $(cut -d' ' -f1-3 /proc/loadavg)"
echo "two campaigns over 60 random networks, anchors and visits:"
"$naslat" measure --archs random:60 --threads "$threads" --repeats 2 --out "$work/visits.jsonl" --quiet | sed 's/^/  /'
echo "the same, the paper's order (one block each, no anchor):"
"$naslat" measure --archs random:60 --threads "$threads" --repeats 2 --visits 1 --no-anchor --out "$work/block.jsonl" --quiet |
  sed 's/^/  /'
echo "share of the wall time inside executions, random:300:"
"$naslat" measure --archs random:300 --threads "$threads" --out "$work/share.jsonl" --quiet --json |
  grep -E '"(wall_s|executing_s|executing_share|anchor_spread)"'
for space in fbnet mobilenetv3; do
  echo "the same, $space, random:60:"
  "$naslat" measure --space "$space" --archs random:60 --threads "$threads" --out "$work/share.jsonl" --quiet --json |
    grep -E '"(wall_s|executing_s|executing_share|anchor_spread)"'
done
echo "cost of timing one execution:"
"$naslat" devices --json | grep harness_cost_us
