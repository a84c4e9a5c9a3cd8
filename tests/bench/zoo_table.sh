#!/usr/bin/env bash
# The README's table of named networks: MACs, parameters, eager and fused latency on this machine, as Markdown.
#   tests/bench/zoo_table.sh NASLAT [THREADS]
set -euo pipefail

naslat=$1 threads=${2:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for mode in eager fused; do
  "$naslat" measure --space zoo --archs all --mode "$mode" --threads "$threads" --device-name "$mode" --out "$work/zoo.jsonl" --quiet >&2
done
"$naslat" export "$work/zoo.jsonl" --counts --format markdown
